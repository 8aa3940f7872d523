"""Wild values become missing; other units and poses that are not root-relative are refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hanet.poses.plausible import check_metres, check_root, without_wild
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import H36M17, JHMDB15


def person(frames=20, *, reference="camera_root_relative", scale=1.0, offset=0.0) -> PoseSequence:
    """A body of H36M17's size that sways, its pelvis at `offset` metres."""
    rng = np.random.default_rng(0)
    body = rng.uniform(-0.8, 0.8, size=(1, 17, 3)) + 0.05 * rng.normal(size=(frames, 17, 3))
    body -= body[:, :1]
    values = (scale * (body + offset)).astype(np.float32)
    return PoseSequence.joints("a", values, H36M17, fps=60.0, frame_of_reference=reference)


@pytest.mark.parametrize("wild", [np.inf, -np.inf, 1e30, -1e10, 3e38, 11.0])
def test_a_wild_coordinate_makes_its_joint_missing_and_no_other(wild):
    poses = person()
    poses.values[7, 3, 1] = wild
    clean, count = without_wild(poses)
    assert count == 1
    assert np.isnan(clean.values[7, 3]).all()
    assert np.isfinite(np.delete(clean.values.reshape(-1, 3), 7 * 17 + 3, axis=0)).all()
    assert poses.values[7, 3, 1] == np.float32(wild), "the caller's array is left as it was"


def test_missing_joints_and_plausible_poses_stay_as_they_are():
    poses = person(offset=0.0)
    poses.values[3, 4] = np.nan
    poses.values[5, 4, 0] = np.nan
    assert without_wild(poses) == (poses, 0)
    far = person(reference="camera", offset=200.0)
    assert without_wild(far) == (far, 0)


def test_bounds_follow_the_unit():
    points = PoseSequence.keypoints("a", np.full((2, 15, 2), 5e4), JHMDB15, fps=25.0)
    assert without_wild(points)[1] == 0
    points.values[1, 2, 0] = 1e7
    assert without_wild(points)[1] == 1
    rotations = PoseSequence.rotations("a", np.full((2, 24, 6), 99.0), fps=25.0)
    rotations.values[0, 0, 0] = 1e3
    assert without_wild(rotations)[1] == 1


@pytest.mark.parametrize("scale", [1000.0, 100.0, 1e-3])
def test_another_unit_is_refused_by_name(scale):
    with pytest.raises(ValueError, match=r"a, track 0: expected joints in metres .* lie [\d.]+ from it"):
        check_metres(person(scale=scale))


def test_metres_are_accepted_also_with_wild_and_missing_joints():
    poses = person()
    poses.values[:9, 4] = 1e30
    poses.values[:, 5] = np.nan
    for accepted in (poses, replace(poses, values=np.zeros_like(poses.values)), person(scale=0.4)):
        check_metres(accepted)
        check_root(accepted)
    nothing = replace(poses, values=np.full_like(poses.values, np.nan))
    check_metres(nothing)
    check_root(nothing)
    check_metres(replace(poses, values=poses.values[:0]))


def test_poses_that_are_not_root_relative_are_refused_where_they_say_so():
    with pytest.raises(
        ValueError, match=r"expected poses relative to pelvis, .* got pelvis 5\.2 m away from 0"
    ):
        check_root(person(offset=3.0))
    part = person()
    part.values[15:] += 3
    with pytest.raises(ValueError, match=r"got pelvis 5\.2 m away from 0 in 25% of the frames"):
        check_root(part)
    part.values[16:] -= 3  # one frame of 20, as a detector's outlier
    check_root(part)
    check_root(person(offset=3.0, reference="camera"))
    check_root(person(offset=0.02))
