"""Virtual cameras around clips: what they see, and that a name and a seed decide where they stand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanet.datasets.mocap.clips import Clip
from hanet.datasets.mocap.virtual_cameras import FOCAL, cameras_around, views
from hanet.poses.boxes import person_boxes
from hanet.poses.skeletons import H36M17


def make(T=6, name="walk", frames=None, extent=0.8, seed=0) -> Clip:
    joints = np.random.default_rng(seed).uniform(-extent, extent, size=(T, 17, 3)) + np.array([3, -2, 1])
    return Clip(name, joints, 50.0, np.arange(T) if frames is None else np.array(frames))


def around(clip: Clip, count=4, *, seed=1, distance=(4.0, 6.0), off_centre=0.2):
    return cameras_around(clip, count, seed=seed, distance=distance, off_centre=off_centre)


def test_seed_and_name_decide_and_nothing_else():
    """The motion matters only through where it is; a clip's cameras do not depend on other clips."""
    first, again = around(make()), around(make())
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a.rotation, b.rotation)
        np.testing.assert_array_equal(a.position, b.position)
    for other in (around(make(name="run")), around(make(), seed=2)):
        assert all((a.position != b.position).all() for a, b in zip(first, other, strict=True))


@given(
    seed=st.integers(0, 999),
    extent=st.floats(0.1, 10),
    off_centre=st.floats(0, 1),
    distance=st.sampled_from([(0.5, 0.6), (4.0, 6.0), (30.0, 30.0)]),
)
def test_everything_is_inside_every_image(seed, extent, off_centre, distance):
    clip = make(extent=extent, seed=seed)
    for camera in around(clip, seed=seed, distance=distance, off_centre=off_centre):
        pixels = camera.project(camera.to_camera(clip.joints))
        assert (pixels > 0).all() and (pixels < 1000).all()


def test_cameras_stand_where_they_were_asked_to():
    clip = make(T=200, extent=0.3)
    centre = (clip.joints.min(axis=(0, 1)) + clip.joints.max(axis=(0, 1))) / 2
    cameras = around(clip, 8, distance=(4.0, 6.0), off_centre=0.0)
    away = np.array([c.position for c in cameras]) - centre
    distance = np.linalg.norm(away, axis=1)
    assert (distance >= 4).all() and (distance <= 6).all() and np.ptp(distance) > 0.3
    elevation = np.degrees(np.arcsin(away[:, 2] / distance))
    assert (elevation >= 0).all() and (elevation <= 25).all() and np.ptp(elevation) > 5
    # One in each eighth of the circle, at most 0.3 of it off.
    turns = np.arctan2(away[:, 1], away[:, 0]) / (2 * np.pi) * 8
    off = (turns - np.arange(8) + 4) % 8 - 4
    assert (np.abs(off) <= 0.3).all() and np.ptp(off) > 0.1
    assert {(c.focal, c.image_size) for c in cameras} == {(FOCAL, (1000, 1000))}


def test_views_are_cut_where_frames_are_left_out():
    clip = make(T=6, frames=[0, 1, 2, 7, 8, 20])
    seen = [view for k, camera in enumerate(around(clip, 2)) for view in views(clip, camera, k)]
    assert [(v.joints.name, v.joints.start, len(v.joints)) for v in seen] == [
        (f"walk/cam{k}", start, count) for k in range(2) for start, count in ((0, 3), (7, 2), (20, 1))
    ]
    for view in seen:
        assert view.keypoints.key == view.joints.key
        assert view.keypoints.frames.tolist() == view.joints.frames.tolist()


def test_a_view_is_the_clip_in_the_cameras_frame():
    clip = make()
    cameras = around(clip, 3)
    for k, camera in enumerate(cameras):
        (view,) = views(clip, camera, k)
        expected = camera.to_camera(clip.joints)
        joints, keypoints = view.joints, view.keypoints
        assert (joints.frame_of_reference, joints.unit) == ("camera_root_relative", "m")
        assert (joints.fps, joints.skeleton, joints.values.dtype) == (50.0, H36M17, np.float32)
        assert (joints.values[:, 0] == 0).all()
        np.testing.assert_allclose(joints.values, expected - expected[:, :1], atol=1e-5)
        assert (keypoints.frame_of_reference, keypoints.unit) == ("image", "px")
        assert keypoints.image_size == joints.image_size == (1000, 1000)
        # Keypoints are the projections of the joints put back where the root is.
        back = camera.project(joints.values.astype(np.float64) + expected[:, :1])
        np.testing.assert_allclose(keypoints.values, back, atol=2e-3)
        np.testing.assert_allclose(keypoints.boxes, person_boxes(back), atol=5e-3)


def test_a_frame_without_gaps_of_a_single_frame():
    clip = make(T=1, frames=[4])
    (view,) = views(clip, around(clip, 1)[0], 0)
    assert len(view.joints) == 1 and view.joints.start == 4


def test_person_boxes_are_a_fifth_larger():
    keypoints = np.array([[[100.0, 50], [200, 250], [150, 60]]])
    np.testing.assert_allclose(person_boxes(keypoints), [[90, 30, 210, 270]])


def test_a_clip_behind_its_camera_is_refused():
    clip = make()
    (camera,) = around(clip, 1)
    beyond = replace(clip, joints=clip.joints + 2 * (camera.position - clip.joints.mean(axis=(0, 1))))
    with pytest.raises(ValueError, match="points lie behind the camera"):
        list(views(beyond, camera, 0))
