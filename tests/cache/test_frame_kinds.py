"""Kinds of frames beside a cache: written, read, refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from hanet.cache.frame_kinds import read_kinds, write_kinds
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import H36M17


def sequence(name: str, frames: int) -> PoseSequence:
    return PoseSequence.keypoints(name, np.zeros((frames, 17, 2)), H36M17, fps=30.0)


def test_kinds_come_back_by_sequence_and_track(tmp_path: Path) -> None:
    first, second = sequence("a", 3), replace(sequence("a", 2), track=1, start=5)
    path = tmp_path / "kinds.parquet"
    write_kinds(path, [(first, np.array([0, 3, 1])), (second, np.array([2, 0]))])
    found = read_kinds(path)
    assert {key: [column.tolist() for column in rows] for key, rows in found.items()} == {
        ("a", 0): [[0, 1, 2], [0, 3, 1]],
        ("a", 1): [[5, 6], [2, 0]],
    }
    table = pq.read_table(path).to_pydict()
    assert table["kind"] == ["clean", "swap", "jitter", "burst", "clean"]
    assert table["frame"] == [0, 1, 2, 5, 6]


def test_files_that_are_no_kinds_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "kinds.parquet"
    write_kinds(path, [(sequence("a", 1), np.array([0]))])
    table = pq.read_table(path)
    pq.write_table(table.drop_columns("kind"), path)
    with pytest.raises(ValueError, match="has no column kind; run stage estimate again"):
        read_kinds(path)
    other = table.to_pandas().assign(kind="odd")
    other.to_parquet(path)
    with pytest.raises(ValueError, match="unknown kinds odd; known: clean, jitter, burst, swap"):
        read_kinds(path)


def test_no_flipped_bit_changes_kinds(tmp_path: Path) -> None:
    path = tmp_path / "kinds.parquet"
    numbers = np.random.default_rng(0).integers(0, 4, 300)
    write_kinds(path, [(sequence("a", 300), numbers)])
    whole = path.read_bytes()
    for position in np.random.default_rng(1).choice(len(whole), 200):
        flipped = bytearray(whole)
        flipped[position] ^= 1 << position % 8
        path.write_bytes(flipped)
        try:
            _, found = read_kinds(path)["a", 0]
        except ValueError as error:
            assert "kinds.parquet" in str(error)
        else:
            assert found.tolist() == numbers.tolist()


def test_no_frames_have_no_kinds(tmp_path: Path) -> None:
    write_kinds(tmp_path / "kinds.parquet", [])
    assert read_kinds(tmp_path / "kinds.parquet") == {}
