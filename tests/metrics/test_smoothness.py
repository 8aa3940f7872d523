"""Mean acceleration by hand."""

from __future__ import annotations

import numpy as np
import pytest

from hanet.metrics.smoothness import mean_acceleration
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import H36M17


def track(values: np.ndarray, fps: float) -> PoseSequence:
    return PoseSequence("a", values, H36M17, "3d", fps, "m", "camera")


def test_free_fall_has_gravity_at_any_frame_rate():
    for fps in (10.0, 60.0):
        values = np.zeros((30, 17, 3))
        values[..., 1] = (9.81 / 2 * (np.arange(30) / fps) ** 2)[:, None]
        assert mean_acceleration(track(values, fps)) == pytest.approx(9.81)


def test_unknown_joints_spoil_only_their_neighbours():
    values = np.zeros((7, 17, 3))
    values[3, :, 0] = 1.0  # second differences 1, -2, 1 at frames 2, 3, 4 of five
    assert mean_acceleration(track(values, 1.0)) == pytest.approx(4 / 5)
    values[0, 4] = np.nan  # of joint 4 the first of the five, a 0, is lost
    assert mean_acceleration(track(values, 1.0)) == pytest.approx((17 * 4) / (17 * 5 - 1))


def test_nothing_known():
    assert np.isnan(mean_acceleration(track(np.zeros((2, 17, 3)), 30.0)))
    assert np.isnan(mean_acceleration(track(np.full((9, 17, 3), np.nan), 30.0)))
