"""Pooled means, their intervals and tests, by hand and by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from hanet.metrics import statistics
from hanet.metrics.clusters import Clusters
from hanet.metrics.statistics import (
    Resampled,
    Variance,
    cluster_interval,
    holm,
    mean_sd,
    paired_difference,
    pooled_mean,
    resample,
    resampled_interval,
    student_interval,
    student_p,
)

T1, T2, T3 = 12.7062047, 4.3026527, 3.1824463  # 97.5 % quantiles of Student's t by degrees of freedom


def of_one_training(values: np.ndarray) -> np.ndarray:
    return values[None, None]


def test_pooled_mean_weighs_by_frames_and_averages_columns():
    totals = np.array([[10.0, 0.0], [2.0, 6.0]])
    weights = np.array([[1.0, 0.0], [3.0, 3.0]])
    assert pooled_mean(totals, weights) == pytest.approx((12 / 4 + 6 / 3) / 2)


def test_columns_without_weight_are_left_out():
    assert pooled_mean(np.array([[3.0, 0.0]]), np.array([[1.0, 0.0]])) == 3
    assert np.isnan(pooled_mean(np.zeros((2, 1)), np.zeros((2, 1))))


def test_all_resamples_of_two_and_of_three_things_by_hand():
    counts, probability = resample(2, resamples=100, seed=1)
    assert counts.tolist() == [[0, 2], [1, 1], [2, 0]]
    assert probability == pytest.approx([1 / 4, 1 / 2, 1 / 4])
    counts, probability = resample(3, resamples=10, seed=1)  # all ten of them
    assert (counts.sum(axis=1) == 3).all() and len({tuple(row) for row in counts}) == 10
    by_counts = {tuple(row): p for row, p in zip(counts.tolist(), probability, strict=True)}
    assert by_counts[1, 1, 1] == pytest.approx(6 / 27) and by_counts[2, 0, 1] == pytest.approx(3 / 27)
    counts, probability = resample(3, resamples=9, seed=1)  # nine at random
    assert len(counts) == 9 and probability == pytest.approx(np.full(9, 1 / 9))


def test_equal_clusters_give_the_t_interval_of_their_means():
    """Four people of equal weight: mean ± t₃ · sd / √4, as for four numbers."""
    people = np.array([1.0, 2.0, 4.0, 5.0])
    # Two sequences of each person, which differ by a view's error: it is no new information.
    totals = np.repeat(people, 2)[:, None] + np.tile([0.5, -0.5], 4)[:, None]
    low, high = cluster_interval(of_one_training(totals), np.ones((8, 1)), np.repeat(np.arange(4), 2))
    half = T3 * np.sqrt(10 / 3) / 2
    assert (low, high) == pytest.approx((3 - half, 3 + half))


def test_two_clusters_of_unequal_weight_by_hand():
    """Means 1 and 4 of 3 frames and 1: resamples 1, 1.75 and 4 with probability 1/4, 1/2, 1/4."""
    totals, weights = np.array([[3.0], [4.0]]), np.array([[3.0], [1.0]])
    centre = (1 + 2 * 1.75 + 4) / 4
    variance = ((1 - centre) ** 2 + 2 * (1.75 - centre) ** 2 + (4 - centre) ** 2) / 4
    half = T1 * np.sqrt(2 * variance)
    found = cluster_interval(of_one_training(totals), weights, np.arange(2))
    assert found == pytest.approx((1.75 - half, 1.75 + half))


def test_many_clusters_are_drawn_at_random_and_seeded(rng):
    values = rng.normal(50, 10, size=(400, 1))
    arguments = of_one_training(values), np.ones_like(values), np.arange(400)
    low, high = cluster_interval(*arguments, resamples=4000)
    half = 1.966 * values.std(ddof=1) / np.sqrt(400)
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.05)
    assert cluster_interval(*arguments, seed=1) == cluster_interval(*arguments, seed=1)
    assert cluster_interval(*arguments, seed=1) != cluster_interval(*arguments, seed=2)


def test_too_little_for_an_interval():
    one = np.zeros(3, dtype=int)
    assert np.isnan(cluster_interval(np.ones((1, 1, 3, 1)), np.ones((3, 1)), one)).all()
    assert np.isnan(cluster_interval(np.zeros((1, 1, 3, 1)), np.zeros((3, 1)), np.arange(3))).all()
    # A cluster without a frame that counts is none.
    weights = np.array([[1.0], [1.0], [0.0]])
    assert np.isnan(cluster_interval(of_one_training(weights), weights, np.array([0, 0, 1]))).all()


@pytest.mark.parametrize("wrong", [{"resamples": 0}, {"level": 1.0}])
def test_wrong_bootstrap_settings(wrong):
    with pytest.raises(ValueError, match="resamples must be at least 1 and level within"):
        cluster_interval(np.ones((1, 1, 2, 1)), np.ones((2, 1)), np.arange(2), **wrong)


def test_seeds_and_estimators_widen_the_interval_by_hand():
    """Clusters agree; three seeds give 9, 10 and 11, so the interval is that of three numbers."""
    weights, clusters = np.ones((4, 2)), np.arange(4)
    totals = np.broadcast_to(np.array([9.0, 10.0, 11.0])[None, :, None, None], (1, 3, 4, 2))
    half = T2 * 1 / np.sqrt(3)
    assert cluster_interval(totals, weights, clusters) == pytest.approx((10 - half, 10 + half))
    # Two estimators of the same three seeds: 9.5 ± 0.5 and 10.5 ± 0.5 on average over seeds.
    both = np.concatenate([totals - 0.5, totals + 0.5])
    parts = [Variance(0.0, 4), Variance(0.5 / 2, 2), Variance(1 / 3, 3)]
    error = np.sqrt(0.25 + 1 / 3)
    freedom = (0.25 + 1 / 3) ** 2 / (0.25**2 / 1 + (1 / 3) ** 2 / 2)
    half = stats.t.ppf(0.975, freedom) * error
    assert student_interval(10.0, parts) == pytest.approx((10 - half, 10 + half))
    assert cluster_interval(both, weights, clusters) == pytest.approx((10 - half, 10 + half))


def test_mean_sd_over_seeds():
    assert mean_sd([1.0, 2.0, 3.0]) == pytest.approx((2, 1))
    mean, sd = mean_sd([5.0])
    assert mean == 5 and np.isnan(sd)
    with pytest.raises(ValueError, match="one score per seed"):
        mean_sd([])


def test_a_paired_difference_is_the_t_test_of_the_clusters():
    """Six people; what they have in common cancels."""
    better = np.array([1.0, 2.0, 3.0, 1.5, 2.5, 0.5])
    common = np.array([50.0, 80.0, 60.0, 70.0, 90.0, 55.0])
    weights = np.full((6, 2), 10.0)
    totals, others = ((common - gain)[:, None] * weights for gain in (better, 0 * better))
    found = paired_difference(of_one_training(totals), of_one_training(others), weights, np.arange(6))
    expected = stats.ttest_1samp(-better, 0.0)
    assert found.mean == pytest.approx(-better.mean())
    assert found.p == pytest.approx(expected.pvalue)
    assert (found.low, found.high) == pytest.approx(tuple(expected.confidence_interval(0.95)))
    swapped = paired_difference(of_one_training(others), of_one_training(totals), weights, np.arange(6))
    assert (swapped.mean, swapped.p) == (pytest.approx(-found.mean), pytest.approx(found.p))


def test_below_five_clusters_there_is_an_interval_and_no_p():
    weights, values = np.ones((5, 1)), np.arange(5.0)[:, None]
    zero = of_one_training(0 * values)
    assert np.isfinite(paired_difference(of_one_training(values), zero, weights, np.arange(5))).all()
    four = paired_difference(of_one_training(values), zero, weights, np.array([0, 1, 2, 3, 3]))
    assert np.isnan(four.p) and np.isfinite([four.low, four.high]).all()
    one = paired_difference(of_one_training(values), zero, weights, np.zeros(5, dtype=int))
    assert one.mean == 2 and np.isnan([one.low, one.high, one.p]).all()


def test_the_luck_of_a_training_counts_in_interval_and_p_alike():
    """Clusters agree on 1 mm, but one of two seeds is worse by 2, the other not at all."""
    weights, clusters = np.ones((40, 3)), np.arange(40)
    others = np.full((1, 2, 40, 3), 50.0)
    lucky = np.stack([np.full((40, 3), 50.0), np.full((40, 3), 52.0)])[None]
    found = paired_difference(lucky, others, weights, clusters)
    half = T1 * np.sqrt(2) / np.sqrt(2)
    assert (found.mean, found.low, found.high) == pytest.approx((1.0, 1 - half, 1 + half))
    assert found.p == pytest.approx(0.5)  # t = 1 at one degree of freedom
    sure = paired_difference(lucky[:, 1:], others, weights, clusters)
    assert (sure.mean, sure.low, sure.high, sure.p) == pytest.approx((2.0, 2.0, 2.0, 0.0))


def test_an_estimator_is_drawn_with_both_methods():
    """The second estimator is worse by 30 mm for both: the difference does not know it."""
    weights, clusters = np.ones((5, 1)), np.arange(5)
    base = np.array([10.0, 40.0])[:, None, None, None] + np.zeros((2, 1, 5, 1))
    found = paired_difference(base + 1.0, base, weights, clusters)
    assert (found.mean, found.low, found.high) == pytest.approx((1.0, 1.0, 1.0))


def test_p_and_interval_agree(rng):
    weights = np.ones((6, 1))
    for shift in np.linspace(0, 2, 21):
        one = of_one_training(shift + rng.normal(size=(6, 1)))
        found = paired_difference(one, 0 * one, weights, np.arange(6))
        assert (found.p < 0.05) == (not found.low <= 0 <= found.high)


def test_what_is_no_mean_over_sequences():
    values = np.array([1.0, 3.0, np.nan])
    half = T1 * np.sqrt(2 * 1.0)
    assert resampled_interval([2.0], [Resampled(values, 2)]) == pytest.approx((2 - half, 2 + half))
    assert np.isnan(resampled_interval([2.0], [Resampled(values, 1)])).all()
    assert np.isnan(student_p(np.nan, [Variance(1.0, 3)]))


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    found = holm([float("nan"), 0.02, 0.01])
    assert np.isnan(found[0]) and found[1:] == pytest.approx([0.02, 0.02])
    assert holm([]) == []


def test_people_are_the_clusters_where_all_are_known():
    names = ["walk/cam0", "walk/cam1", "jump/cam0", "run/cam0"]
    found = Clusters.of_sequences(names, ["ann", "ann", "bob", "ann"])
    assert found.of.tolist() == [0, 0, 1, 0]
    assert (found.count, found.people, found.clips) == (2, 2, 3)
    assert found.words(seeds=3) == "2 people, 3 clips, 3 seeds"
    unknown = Clusters.of_sequences(names, ["ann", "ann", "bob", None])
    assert unknown.of.tolist() == [0, 0, 1, 2] and unknown.people is None
    assert unknown.words(seeds=1, estimators=2) == "3 clips, 1 seed, 2 estimators"
    assert Clusters.of_sequences([], []).count == 0


@pytest.mark.parametrize("people", [3, 6, 20])
def test_intervals_hold_the_true_mean_as_often_as_they_say(people):
    """Nested effects: people, clips of a person, views of a clip; seeds of both methods.

    A naive interval over sequences held it in less than two thirds of the cases.
    """
    rng = np.random.default_rng(7)
    clips, views, seeds, simulations = 2, 3, 3, 300
    clusters = np.repeat(np.arange(people), clips * views)
    frames = np.repeat(rng.integers(50, 200, size=people * clips), views)[:, None].astype(float)
    held = held_mean = 0
    for _ in range(simulations):
        person = np.repeat(rng.normal(0, 4, people), clips * views)
        clip = np.repeat(rng.normal(0, 2, people * clips), views)
        view = rng.normal(0, 1, people * clips * views)
        one, other = (
            rng.normal(0, 1.0, (1, seeds, 1, 1)) + rng.normal(0, 0.5, (1, seeds, len(view), 1))
            for _ in range(2)
        )
        values = (5 + person + clip + view)[:, None]
        totals, others = (values + 3 + one) * frames, (0 * values + other) * frames
        found = paired_difference(totals, others, frames, clusters, resamples=500)
        held += found.low <= 8 <= found.high
        low, high = cluster_interval(totals, frames, clusters, resamples=500)
        held_mean += low <= 8 <= high
    assert 0.90 <= held / simulations <= 0.99
    assert 0.90 <= held_mean / simulations <= 0.99


def test_draws_of_many_clusters_come_in_parts(monkeypatch):
    """In parts, resamples are the same draws; only the sums may be rounded differently."""
    rng = np.random.default_rng(0)
    totals, weights, clusters = rng.random((100, 3)), np.ones((100, 3)), np.arange(100)
    whole = cluster_interval(totals[None, None], weights, clusters, resamples=50)
    monkeypatch.setattr(statistics, "_DRAWN", 700)  # 7 of the 50 resamples at a time
    parts = cluster_interval(totals[None, None], weights, clusters, resamples=50)
    np.testing.assert_allclose(parts, whole, rtol=1e-12)
