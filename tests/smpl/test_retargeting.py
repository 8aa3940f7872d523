"""Joints to rotations and back: the body's bones point where the joints' did."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import H36M17, H36M17_LEFT_FIRST, SMPL24
from hanet.smpl.rest_pose import rest_joints
from hanet.smpl.retargeting import LIMB_BONES, retarget
from hanet.smpl.synthetic_body import synthetic_body

BODY = synthetic_body()


def clip(values: np.ndarray, frame: str = "world", skeleton=H36M17) -> PoseSequence:
    return PoseSequence("clip", values, skeleton, "3d", 50.0, "m", frame)


def as_h36m17(smpl: np.ndarray) -> np.ndarray:
    """Human3.6M's joints among SMPL's (T, 24, 3), with the top of the head above neck and head."""
    places = dict(zip(SMPL24.joints, smpl.transpose(1, 0, 2), strict=True))
    places |= {"spine": places["spine2"], "thorax": places["neck"], "nose": places["head"]}
    places["head_top"] = 2 * places["head"] - places["neck"]
    return np.stack([places[name] for name in H36M17.joints], axis=1).astype(np.float64)


def posed(axis_angle: np.ndarray, transl: np.ndarray | None = None) -> np.ndarray:
    """Human3.6M joints of the body in a pose (T, 24, 3)."""
    matrices = Rotation.from_rotvec(axis_angle.reshape(-1, 3)).as_matrix().reshape(-1, 24, 3, 3)
    place = np.zeros((len(matrices), 3)) if transl is None else transl
    joints = BODY.joints(torch.from_numpy(matrices).float(), transl=torch.from_numpy(place).float())
    return as_h36m17(joints.numpy())


def degrees_between(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.degrees(np.arctan2(np.linalg.norm(np.cross(a, b), axis=-1), (a * b).sum(-1)))


def largest_error(joints: np.ndarray) -> float:
    """Largest angle (degrees) between the joints' bones and those of forward kinematics."""
    track = retarget(clip(joints), BODY.rest_joints)
    again = BODY.joints(track.matrices(), transl=torch.from_numpy(track.transl)).numpy()
    assert np.abs(again[:, 0] - joints[:, 0]).max() < 1e-5
    bones = [*LIMB_BONES, ("r_hip", "l_hip"), ("r_shoulder", "l_shoulder")]
    return max(
        degrees_between(
            joints[:, H36M17.index(end)] - joints[:, H36M17.index(start)],
            again[:, SMPL24.index(end)] - again[:, SMPL24.index(start)],
        ).max()
        for start, end in bones
    )


def test_the_rest_pose_needs_no_rotation():
    joints = as_h36m17(rest_joints()[None]) + np.array([1.0, 2.0, 3.0])
    track = retarget(clip(joints), rest_joints())
    assert np.abs(track.matrices().numpy() - np.eye(3)).max() < 1e-6
    np.testing.assert_allclose(track.transl, [[1, 2, 3]], atol=1e-6)


def test_a_turned_body_turns_the_root_alone():
    rest = posed(np.zeros((1, 24, 3)))
    turn = Rotation.from_rotvec([np.pi / 2, 0, 0])  # y up to z up
    before = retarget(clip(rest), BODY.rest_joints).matrices().numpy()
    after = retarget(clip(turn.apply(rest[0])[None]), BODY.rest_joints).matrices().numpy()
    np.testing.assert_allclose(after[:, 0], turn.as_matrix() @ before[:, 0], atol=1e-5)
    np.testing.assert_allclose(after[:, 1:], before[:, 1:], atol=1e-5)


def test_an_elbow_s_swing_comes_back():
    pose = np.zeros((2, 24, 3))
    pose[1, SMPL24.index("l_elbow"), 1] = -1.2
    rest, bent = retarget(clip(posed(pose)), BODY.rest_joints).matrices().double().numpy()
    between = Rotation.from_matrix(np.linalg.inv(rest) @ bent).magnitude()
    elbow = SMPL24.index("l_elbow")
    assert between[elbow] == pytest.approx(1.2, abs=0.01)
    others = [j for j in range(24) if j != elbow]
    assert between[others].max() < 1e-3


@settings(max_examples=25)
@given(seed=st.integers(0, 2**32 - 1), size=st.floats(0, 2))
def test_bone_directions_come_back_for_any_pose(seed, size):
    rng = np.random.default_rng(seed)
    joints = posed(rng.normal(size=(4, 24, 3)) * size, rng.normal(size=(4, 3)))
    assert largest_error(joints) < 0.01


def test_bones_that_point_the_opposite_way_come_back():
    joints = posed(np.zeros((1, 24, 3)))
    for side in "lr":
        elbow, wrist = H36M17.index(f"{side}_elbow"), H36M17.index(f"{side}_wrist")
        joints[0, wrist] = joints[0, elbow] - (joints[0, wrist] - joints[0, elbow])
    assert largest_error(joints) < 0.1


def test_unknown_frames_stay_unknown():
    joints = posed(np.zeros((3, 24, 3)))
    joints[1, 5, 0] = np.nan
    track = retarget(clip(joints), BODY.rest_joints)
    assert np.isnan(track.poses.values[1]).all() and np.isnan(track.transl[1]).all()
    assert np.isfinite(track.poses.values[[0, 2]]).all()
    nothing = retarget(clip(np.full((2, 17, 3), np.nan)), BODY.rest_joints)
    assert np.isnan(nothing.poses.values).all()


def test_what_cannot_be_retargeted_is_named():
    joints = posed(np.zeros((2, 24, 3)))
    with pytest.raises(ValueError, match="3D joints on h36m17, got 3d on h36m17_left_first"):
        retarget(clip(joints, skeleton=H36M17_LEFT_FIRST), BODY.rest_joints)
    with pytest.raises(ValueError, match=r"absolute joints, .* got camera_root_relative"):
        retarget(clip(joints, "camera_root_relative"), BODY.rest_joints)
    joints[1, H36M17.index("l_knee")] = joints[1, H36M17.index("l_hip")]
    with pytest.raises(ValueError, match="clip: l_hip to l_knee has no length in 1 frames"):
        retarget(clip(joints), BODY.rest_joints)


def test_a_leg_raised_beyond_the_chest_does_not_spin():
    """A thigh that is swung in front from hanging to 170°, wavering sideways: no joint outruns the motion.

    By the smallest swing the thigh would spin about itself near a half turn.
    """
    T = 200
    pose = np.zeros((T, 24, 3))
    pose[:, SMPL24.index("l_hip"), 0] = -np.radians(170) * np.sin(np.linspace(0, np.pi / 2, T))
    pose[:, SMPL24.index("l_hip"), 2] = 0.2 * np.sin(np.linspace(0, 12 * np.pi, T))
    pose[:, SMPL24.index("l_knee"), 0] = np.radians(120)
    track = retarget(clip(posed(pose)), BODY.rest_joints)
    matrices = track.matrices().double().numpy()
    steps = np.linalg.inv(matrices[:-1]) @ matrices[1:]
    angles = np.degrees(Rotation.from_matrix(steps.reshape(-1, 3, 3)).magnitude()).reshape(T - 1, 24)
    assert angles.max() < 5
