"""The released evaluation's linear interpolation by hand, and what it may read."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanet.methods.filters import LinearInterpolation, released_interpolation
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import JHMDB15


def keypoints(values: np.ndarray, image_size: tuple[int, int] | None = None) -> PoseSequence:
    spread = np.broadcast_to(values[:, None, None], (len(values), 15, 2)) if values.ndim == 1 else values
    return PoseSequence.keypoints("a", np.array(spread), JHMDB15, fps=25.0, image_size=image_size)


@pytest.mark.parametrize(
    ("frames", "interval", "expected"),
    [
        (7, 2, [0, 1, 2, 4, 6, 6.5, 7]),
        (7, 4, [0, 1.5, 3, 4.5, 6, 6.5, 7]),  # the last frame is read too
        (3, 5, [0, 1, 2]),
        (1, 5, [0]),
    ],
)
def test_by_hand(frames, interval, expected):
    values = np.array([0.0, 9, 2, 9, 6, 9, 7])[:frames]
    refined = released_interpolation(interval)(keypoints(values)).values
    np.testing.assert_allclose(refined[:, 4, 1], expected)


@given(st.integers(1, 30), st.integers(1, 9), st.integers(0, 2**32 - 1))
def test_equals_the_filter_and_reads_only_its_frames(T, interval, seed):
    values = np.random.default_rng(seed).normal(size=(T, 15, 2)).astype(np.float32)
    read = np.union1d(np.arange(0, T, interval), [T - 1])
    hidden = np.full_like(values, np.nan)
    hidden[read] = values[read]
    refined = released_interpolation(interval)(keypoints(hidden)).values
    expected = LinearInterpolation(interval).refine(keypoints(values.astype(np.float64))).values
    assert refined.dtype == np.float64
    np.testing.assert_allclose(refined, expected, atol=1e-12)


def test_a_watched_frame_is_the_end_of_the_line_before_it():
    """So where a line goes down to zero, the frame is off zero by rounding, as in the released evaluation."""
    values = np.random.default_rng(0).uniform(1, 300, size=(11, 15, 2))
    values[5:] = 0
    refined = released_interpolation(5)(keypoints(values)).values
    ends = [(0 - v) / 5 * 5 + v for v in values[0].ravel().tolist()]
    assert refined[5].ravel().tolist() == ends and any(ends) and not refined[6:].any()
    assert not LinearInterpolation(5).refine(keypoints(values)).values[5].any()


def test_keypoints_keep_their_pixels(rng):
    values = rng.uniform(0, 300, size=(11, 15, 2))
    refined = released_interpolation(5)(keypoints(values, image_size=(320, 240)))
    np.testing.assert_allclose(refined.values, released_interpolation(5)(keypoints(values)).values)


def test_an_interval_below_1():
    with pytest.raises(ValueError, match="interval must be at least 1 frame, got 0"):
        released_interpolation(0)
