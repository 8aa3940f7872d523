"""Parameters to change, and a folder to run stages in."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from stages import workspace
from stages.tracking.client import mlflow_client
from tests.support import tiny


@pytest.fixture
def params() -> dict[str, Any]:
    """Parameters of two small experiments, to change and write."""
    return json.loads(json.dumps(tiny.PARAMS))  # no two sections one object


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to run stages in, in this process, which shall outlive its parent."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(workspace, "die_with_parent", lambda: None)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return tmp_path


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty MLflow database: making its tables takes seconds, a copy none."""
    folder = tmp_path_factory.mktemp("mlflow")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        mlflow_client().search_experiments()
    return folder / "mlflow.db"


@pytest.fixture
def tracked(project: Path, database: Path) -> Path:
    """The project's folder, with an empty MLflow database."""
    shutil.copyfile(database, project / "mlflow.db")
    return project
