"""Shapes of people in a side table: a track that comes in parts is one there."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hanet.estimators.images.join import merge_runs
from hanet.smpl.side_table import SideTable, write_side_table
from hanet.smpl.tracks import SmplTrack, smpl_sequence


def track(name: str, start: int, frames: int, number: int = 0) -> SmplTrack:
    poses = smpl_sequence(name, np.tile(np.eye(3), (frames, 24, 1, 1)), fps=25.0, track=number, start=start)
    betas = np.repeat(np.arange(start, start + frames)[:, None], 10, axis=1).astype(np.float32)
    return SmplTrack(poses, betas)


def test_parts_of_a_track_become_one(tmp_path: Path) -> None:
    parts = [track("a", 2, 3), track("a", 8, 2), track("a", 0, 2, number=1), track("b", 5, 1)]
    found = list(merge_runs(iter(parts)))
    assert [(t.poses.key, t.poses.start, len(t)) for t in found] == [
        (("a", 0), 2, 8), (("a", 1), 0, 2), (("b", 0), 5, 1),
    ]  # fmt: skip
    assert found[0].betas[:, 0].tolist()[:3] == [2, 3, 4] and np.isnan(found[0].betas[3:6]).all()
    write_side_table(tmp_path / "side.parquet", found)
    side = SideTable(tmp_path / "side.parquet")
    for part in parts:
        np.testing.assert_array_equal(side.attach(part.poses).betas, part.betas)


def test_nothing_is_nothing() -> None:
    assert list(merge_runs(iter([]))) == []
