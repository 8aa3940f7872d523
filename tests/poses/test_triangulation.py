"""Triangulation: points that cameras see come back, whatever the lens does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hanet.poses.triangulation import triangulate, undistorted
from tests.support.pose2sim_files import cameras, world


def seen(points: np.ndarray) -> np.ndarray:
    """In every camera (C, T, J, 2), pixels."""
    return np.stack([camera.project(camera.to_camera(points)) for camera in cameras()])


def test_points_come_back():
    points = world(5)
    pixels = seen(points)
    found = triangulate(cameras(), pixels, np.ones(pixels.shape[:-1]))
    np.testing.assert_allclose(found, points, atol=1e-9)


def test_the_lens_is_taken_out():
    camera = cameras()[0]
    inside = camera.to_camera(world(3))
    found = undistorted(camera, camera.project(inside))
    np.testing.assert_allclose(found, inside[..., :2] / inside[..., 2:], atol=1e-12)
    plain = replace(camera, radial=np.zeros(3), tangential=np.zeros(2))
    off = np.abs(undistorted(plain, camera.project(inside)) - found) * camera.focal
    assert off.max() > 0.5  # pixels: leaving the lens in would be wrong by that


def test_a_camera_of_weight_0_is_not_looked_at():
    points = world(4)
    pixels = seen(points)
    pixels[2] += 500.0
    weights = np.ones(pixels.shape[:-1])
    assert np.abs(triangulate(cameras(), pixels, weights) - points).max() > 0.05
    weights[2] = 0.0
    np.testing.assert_allclose(triangulate(cameras(), pixels, weights), points, atol=1e-9)
    weights[2] = 1e-3
    assert np.abs(triangulate(cameras(), pixels, weights) - points).max() < 1e-3


def test_a_joint_that_one_camera_sees_is_unknown():
    points = world(3)
    pixels = seen(points)
    pixels[1:, 0, 4] = np.nan
    weights = np.ones(pixels.shape[:-1])
    weights[:3, 2, 5] = 0.0
    found = triangulate(cameras(), pixels, weights)
    unknown = np.isnan(found).any(axis=-1)
    assert unknown[0, 4] and unknown[2, 5] and unknown.sum() == 2
    np.testing.assert_allclose(found[~unknown], points[~unknown], atol=1e-9)


def test_what_does_not_fit_is_refused():
    pixels = seen(world(2))
    weights = np.ones(pixels.shape[:-1])
    with pytest.raises(ValueError, match="of two or more cameras, got shapes"):
        triangulate(cameras()[:1], pixels[:1], weights[:1])
    with pytest.raises(ValueError, match="for 3 cameras"):
        triangulate(cameras()[:3], pixels, weights)
    with pytest.raises(ValueError, match="weights of at least 0"):
        triangulate(cameras(), pixels, -weights)
    with pytest.raises(ValueError, match="camera cam01: keypoints too far outside of the image"):
        undistorted(cameras()[0], np.array([[1e6, 1e6]]))
