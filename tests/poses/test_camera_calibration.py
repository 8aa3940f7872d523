"""Calibrated cameras: projections and distortion by hand, and values that are no camera."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from hanet.poses.cameras import CalibratedCamera

CAMERA = CalibratedCamera(
    name="c01",
    rotation=np.eye(3),
    translation=np.zeros(3),
    focal=np.array([1000.0, 500.0]),
    centre=np.array([10.0, 20.0]),
    radial=np.zeros(3),
    tangential=np.zeros(2),
    distortion="opencv",
    image_size=(1920, 1080),
)


def test_extrinsics_by_hand():
    """A quarter turn about z takes world x to camera y; the camera stands where its own frame has 0."""
    camera = replace(
        CAMERA,
        rotation=np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]]),
        translation=np.array([1.0, 2.0, 3.0]),
    )
    np.testing.assert_allclose(camera.to_camera(np.array([[1.0, 0, 0], [0, 1, 5]])), [[1, 3, 3], [0, 2, 8]])
    np.testing.assert_allclose(camera.position, [-2, 1, -3])
    np.testing.assert_allclose(camera.to_camera(camera.position), [0, 0, 0], atol=1e-12)


@pytest.mark.parametrize(
    ("distortion", "pixels"),
    [
        # x = 0.1, y = 0.2, r² = 0.05, radial 1.0055375; OpenCV adds 0.0018, 0.0021; Human3.6M 0.0014, 0.0013.
        ("opencv", [112.35375, 121.60375]),
        ("human36m", [111.95375, 121.20375]),
    ],
)
def test_distortion_by_hand(distortion, pixels):
    camera = replace(
        CAMERA,
        radial=np.array([0.1, 0.2, 0.3]),
        tangential=np.array([0.01, 0.02]),
        distortion=distortion,
    )
    np.testing.assert_allclose(camera.project(np.array([0.2, 0.4, 2.0])), pixels, rtol=1e-12)


def test_without_distortion_both_formulas_are_a_pinhole():
    point = np.array([0.2, 0.4, 2.0])
    for camera in (CAMERA, replace(CAMERA, distortion="human36m")):
        np.testing.assert_allclose(camera.project(point), [110, 120])


@given(
    st.lists(st.floats(-7, 7), min_size=3, max_size=3),
    st.lists(st.floats(-50, 50), min_size=3, max_size=3),
)
def test_extrinsics_keep_distances_and_the_position(turn, shift):
    rotation = Rotation.from_rotvec(turn).as_matrix()
    camera = replace(CAMERA, rotation=rotation, translation=np.array(shift))
    points = np.array([[0.0, 0, 0], [1, 2, -2]])
    seen = camera.to_camera(points)
    assert np.linalg.norm(seen[1] - seen[0]) == pytest.approx(3)
    assert np.linalg.norm(seen[1]) == pytest.approx(np.linalg.norm(points[1] - camera.position))


def test_nan_stays_nan_alone():
    points = np.array([[0.2, 0.4, 2.0], [np.nan, np.nan, np.nan]])
    pixels = CAMERA.project(points)
    np.testing.assert_allclose(pixels[0], [110, 120])
    assert np.isnan(pixels[1]).all()


def test_points_behind_the_camera():
    with pytest.raises(ValueError, match="2 points lie behind camera c01; check that joints and camera"):
        CAMERA.project(np.array([[0, 0, 1.0], [0, 0, 0], [0, 0, -1]]))


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("radial", np.array([np.nan, 0, 0]), "camera c01: radial is not finite"),
        ("focal", np.array([1000.0, 0]), "focal lengths must be positive"),
        ("rotation", np.eye(3) * 1.01, "expected a rotation"),
        ("rotation", np.diag([1.0, 1, -1]), "expected a rotation"),
    ],
)
def test_what_is_no_camera(field, value, message):
    with pytest.raises(ValueError, match=message):
        replace(CAMERA, **{field: value})
