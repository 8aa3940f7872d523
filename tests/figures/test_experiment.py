"""Figures of all methods of a run."""

from __future__ import annotations

from pathlib import Path

from hanet.figures.experiment import summaries

PROVENANCE = {"dataset": "d", "estimator": "e", "protocol": "full"}


def row(mean: float) -> dict:
    return {"observed": 1.0, "mpjpe_mm": {"mean": mean}, "accel_mm_per_frame2": {"mean": mean / 9}}


def test_frames_read_are_drawn_once_per_method(tmp_path: Path) -> None:
    rows = {f"m{n}{after}": row(50.0 + n) for n in range(4) for after in ("", "-filtered", "-general")}
    budget, comparison = summaries(tmp_path, rows, PROVENANCE)
    assert "of m0, m1, m2, m3, without another one after them; bars" in budget["caption"]
    assert "of 12 methods; bars" in comparison["caption"]
    drawn = (tmp_path / "budget.svg").read_text()
    assert "m3" in drawn and "m3-filtered" not in drawn and "m3-general" not in drawn
    assert "m3-general" in (tmp_path / "comparison.svg").read_text()
