"""Stages repairs and lag on small files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from hanet.methods.intervals import FEATURES
from stages import intervals, lag, repairs
from tests.stages.test_general import motion


@pytest.fixture
def clips(tmp_path: Path, rng: np.random.Generator) -> Path:
    (tmp_path / "mocap").mkdir()
    motion(tmp_path / "mocap" / "cmu_subjects.npz", ["001/1", "003/1", "005/2"], rng)
    motion(tmp_path / "mocap" / "bandai1.npz", ["x_walk"], rng)
    return tmp_path / "mocap"


def test_repairs_writes_a_page(
    clips: Path, tmp_path: Path, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "uiprmd").mkdir()
    body = rng.normal(size=(12, 3)) * 300
    for m in range(1, 11):
        episodes = {}
        for person in ("s01", "s02", "s09", "s10") if m < 3 else ("s01",):
            gt = body + rng.normal(size=(40, 12, 3)).cumsum(axis=0)
            episodes[f"m{m:02}_{person}_e01"] = np.stack([gt + rng.normal(size=(12, 3)), gt]).astype(
                np.float32
            )
        np.savez(tmp_path / "uiprmd" / f"m{m:02}.npz", **episodes)
    monkeypatch.setattr(repairs, "PAGE", tmp_path / "repairs.md")
    monkeypatch.setattr(repairs, "TRIES", 2)
    monkeypatch.setattr(repairs, "VIEWS", 1)
    repairs.main(clips, tmp_path / "uiprmd")
    numbers = json.loads((tmp_path / "repairs.json").read_text())
    assert min(row["f1"] for row in numbers["swaps"] if row["dimensions"] == 3 and not row["jitter_mm"]) > 0.9
    assert [row["motion"] for row in numbers["false swaps"]] == ["CMU", "CMU", "bandai1", "bandai1"]
    assert {row["missing"] for row in numbers["gaps"]} == {"one joint", "a limb", "all joints"}
    assert [row["people"] for row in numbers["calibration"]] == [["s01"], ["s02"], ["s01", "s02"]]
    page = (tmp_path / "repairs.md").read_text()
    assert "| one joint | 0.25 |" in page and page.count("| s01, s02 |") == 2
    assert all(0 <= row["held"] <= 100 and row["radius"] > 0 for row in numbers["calibration"])


def test_lag_writes_a_page(clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lag, "PAGE", tmp_path / "lag.md")
    monkeypatch.setattr(lag, "CLIPS", 2)
    monkeypatch.setattr(lag, "FRAMES", (40, 45))
    monkeypatch.setattr(lag, "LAGS", (0.0, 66.0))
    monkeypatch.setattr(lag, "NETWORK_LAGS", (66.0,))
    monkeypatch.setattr(lag, "CUTOFFS", (1.0, 4.0))
    monkeypatch.setattr(lag, "BETAS", (0.0,))
    lag.main(clips, tmp_path)
    rows = json.loads((tmp_path / "lag.json").read_text())["Bandai-1, drawn errors"]
    names = [
        "input",
        "input, gaps held",
        "general, offline",
        "general, 0 ms",
        "One Euro, 0 ms",
        "general, 66 ms",
        "network, 66 ms",
        "One Euro, 66 ms",
    ]
    assert [row["method"] for row in rows] == names
    assert rows[2]["error_gain"] == rows[2]["accel_gain"] == 1.0 and rows[0]["error_gain"] == 0.0
    assert "## Bandai-1, drawn errors" in (tmp_path / "lag.md").read_text()


def test_intervals_writes_a_page_and_a_model(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intervals, "PAGE", tmp_path / "intervals.md")
    monkeypatch.setattr(intervals, "WEIGHTS", tmp_path / "model.json")
    for name, value in (("FITTED", 6), ("CHOSEN", 8), ("ROWS", 50), ("STEPS", 20)):
        monkeypatch.setattr(intervals, name, value)
    motion_only = tmp_path / "motion"
    motion_only.mkdir()
    (clips / "cmu_subjects.npz").rename(motion_only / "cmu_subjects.npz")
    intervals.main(motion_only, tmp_path)
    model = json.loads((tmp_path / "model.json").read_text())
    assert list(model["weights"]) == list(FEATURES) and model["factor"] > 0
    rows = json.loads((tmp_path / "intervals.json").read_text())
    assert list(rows) == ["CMU, drawn errors", "Bandai-1, drawn errors"]
    assert 0 < rows["CMU, drawn errors"]["truth"] <= rows["CMU, drawn errors"]["varying"] + 0.2
    assert "| Bandai-1, drawn errors |" in (tmp_path / "intervals.md").read_text()
