"""What every stage shares: dying with its parent, saying what runs on what, writing whole files, MLflow.

MLflow is imported here, in `stages.publish` and in `stages.tracking.model` alone, and only where it is used:
importing it takes seconds. `stages.tracking.tables` gets a client.
"""

from __future__ import annotations

import ctypes
import os
import platform
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from hanet.download.unpack import ArchiveError
from hanet.estimators.common.weight_files import WeightStore
from hanet.models.device import hardware
from hanet.progress import console

DATA = Path("data")
RAW, POSES, PAIRS = DATA / "raw", DATA / "poses", DATA / "pairs"
MODELS, REFINED, REPORTS = DATA / "models", DATA / "refined", DATA / "reports"
RESOLVED = DATA / "resolved"
"""What decides the result of each stage besides its data, see `stages.resolve`."""
FIGURES, RECEIPTS = DATA / "figures", DATA / "published"
HASHES = DATA / "hashes"
"""SHA-256 of publishers' files, noted on first use: no output of DVC's, so that later runs are held to it."""
WEIGHTS = WeightStore(DATA / "weights", HASHES / "weights.json")
SCRATCH = DATA / "scratch"
"""States of unfinished trainings: not an output of DVC's, so that it survives a killed run."""

_PR_SET_PDEATHSIG = 1


def truth_path(experiment: str, split: str) -> Path:
    """The ground-truth cache of a split, beside `detected_path`."""
    return PAIRS / experiment / f"gt-{split}.parquet"


def detected_path(experiment: str, split: str) -> Path:
    """The cache of an experiment's detected poses of a split."""
    return PAIRS / experiment / f"detected-{split}.parquet"


@contextmanager
def stage(*title: str) -> Iterator[None]:
    """Frame of a stage's work: a headline, and `user_errors`."""
    die_with_parent()
    with user_errors():
        console.print(f"[bold]{' '.join(title)}[/] on {machine()}")
        yield


@contextmanager
def user_errors() -> Iterator[None]:
    """Errors that a user can mend are one line without a traceback (exit 2)."""
    try:
        yield
    except (ValueError, OSError, ArchiveError) as error:
        Console(stderr=True, soft_wrap=True, highlight=False).print(f"Error: {error}", markup=False)
        raise SystemExit(2) from None


def die_with_parent() -> None:
    """On Linux, be killed when the process that started this one ends, e.g. a killed `dvc repro`.

    DVC leaves the commands of its stages running when it is killed; an orphan could then write into the
    output of the next run.
    """
    if sys.platform == "linux":
        parent = os.getppid()
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it ended before the request was in place
            os.kill(os.getpid(), signal.SIGKILL)


def machine() -> str:
    """What this runs on: device, threads, PyTorch, Python, commit."""
    return f"{hardware()}, Python {platform.python_version()}, commit {commit()}"


def commit() -> str:
    """The work tree's commit; ``-dirty`` where tracked files differ, ``unknown`` outside git.

    What the pipeline itself writes (dvc.lock, data/) does not count: it differs during every run.
    """

    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], capture_output=True, text=True, check=True).stdout.strip()

    try:
        changed = git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!dvc.lock", ":!data")
        return git("rev-parse", "--short", "HEAD") + ("-dirty" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
