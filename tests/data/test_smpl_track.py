"""SMPL parameters cut to a sequence's frames, and turned into the camera."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from hanet.data.smpl_track import SmplTrack
from hanet.poses import PoseSequence
from hanet.skeletons import SMPL24


def track(frames: int = 5, start: int = 10) -> SmplTrack:
    rng = np.random.default_rng(3)
    return SmplTrack(
        name="walk",
        poses=rng.normal(size=(frames, 24, 3)),
        betas=np.zeros(10),
        transl=rng.normal(size=(frames, 3)),
        campose_valid=np.arange(frames) > 0,
        track=1,
        start=start,
    )


def sequence(start: int, frames: int, name: str = "walk/c01", person: int = 1) -> PoseSequence:
    return PoseSequence(
        name=name,
        values=np.zeros((frames, 24, 3)),
        skeleton=SMPL24,
        representation="3d",
        fps=30.0,
        unit="m",
        frame_of_reference="camera",
        track=person,
        start=start,
    )


def test_rows_of_a_sequence():
    whole = track()
    part = whole.at(sequence(11, 3))
    assert (part.start, len(part), part.track) == (11, 3, 1)
    np.testing.assert_array_equal(part.poses, whole.poses[1:4])
    np.testing.assert_array_equal(part.transl, whole.transl[1:4])
    assert part.campose_valid is not None and part.campose_valid.all()
    assert len(whole.at(sequence(10, 5))) == 5


@pytest.mark.parametrize(
    "other",
    [sequence(9, 2), sequence(13, 3), sequence(10, 2, name="run"), sequence(10, 2, person=0)],
)
def test_frames_of_another(other):
    with pytest.raises(ValueError, match=r"are not in walk, track 1, frames 10\.\.14"):
        track().at(other)


@pytest.mark.usefixtures("unchecked")
def test_lengths_that_disagree():
    with pytest.raises(ValueError, match="walk, track 0: 2 frames of poses, but 3 of transl and 2"):
        SmplTrack("walk", np.zeros((2, 24, 3)), np.zeros(10), np.zeros((3, 3)))


def test_a_turn_by_hand():
    """The person turned 30° about y, the camera 60°: 90° as the camera sees it; limbs do not care."""
    whole = track(2)
    whole.poses[:, 0] = [0, np.pi / 6, 0]
    turn = Rotation.from_rotvec([0, np.pi / 3, 0]).as_matrix()
    for rotation in (turn, np.stack([turn, turn])):
        poses = whole.poses_in_camera(rotation)
        np.testing.assert_allclose(poses[:, 0], [[0, np.pi / 2, 0]] * 2, atol=1e-12)
        np.testing.assert_array_equal(poses[:, 1:], whole.poses[:, 1:])
    np.testing.assert_array_equal(whole.poses[:, 0], [[0, np.pi / 6, 0]] * 2)


@given(st.lists(st.floats(-3, 3), min_size=3, max_size=3))
def test_the_root_turns_points_as_the_camera_does(turn):
    whole, rotation = track(), Rotation.from_rotvec(turn).as_matrix()
    point = np.array([0.3, -0.2, 0.5])
    in_world = Rotation.from_rotvec(whole.poses[:, 0]).apply(point)
    in_camera = Rotation.from_rotvec(whole.poses_in_camera(rotation)[:, 0]).apply(point)
    np.testing.assert_allclose(in_camera, in_world @ rotation.T, atol=1e-9)
