"""Pinhole cameras: projections by hand, and rotations that are rotations."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanet.poses.cameras import Camera, look_at


def camera(azimuth=0.0, elevation=0.0, distance=5.0, target=(0.0, 0.0, 0.0)) -> Camera:
    return look_at(
        np.array(target),
        azimuth=azimuth,
        elevation=elevation,
        distance=distance,
        focal=1000.0,
        image_size=(800, 600),
    )


def test_a_camera_on_the_x_axis_by_hand():
    """From (5, 0, 0) to the origin: y lies to the right (the camera faces -x), z up is -y of the image."""
    eye = camera()
    np.testing.assert_allclose(eye.position, [5, 0, 0], atol=1e-12)
    world = np.array([[0.0, 0, 0], [0, 0.5, 0], [0, 0, 0.5], [2.5, 0.5, -0.5], [-5, 0.5, 0]])
    joints = eye.to_camera(world)
    expected = [[0, 0, 5], [0.5, 0, 5], [0, -0.5, 5], [0.5, 0.5, 2.5], [0.5, 0, 10]]
    np.testing.assert_allclose(joints, expected, atol=1e-12)
    pixels = [[400, 300], [500, 300], [400, 200], [600, 500], [450, 300]]
    np.testing.assert_allclose(eye.project(joints), pixels, atol=1e-9)


def test_a_raised_camera_by_hand():
    """30° up at azimuth 90°: it stands at y = d·cos 30°, z = d·sin 30° and looks down."""
    eye = camera(azimuth=np.pi / 2, elevation=np.pi / 6, distance=4.0, target=(1.0, 2.0, 3.0))
    np.testing.assert_allclose(eye.position, [1, 2 + 2 * np.sqrt(3), 5], atol=1e-12)
    # One metre above the target: up by cos 30° in the image, nearer by sin 30°.
    np.testing.assert_allclose(eye.to_camera(np.array([1.0, 2, 4])), [0, -np.sqrt(0.75), 3.5], atol=1e-12)
    # One metre along -x: for someone who faces -y that is to the right.
    np.testing.assert_allclose(eye.to_camera(np.array([0.0, 2, 3])), [1, 0, 4], atol=1e-12)


ANGLES = {"azimuth": st.floats(-7, 7), "elevation": st.floats(-1.5, 1.5), "distance": st.floats(0.1, 50)}


@given(**ANGLES, target=st.tuples(*[st.floats(-10, 10)] * 3), height=st.floats(0.01, 1))
def test_every_camera_is_upright_and_hits_its_target(azimuth, elevation, distance, target, height):
    eye = camera(azimuth, elevation, distance, target)
    np.testing.assert_allclose(eye.rotation @ eye.rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(eye.rotation) == pytest.approx(1)
    middle = eye.to_camera(np.array(target))
    np.testing.assert_allclose(middle, [0, 0, distance], atol=1e-9)
    np.testing.assert_allclose(eye.project(middle), [400, 300], atol=1e-6)
    above = eye.to_camera(np.array(target) + np.array([0, 0, height]))
    assert above[0] == pytest.approx(0, abs=1e-9) and above[1] < 0


def test_batches_of_any_shape(rng):
    eye, world = camera(azimuth=1.0), rng.uniform(-1, 1, size=(2, 3, 4, 3))
    pixels = eye.project(eye.to_camera(world))
    assert pixels.shape == (2, 3, 4, 2)
    np.testing.assert_allclose(pixels[1, 2, 3], eye.project(eye.to_camera(world[1, 2, 3])))


@pytest.mark.parametrize("depth", [0.0, -1.0, np.nan])
def test_points_behind_the_camera_are_refused(depth):
    points = np.array([[0, 0, 1.0], [0, 0, depth], [1, 1, depth]])
    with pytest.raises(ValueError, match="2 points lie behind the camera; move it further away"):
        camera().project(points)


@pytest.mark.parametrize("elevation", [np.pi / 2, -np.pi / 2, 2.0])
def test_a_camera_that_looks_straight_down_is_refused(elevation):
    with pytest.raises(ValueError, match="elevation must be between -π/2 and π/2, got"):
        camera(elevation=elevation)
