"""Bone lengths, feet that stand, kinds of frames: by hand."""

from __future__ import annotations

import numpy as np
import pytest

from hanet.metrics import evaluate
from hanet.metrics.plausibility import bone_length_cv, foot_slide, foot_speed, standing
from hanet.poses.frame_kinds import FRAME_KINDS
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import H36M17

FPS = 50.0


def still(frames: int) -> np.ndarray:
    """A body of random joints that does not move, the pelvis at the origin."""
    values = np.random.default_rng(3).normal(size=(17, 3))
    values[0] = 0
    return np.broadcast_to(values, (frames, 17, 3)).copy()


def test_bone_lengths_by_hand() -> None:
    joints = still(2)
    assert bone_length_cv(joints, H36M17) == pytest.approx(0.0, abs=1e-12)
    # The right wrist, a leaf, moves out along its bone: lengths L and 3 L have mean 2 L and deviation L.
    wrist, elbow = H36M17.index("r_wrist"), H36M17.index("r_elbow")
    joints[1, wrist] = joints[1, elbow] + 3 * (joints[0, wrist] - joints[0, elbow])
    assert bone_length_cv(joints, H36M17) == pytest.approx(0.5 / len(H36M17.bones))
    joints[1, wrist] = np.nan
    assert bone_length_cv(joints, H36M17) == pytest.approx(0.0, abs=1e-12)


def test_feet_by_hand() -> None:
    gt = still(4)
    left = H36M17.index("l_ankle")
    gt[2:, left, 0] += 0.01  # one step of 10 mm in 1/50 s: 500 mm/s
    assert foot_speed(gt, H36M17, FPS) == pytest.approx([0, 500, 0])
    assert standing(gt, H36M17, FPS).tolist() == [True, False, True]
    pred = gt.copy()
    pred[1, left, 1] += 0.002  # 100 mm/s into the second frame and out of it
    pred += np.array([0.1, 0.0, 0.0]) * np.arange(4)[:, None, None]  # the whole body's motion is no slide
    assert foot_slide(pred, gt, H36M17, FPS) == pytest.approx([100, np.nan, 0], nan_ok=True)
    # 49 and 51 mm/s: the threshold is 50.
    slow, fast = still(2), still(2)
    slow[1, left, 0] += 0.00098
    fast[1, left, 0] += 0.00102
    assert standing(slow, H36M17, FPS).tolist() == [True]
    assert standing(fast, H36M17, FPS).tolist() == [False]


def sequence(values: np.ndarray, name: str = "a") -> PoseSequence:
    return PoseSequence.joints(name, values, H36M17, fps=FPS, frame_of_reference="camera_root_relative")


def test_both_are_scores_of_evaluate() -> None:
    gt = still(4)
    pred = gt.copy()
    left = H36M17.index("l_ankle")
    pred[1, left, 1] += 0.002
    scores = evaluate([sequence(gt)], [sequence(pred)], resamples=10)
    assert scores.means["foot_slide_mm_per_s"] == pytest.approx((100 + 100 + 0) / 3)
    assert scores.means["bone_length_cv"] == pytest.approx(bone_length_cv(pred, H36M17))
    brief = evaluate([sequence(gt)], [sequence(pred)], resamples=10, brief=True).means
    assert set(brief) == {"mpjpe_mm", "accel_mm_per_frame2", "mpjpe_fast5_mm"}
    assert brief["mpjpe_mm"] == scores.means["mpjpe_mm"]
    assert brief["accel_mm_per_frame2"] == scores.means["accel_mm_per_frame2"]


def test_errors_by_kind_of_frame() -> None:
    """17 mm off at the wrist is 1 mm of MPJPE; frames of kinds 0, 0, 2, 3 are 1, 3, 5 and 7 mm off."""
    gt = still(4)
    pred = gt.copy()
    pred[:, H36M17.index("r_wrist"), 2] += 0.017 * np.array([1, 3, 5, 7])
    kinds = {("a", 0): (np.arange(4), np.array([0, 0, 2, 3]))}
    means = evaluate([sequence(gt)], [sequence(pred)], resamples=10, kinds=kinds).means
    found = [means[f"mpjpe_{kind}_mm"] for kind in FRAME_KINDS]
    assert found == pytest.approx([2, np.nan, 5, 7], nan_ok=True)
    assert "mpjpe_burst_mm" not in evaluate([sequence(gt)], [sequence(pred)], resamples=10).means
    # The same in two pieces of the track, as a glitch leaves them: frame 1 is gone.
    pieces = [[sequence(values).part(rows) for rows in (slice(0, 1), slice(2, 4))] for values in (gt, pred)]
    means = evaluate(*pieces, resamples=10, kinds=kinds).means
    assert [means[f"mpjpe_{kind}_mm"] for kind in FRAME_KINDS] == pytest.approx(
        [1, np.nan, 5, 7], nan_ok=True
    )
