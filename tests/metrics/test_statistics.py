"""Pooled means and their spread, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from hanet.metrics import bootstrap_interval, mean_sd, paired_difference, pooled_mean


def test_pooled_mean_weighs_by_frames_and_averages_columns():
    totals = np.array([[10.0, 0.0], [2.0, 6.0]])
    weights = np.array([[1.0, 0.0], [3.0, 3.0]])
    assert pooled_mean(totals, weights) == pytest.approx((12 / 4 + 6 / 3) / 2)


def test_columns_without_weight_are_left_out():
    assert pooled_mean(np.array([[3.0, 0.0]]), np.array([[1.0, 0.0]])) == 3
    assert np.isnan(pooled_mean(np.zeros((2, 1)), np.zeros((2, 1))))


def test_bootstrap_of_two_sequences_by_hand():
    """Two draws of two: (a, a) and (b, b) a quarter of the time each, so both ends are the extremes."""
    totals, weights = np.array([[1.0], [6.0]]), np.array([[1.0], [2.0]])
    assert bootstrap_interval(totals, weights) == pytest.approx((1, 3))
    # The middle 40 % are the mixed draws: (1 + 6) / (1 + 2).
    assert bootstrap_interval(totals, weights, level=0.4) == pytest.approx((7 / 3, 7 / 3))


def test_bootstrap_matches_the_normal_approximation(rng):
    values = rng.normal(50, 10, size=(400, 1))
    low, high = bootstrap_interval(values, np.ones_like(values), resamples=4000)
    half = 1.96 * values.std() / np.sqrt(400)
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.15)


def test_bootstrap_is_seeded(rng):
    values = rng.normal(size=(9, 2))
    weights = np.ones_like(values)
    assert bootstrap_interval(values, weights, seed=1) == bootstrap_interval(values, weights, seed=1)
    assert bootstrap_interval(values, weights, seed=1) != bootstrap_interval(values, weights, seed=2)


def test_too_little_for_an_interval():
    assert np.isnan(bootstrap_interval(np.ones((1, 1)), np.ones((1, 1)))).all()
    assert np.isnan(bootstrap_interval(np.zeros((3, 1)), np.zeros((3, 1)))).all()


@pytest.mark.parametrize("wrong", [{"resamples": 0}, {"level": 1.0}])
def test_wrong_bootstrap_settings(wrong):
    with pytest.raises(ValueError, match="resamples must be at least 1 and level within"):
        bootstrap_interval(np.ones((2, 1)), np.ones((2, 1)), **wrong)


def test_mean_sd_over_seeds():
    assert mean_sd([1.0, 2.0, 3.0]) == pytest.approx((2, 1))
    mean, sd = mean_sd([5.0])
    assert mean == 5 and np.isnan(sd)
    with pytest.raises(ValueError, match="one score per seed"):
        mean_sd([])


def test_a_paired_difference_by_hand() -> None:
    """Sequences of 10, 10 and 20 frames, two columns; the one is better by 1, 2 and 3 a frame."""
    weights = np.array([[10.0, 10.0], [10.0, 10.0], [20.0, 20.0]])
    others = 50 * weights
    totals = others - weights * np.array([[1.0], [2.0], [3.0]])
    found = paired_difference(totals[None], others[None], weights, resamples=2000)
    assert found.mean == pytest.approx(-(10 * 1 + 10 * 2 + 20 * 3) / 40)
    # A resample may draw one sequence three times.
    assert found.low == pytest.approx(-3) and found.high == pytest.approx(-1)
    # Of the 2³ flips two are as far from 0: none and all.
    assert found.p == pytest.approx(2 / 8)
    swapped = paired_difference(others[None], totals[None], weights, resamples=2000)
    assert (swapped.mean, swapped.p) == (pytest.approx(-found.mean), pytest.approx(found.p))


def test_a_difference_that_goes_both_ways_is_none() -> None:
    weights = np.ones((40, 1))
    noise = np.random.default_rng(1).normal(size=(40, 1))
    found = paired_difference(50 + noise[None], 50 - noise[None], weights, resamples=2000)
    assert found.low < 0 < found.high and found.p > 0.05
    clear = paired_difference(48 + noise[None], 50 - noise[None], weights, resamples=2000)
    assert clear.high < 0 and clear.p < 0.01


def test_one_sequence_has_a_difference_and_no_more() -> None:
    found = paired_difference(np.full((2, 1, 2), 3.0), np.full((1, 1, 2), 5.0), np.ones((1, 2)))
    assert found.mean == -2 and np.isnan([found.low, found.high, found.p]).all()
    none = paired_difference(np.zeros((1, 1, 2)), np.zeros((1, 1, 2)), np.zeros((1, 2)))
    assert np.isnan(none.mean)


def test_the_luck_of_a_training_widens_the_interval() -> None:
    """Sequences agree on 1 mm, but one of two seeds is worse by 2, the other not at all."""
    weights = np.ones((40, 3))
    others = np.full((2, 40, 3), 50.0)
    lucky = np.stack([np.full((40, 3), 50.0), np.full((40, 3), 52.0)])
    found = paired_difference(lucky, others, weights, resamples=2000)
    assert (found.mean, found.low, found.high) == pytest.approx((1.0, 0.0, 2.0))
    assert found.p < 0.01  # of these very weights
    one = paired_difference(lucky[1:], others, weights, resamples=2000)
    assert (one.mean, one.low, one.high) == pytest.approx((2.0, 2.0, 2.0))
