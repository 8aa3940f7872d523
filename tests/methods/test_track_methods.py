"""Gaps and frame rates around a method: what is filled, what is left out, and what a method gets to see."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanet.methods.any_video import AtRate, OverGaps
from hanet.methods.base import Method
from hanet.methods.filters import Input
from hanet.poses.gaps import fill_gaps
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import H36M17


@dataclass(frozen=True)
class Watching:
    """Adds 1 and remembers what it was given."""

    seen: list[PoseSequence] = field(default_factory=list)
    name = "watching"
    observed = 0.6

    def refine(self, sequence: PoseSequence) -> PoseSequence:
        self.seen.append(sequence)
        return sequence.with_values(sequence.values + np.float32(1))


def line(T: int, fps: float = 30.0) -> PoseSequence:
    """Every number of frame t is t."""
    values = np.arange(T, dtype=np.float32)[:, None, None] + np.zeros((T, 17, 3), np.float32)
    return PoseSequence(
        "walk", values, H36M17, "3d", fps, "m", "camera_root_relative", track=2, start=7, image_size=(64, 32)
    )


def without(sequence: PoseSequence, *frames: int, joint: int | slice = slice(None)) -> PoseSequence:
    values = sequence.values.copy()
    values[list(frames), joint] = np.nan
    return replace(sequence, values=values)


# --- gaps


def test_a_whole_track_goes_through_as_it_is():
    track, inner = line(5), Watching()
    method = OverGaps(inner, longest=3)
    assert isinstance(method, Method) and (method.name, method.observed) == ("watching", 0.6)
    refined = method.refine(track)
    assert inner.seen[0] is track and refined.labelled is None
    np.testing.assert_array_equal(refined.values, track.values + 1)


def test_short_gaps_are_filled_and_long_ones_split():
    inner = Watching()
    track = replace(line(12), scores=np.ones((12, 17), np.float32), boxes=np.zeros((12, 4), np.float32))
    refined = OverGaps(inner, longest=2).refine(without(track, 0, 2, 3, 6, 7, 8))
    assert [(part.start, len(part)) for part in inner.seen] == [(8, 5), (16, 3)]
    np.testing.assert_allclose(inner.seen[0].values[:, 4, 1], [1, 2, 3, 4, 5])  # 2 and 3 on a line
    assert inner.seen[1].boxes is not None and len(inner.seen[1].boxes) == 3
    expected = [np.nan, 2, 3, 4, 5, 6, np.nan, np.nan, np.nan, 10, 11, 12]
    np.testing.assert_allclose(refined.values[:, 9, 2], expected)
    assert refined.labelled is not None and refined.start == 7
    detected = [False, True, False, False, True, True, False, False, False, True, True, True]
    assert refined.labelled[:, 0].tolist() == detected  # filled is not detected


def test_gaps_at_the_ends_are_never_filled():
    filled = fill_gaps(without(line(6), 0, 5), longest=10)
    assert np.isnan(filled.values[[0, 5]]).all() and np.isfinite(filled.values[1:5]).all()


def test_joints_are_filled_one_by_one():
    track = without(without(line(9), 2, joint=3), 5, 6, joint=4)
    refined = OverGaps(Watching(), longest=1).refine(track)
    assert refined.values[2, 3, 0] == 3
    missing = np.zeros((9, 17), dtype=bool)
    missing[5:7, 4] = True  # one joint lost for long loses itself alone
    np.testing.assert_array_equal(np.isnan(refined.values).any(axis=2), missing)
    np.testing.assert_array_equal(refined.values[5, 5:], 6)
    assert refined.labelled is not None
    assert refined.labelled[2].tolist() == [joint != 3 for joint in range(17)]


def test_what_was_not_labelled_stays_so():
    labelled = np.ones((4, 17), dtype=bool)
    labelled[3, 5] = False
    refined = OverGaps(Watching(), longest=1).refine(without(replace(line(4), labelled=labelled), 1))
    assert refined.labelled is not None
    assert not refined.labelled[1].any() and not refined.labelled[3, 5] and refined.labelled[3, 4]


def test_a_joint_that_is_never_seen_costs_the_others_nothing():
    inner = Watching()
    refined = OverGaps(inner, longest=5).refine(without(line(3), 0, 1, 2, joint=8))
    assert np.isnan(refined.values[:, 8]).all() and inner.seen[0].values[1, 8, 0] == 1  # a stand-in
    np.testing.assert_array_equal(np.delete(refined.values, 8, axis=1)[:, 0, 0], [1, 2, 3])


def test_wild_numbers_are_missing():
    track = line(6)
    track.values[2, 3, 0], track.values[4, 5] = np.inf, 3e38
    refined = OverGaps(Watching(), longest=1).refine(track)
    assert refined.values[2, 3, 0] == 3 and refined.values[4, 5, 1] == 5
    assert refined.labelled is not None and (~refined.labelled).sum() == 2


def test_a_track_without_anything():
    track = without(line(3), 0, 1, 2)
    with pytest.raises(ValueError, match="walk, track 2: no joint is known in any frame"):
        OverGaps(Watching(), longest=5).refine(track)
    with pytest.raises(ValueError, match="at least 0 frames, got -1"):
        OverGaps(Watching(), longest=-1)
    with pytest.raises(ValueError, match="no frames to refine"):
        OverGaps(Watching(), longest=5).refine(line(0))


# --- frame rates


def test_the_same_rate_is_left_alone():
    inner = Watching()
    track = line(10, fps=59.94)
    assert isinstance(AtRate(inner, 60.0), Method)
    AtRate(inner, 60.0).refine(track)
    assert inner.seen == [track]


def test_twice_the_rate_keeps_every_frame():
    inner = Watching()
    track = replace(line(10), values=np.random.default_rng(0).normal(size=(10, 17, 3)).astype(np.float32))
    refined = AtRate(inner, 60.0).refine(track)
    [seen] = inner.seen
    assert (len(seen), seen.fps, seen.image_size) == (19, 60.0, (64, 32))
    np.testing.assert_allclose(seen.values[::2], track.values, atol=1e-6)
    np.testing.assert_allclose(refined.values, track.values + 1, atol=1e-6)
    assert (refined.fps, refined.start, refined.track) == (30.0, 7, 2)


@given(st.integers(1, 60), st.floats(5, 240), st.floats(5, 240))
def test_straight_motion_comes_back_at_any_rates(T: int, own: float, other: float):
    inner = Watching()
    track = line(T, fps=own)
    refined = AtRate(inner, other).refine(track)
    np.testing.assert_allclose(refined.values, track.values + 1, atol=1e-3)
    [seen] = inner.seen
    np.testing.assert_allclose(seen.values[[0, -1]], track.values[[0, -1]], atol=1e-4)
    if T > 1 and seen is not track and len(seen) > 2:
        assert abs((len(seen) - 1) - (T - 1) * other / own) <= 0.5 + 1e-9


def test_smooth_motion_survives_the_way_there_and_back():
    t = np.arange(60)[:, None, None] / 30
    track = replace(line(60), values=(np.sin(2 * np.pi * t) + np.zeros((60, 17, 3))).astype(np.float32))
    refined = AtRate(Input(), 50.0).refine(track)
    assert np.abs(refined.values - track.values).max() < 2e-3


def test_what_is_refused():
    for fps in (0.0, -1.0, np.inf, np.nan):
        with pytest.raises(ValueError, match="fps must be positive and finite"):
            AtRate(Watching(), fps)
    with pytest.raises(ValueError, match="no frames to refine"):
        AtRate(Watching(), 60.0).refine(line(0))
