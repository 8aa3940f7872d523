"""Frames without a pose are filled as declared."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from hanet.estimators.common.gaps import filled, posed
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import COCO17
from hanet.smpl.tracks import SmplTrack, smpl_sequence


def sequence(times: list[float]) -> PoseSequence:
    """Every joint at the time's place; NaN where the time is."""
    values = np.tile(np.array(times, dtype=np.float32)[:, None, None], (1, 17, 2))
    scores = np.where(np.isnan(values[..., 0]), np.float32(0.5), np.float32(0.9))
    return PoseSequence("walk", values, COCO17, "2d", 25.0, "px", "image", scores=scores)


def test_by_hand():
    nan = float("nan")
    found = filled(sequence([nan, 2, nan, nan, 8, nan]))
    assert found.values[:, 3, 1].tolist() == [2, 2, 4, 6, 8, 8]
    assert found.labelled is not None and found.scores is not None
    assert found.labelled[:, 0].tolist() == [False, True, False, False, True, False]
    assert found.scores[:, 0].tolist() == pytest.approx([0, 0.9, 0, 0, 0.9, 0])


def test_a_pose_in_part_is_none():
    poses = sequence([0, 1, 2])
    poses.values[1, 4, 0] = np.nan
    poses.values[1, 5] = 100
    assert posed(poses).tolist() == [True, False, True]
    assert filled(poses).values[1].tolist() == [[1, 1]] * 17


def test_whole_tracks_stay_and_empty_ones_are_refused():
    poses = sequence([0, 1])
    assert filled(poses) is poses
    with pytest.raises(ValueError, match="walk, track 0: no frame has a pose; leave it out"):
        filled(sequence([float("nan")] * 2))


def test_rotations_stay_rotations():
    matrices = np.tile(np.eye(3), (3, 24, 1, 1))
    matrices[2] = Rotation.from_euler("z", 90, degrees=True).as_matrix()
    poses = smpl_sequence("walk", matrices, fps=25.0)
    poses.values[1] = np.nan
    found = SmplTrack(filled(poses), np.zeros((3, 10))).matrices().double()
    eye = torch.eye(3, dtype=torch.float64).expand(3, 24, 3, 3)
    torch.testing.assert_close(found @ found.mT, eye, atol=1e-6, rtol=0)
    half = Rotation.from_euler("z", 45, degrees=True).as_matrix()
    np.testing.assert_allclose(found[1], np.tile(half, (24, 1, 1)), atol=1e-6)
