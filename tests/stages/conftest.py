"""Parameters to change, and a folder to run stages in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import tiny

from stages import _run


@pytest.fixture
def params() -> dict[str, Any]:
    """Parameters of two small experiments, to change and write."""
    return json.loads(json.dumps(tiny.PARAMS))  # no two sections one object


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to run stages in, in this process, which shall outlive its parent."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(_run, "die_with_parent", lambda: None)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return tmp_path
