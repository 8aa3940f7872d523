"""AIST++'s files that are laid out otherwise, cut off or hostile: refused by name."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hanet.datasets.aist.views import AistError, read_cameras, read_detections, read_motion, read_views
from hanet.poses.skeletons import SMPL24
from tests.support.aist_files import NAME, OTHER, camera_entry, save, write


def _entry(**changes: Any):
    def spoil(folder: Path) -> None:
        entries = [camera_entry(i) | changes for i in range(9)]
        (folder / "cameras" / "setting1.json").write_text(json.dumps(entries))

    return spoil


def _text(file: str, text: str):
    return lambda folder: (folder / "cameras" / file).write_text(text)


def _gone(folder: Path) -> None:
    (folder / "cameras" / "setting1.json").unlink()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            _text("mapping.txt", f"{NAME} setting99\n"),
            r"setting99.json: no such file, which .*mapping.txt names",
        ),
        (_text("mapping.txt", f"{OTHER} setting1\n"), rf"mapping.txt: expected a line for {NAME}, got none"),
        (
            _text("mapping.txt", f"{NAME}\n"),
            r"mapping.txt: expected one name and one setting per line, got 'gBR",
        ),
        (_gone, r"setting1.json: no such file"),
        (_text("setting1.json", "[{"), r"setting1.json: expected JSON, got other content"),
        (
            _text("setting1.json", "{}"),
            r"setting1.json: expected a JSON array, got a JSON object; get the annotations again",
        ),
        (_text("setting1.json", '[{"name": "c01"}]'), r"setting1.json: expected a field 'matrix', got name"),
        (
            _entry(rotation=[1, 2]),
            r"camera c01, field 'rotation': expected numbers of shape \(3\), got \(2,\)",
        ),
        (_entry(translation="x"), r"camera c01, field 'translation': expected numbers .* got str"),
        (_entry(matrix=[[1, 0.5, 0], [0, 1, 0], [0, 0, 1]]), r"camera c01: expected a matrix without skew"),
        (_entry(matrix=[[0, 0, 0], [0, 1, 0], [0, 0, 1]]), r"camera c01: focal lengths must be positive"),
    ],
)
def test_camera_files_laid_out_otherwise(tmp_path, spoil, message):
    write(tmp_path)
    spoil(tmp_path)
    with pytest.raises(AistError, match=rf"{message}.*google.github.io/aistplusplus_dataset"):
        read_cameras(tmp_path, NAME)


def test_unknown_cameras_and_skeletons(tmp_path):
    write(tmp_path)
    with pytest.raises(AistError, match=r"expected cameras among c01, .* c09, got c10"):
        next(read_views(tmp_path, [NAME], cameras=["c01", "c10"]))
    with pytest.raises(AistError, match="skeleton must be lsp14 or coco17, got smpl24"):
        next(read_views(tmp_path, [NAME], skeleton=SMPL24))
    (tmp_path / "cameras" / "setting1.json").write_text(json.dumps([camera_entry(0)]))
    with pytest.raises(AistError, match="expected cameras among c01, got c02"):
        next(read_detections(tmp_path, [NAME], cameras=["c01", "c02"]))


def test_joints_behind_a_camera(tmp_path):
    write(tmp_path)
    _entry(translation=[0, 0, -500])(tmp_path)
    with pytest.raises(AistError, match=rf"{NAME}.pkl: \d+ points lie behind camera c01"):
        next(read_views(tmp_path, [NAME]))


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        (
            "keypoints3d",
            {"keypoints3d": np.ones((2, 17, 3))},
            "expected a field 'keypoints3d_optim', got keyp",
        ),
        (
            "keypoints3d",
            {"keypoints3d_optim": np.ones((2, 14, 3))},
            r"expected .*\(frames, 17, 3\), got \(2, 14",
        ),
        (
            "keypoints2d",
            {"keypoints2d": np.ones((8, 2, 17, 3))},
            r"expected .*\(9, frames, 17, 3\), got \(8, 2",
        ),
        (
            "motions",
            {"smpl_poses": np.ones((2, 72)), "smpl_trans": np.ones((3, 3))},
            r"'smpl_trans': expected",
        ),
        ("motions", {"smpl_poses": [[1.0, 2.0], [3.0]]}, r"'smpl_poses': expected numbers .* got list"),
        ("motions", {"smpl_poses": [["a"] * 72]}, r"'smpl_poses': expected numbers of shape \(frames, 72\)"),
    ],
)
def test_pickles_laid_out_otherwise(tmp_path, file, content, message):
    write(tmp_path)
    save(tmp_path / file / f"{NAME}.pkl", content)
    with pytest.raises(AistError, match=rf"{file}/{NAME}.pkl.*{message}.*google.github.io"):
        read_motion(tmp_path, NAME)
        list(read_detections(tmp_path, [NAME]))
        list(read_views(tmp_path, [NAME]))


@pytest.mark.parametrize("share", [0.0, 0.5, 0.98])
def test_a_truncated_pickle(tmp_path, share):
    write(tmp_path)
    path = tmp_path / "motions" / f"{NAME}.pkl"
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(AistError, match=rf"{NAME}.pkl: cannot be read .*google.github.io"):
        read_motion(tmp_path, NAME)


def test_an_exploit_does_not_run(tmp_path):
    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "run"),)

    write(tmp_path)
    save(tmp_path / "motions" / f"{NAME}.pkl", {"smpl_poses": Evil()})
    with pytest.raises(AistError, match=r"refused, because it holds (posix|nt).mkdir"):
        read_motion(tmp_path, NAME)
    assert not (tmp_path / "run").exists()
