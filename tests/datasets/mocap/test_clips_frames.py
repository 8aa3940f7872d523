"""Frames of clips at another rate, and those that are glitches."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanet.datasets.mocap.clips import glitches, read_climb, resample
from hanet.poses.skeletons import H36M17
from tests.support.clips_files import standing, write_climb

J = {name: H36M17.index(name) for name in H36M17.joints}


@given(
    coefficients=st.lists(st.floats(-2, 2), min_size=4, max_size=4),
    frames=st.integers(4, 30),
    fps=st.sampled_from([16.0, 24.0, 30.0, 120.0]),
    to=st.sampled_from([25.0, 60.0, 90.0]),
)
def test_a_cubic_motion_is_resampled_exactly(coefficients, frames, fps, to):
    def motion(count: int, rate: float) -> np.ndarray:
        t = np.arange(count) / rate
        return np.repeat(np.polynomial.polynomial.polyval(t, coefficients), 6).reshape(count, 2, 3)

    got = resample(motion(frames, fps), fps, to)
    # As many frames as fit up to and including the last one's time.
    assert (len(got) - 1) / to <= (frames - 1) / fps + 1e-6 < len(got) / to + 2e-6
    np.testing.assert_allclose(got, motion(len(got), to), atol=1e-9)


@pytest.mark.parametrize(
    ("frames", "fps", "to", "expected"),
    [
        (121, 120.0, 60.0, 61),
        (120, 120.0, 60.0, 60),
        (31, 30.0, 60.0, 61),
        (2, 16.0, 60.0, 4),
        (2, 120.0, 60.0, 1),
        (29, 16.0, 60.0, 106),
    ],
)
def test_count_of_resampled_frames(frames, fps, to, expected):
    assert len(resample(np.zeros((frames, 1, 3)), fps, to)) == expected


def test_the_same_rate_and_a_single_frame_stay_as_they_are(rng):
    values = rng.normal(size=(5, 2, 3))
    assert resample(values, 50.0, 50.0) is values
    assert resample(values[:1], 50.0, 60.0).shape == (1, 2, 3)


@pytest.fixture
def still(tmp_path) -> np.ndarray:
    return np.repeat(read_climb(write_climb(tmp_path, standing(1)))[1], 8, axis=0)


def test_a_body_that_moves_as_one_has_no_glitch(still):
    moving = still + np.arange(8)[:, None, None] * np.array([0.1, 0, 0])  # 10 m/s at 100 fps
    assert not glitches(moving, 100.0, max_speed=10.1, max_stretch=0.01).any()
    assert glitches(moving, 100.0, max_speed=9.9, max_stretch=0.01).all()


def test_both_frames_of_a_leap_are_glitches(still):
    still[5:] += [0, 0, 0.2]  # 5 m/s at 25 fps
    assert np.flatnonzero(glitches(still, 25.0, max_speed=4.9, max_stretch=0.1)).tolist() == [4, 5]
    assert not glitches(still, 25.0, max_speed=5.1, max_stretch=0.1).any()


@pytest.mark.parametrize("factor", [1.3, 0.7])
def test_a_bone_off_its_median_length_is_a_glitch(still, factor):
    thigh, ankle = still[2, J["l_knee"]] - still[2, J["l_hip"]], J["l_ankle"]
    still[2, [J["l_knee"], ankle]] += (factor - 1) * thigh  # the shin keeps its length
    assert np.flatnonzero(glitches(still, 25.0, max_speed=99.0, max_stretch=0.29)).tolist() == [2]
    assert not glitches(still, 25.0, max_speed=99.0, max_stretch=0.31).any()


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.filterwarnings("error")
def test_a_frame_that_is_not_finite_is_a_glitch(still, value):
    still[3, J["l_wrist"], 1] = value
    bad = glitches(still, 25.0, max_speed=1.0, max_stretch=0.1)
    assert bad[3]
    assert not bad[[0, 1, 5, 6, 7]].any()
