"""Folders and environment variables that the stages of a run share."""

from __future__ import annotations

import os
import sys
from pathlib import Path

RUNS = Path(".dvc") / "tmp" / "runs"
"""Relative to the main tree: files of runs, ignored by git and DVC."""
RESULTS = RUNS / "results"
"""Relative to the main tree: one folder per run with its report, tables and metrics."""
RESULTS_URL = "HANET_RESULTS_URL"
"""Environment variable: the address that serves `RESULTS`. Unset: artifacts link to files."""
SQLITE = "sqlite:///"


def environment(main: Path) -> dict[str, str]:
    """Return this process's environment for stages.

    This Python comes first in PATH, MLflow's address is absolute, and no tool reports its usage.
    """
    return {
        **os.environ,
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath))),
        "PYTHONUNBUFFERED": "1",
        "DVC_NO_ANALYTICS": "1",
        "DO_NOT_TRACK": "1",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_TRACKING_URI": absolute_uri(os.environ.get("MLFLOW_TRACKING_URI"), main),
    }


def absolute_uri(uri: str | None, main: Path) -> str:
    """Make an MLflow address valid in every work tree; the default is mlflow.db of the main tree."""
    if not uri:
        return f"{SQLITE}{main / 'mlflow.db'}"
    return f"{SQLITE}{main / uri.removeprefix(SQLITE)}" if uri.startswith(SQLITE) else uri
