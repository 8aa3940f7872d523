"""Linear interpolation by hand, and what it may read."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanet.methods.filters import interpolate, linear_interpolation
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import JHMDB15


def test_by_hand():
    values = np.array([0.0, 9, 2, 9, 6, 9, 7])
    np.testing.assert_allclose(linear_interpolation(values, 2), [0, 1, 2, 4, 6, 6.5, 7])
    # The last frame is read too where the interval does not end on it.
    np.testing.assert_allclose(linear_interpolation(values, 4), [0, 1.5, 3, 4.5, 6, 6.5, 7])
    np.testing.assert_allclose(linear_interpolation(values[:3], 5), [0, 1, 2])


@given(st.integers(1, 30), st.integers(1, 9), st.integers(0, 2**32 - 1))
def test_equals_numpy_and_reads_only_its_frames(T, interval, seed):
    values = np.random.default_rng(seed).normal(size=(T, 2, 3)).astype(np.float32)
    read = np.union1d(np.arange(0, T, interval), [T - 1])
    hidden = np.full_like(values, np.nan)
    hidden[read] = values[read]
    result = linear_interpolation(hidden, interval)
    assert result.dtype == np.float64
    expected = np.stack(
        [np.interp(np.arange(T), read, column[read]) for column in values.reshape(T, 6).T], axis=1
    )
    np.testing.assert_allclose(result.reshape(T, 6), expected, atol=1e-12)


def test_keypoints_keep_their_pixels(rng):
    values = rng.uniform(0, 300, size=(11, 15, 2))
    sequence = PoseSequence("a", values, JHMDB15, "2d", 25.0, "px", "image", image_size=(320, 240))
    refined = interpolate(5)(sequence)
    np.testing.assert_allclose(refined.values, linear_interpolation(values, 5))


def test_an_interval_below_1():
    with pytest.raises(ValueError, match="interval must be at least 1, got 0"):
        linear_interpolation(np.zeros((3, 1)), 0)
