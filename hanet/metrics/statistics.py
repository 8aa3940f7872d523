"""Pooled means, their intervals over people, seeds and estimators, and tests of differences.

Axes: E trainings of the estimator, R and Q training seeds, S sequences, G clusters of sequences (people or
clips, see `hanet.metrics.clusters`), K columns of a metric (its joints, or one), B resamples.

A metric over a data set is a mean of ratios: for every column the sum of totals over the sum of weights. With
errors and frames as totals and weights that is a mean over frames; with a sequence's own rate and 1, a mean
over sequences.

The variance of a mean is the sum of the variances that clusters, seeds and estimators give it. That of
clusters is found by drawing whole clusters, each with all that lies in it, with replacement (Davison and
Hinkley, Bootstrap Methods and their Application, 1997, section 3.8): clusters of a ratio differ in weight,
which no formula of first order takes into account. A mean over seeds is linear, so drawing seeds has a
variance in closed form. Each is multiplied by n / (n - 1), since a resample varies about the mean of n values
as n - 1 would. Intervals and p-values are Student's, with Satterthwaite's degrees of freedom (Biometrics
Bulletin 2, 1946). So interval and test of a difference agree: p is below 0.05 just where the 95 % interval
leaves out 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import combinations, pairwise
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy.special import stdtr, stdtrit

LEAST_CLUSTERS = 5
"""With fewer clusters there is no p-value: too few people or clips to test on."""
_DRAWN = 1 << 24
"""Numbers drawn at a time."""


class Variance(NamedTuple):
    """The part of a mean's variance that one kind of draw gives, corrected for its small number."""

    value: float
    count: int  # pyright: ignore[reportIncompatibleMethodOverride]
    """How many things are drawn, at least 2: one less are the degrees of freedom."""


class Resampled(NamedTuple):
    """What is no mean over sequences, as mAP, in resamples of whole clusters.

    Attributes:
        values: the score in each resample (B), NaN where there is none.
        count: how many clusters each resample draws.
    """

    values: Float[np.ndarray, " B"]
    count: int  # pyright: ignore[reportIncompatibleMethodOverride]

    def variance(self) -> Variance | None:
        """Its variance; None below two clusters."""
        known = self.values[np.isfinite(self.values)]
        if self.count < 2 or len(known) == 0:
            return None
        return Variance(float(known.var()) * self.count / (self.count - 1), self.count)


class Difference(NamedTuple):
    """How one method's pooled mean differs from another's on the same sequences.

    Attributes:
        mean: the one's mean minus the other's, means over seeds.
        low, high: 95 % interval over clusters and seeds; NaN below two clusters.
        p: two-sided, of the same distribution as the interval; NaN below `LEAST_CLUSTERS` clusters.
    """

    mean: float
    low: float
    high: float
    p: float


def mean_of_ratios(
    totals: Float[np.ndarray, "*B K"], weights: Float[np.ndarray, "*B K"]
) -> Float[np.ndarray, "*B"]:
    """Mean over columns of totals / weights; columns without weight are left out, NaN if all are."""
    known = weights > 0
    ratios = np.divide(totals, weights, out=np.zeros_like(totals), where=known)
    columns = known.sum(axis=-1)
    mean = np.full(columns.shape, np.nan)
    return np.divide(ratios.sum(axis=-1), columns, out=mean, where=columns > 0)


def pooled_mean(totals: Float[np.ndarray, "S K"], weights: Float[np.ndarray, "S K"]) -> float:
    """Mean over columns of Σ totals / Σ weights; columns without weight are left out, NaN if all are."""
    return float(mean_of_ratios(totals.sum(axis=-2), weights.sum(axis=-2)))


def cluster_interval(
    totals: Float[np.ndarray, "E R S K"],
    weights: Float[np.ndarray, "S K"],
    clusters: Int[np.ndarray, " S"],
    *,
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 4321,
) -> tuple[float, float]:
    """Interval of `pooled_mean`, averaged over seeds and estimators, over clusters, seeds and estimators.

    Both ends are NaN below two clusters: one person or clip says nothing about the spread between them. One
    seed, or one estimator, adds no variance: the interval then leaves its luck out.

    Args:
        totals: by estimator, seed, sequence and column.
        weights: the same for all.
        clusters: number of each sequence's cluster, from 0.
        resamples: clusters are drawn so often, unless all resamples are as few.
        level: share of such intervals that should hold the true mean.
        seed: of what is drawn.

    Raises:
        ValueError: resamples below 1 or level outside (0, 1).
    """
    if resamples < 1 or not 0 < level < 1:
        raise ValueError(
            f"resamples must be at least 1 and level within (0, 1), got resamples={resamples}, level={level}"
        )
    by_cluster = _variance_of_clusters(totals.mean(axis=(0, 1)), weights, clusters, resamples, seed)
    if by_cluster is None:
        return math.nan, math.nan
    parts = [by_cluster, *_variances_of_trainings(totals, weights)]
    return student_interval(pooled_mean(totals.mean(axis=(0, 1)), weights), parts, level=level)


def paired_difference(
    totals: Float[np.ndarray, "E R S K"],
    others: Float[np.ndarray, "E Q S K"],
    weights: Float[np.ndarray, "S K"],
    clusters: Int[np.ndarray, " S"],
    *,
    resamples: int = 1000,
    seed: int = 4321,
) -> Difference:
    """Compare two methods, of R and Q seeds, scored on the same frames and estimators.

    A cluster is drawn with both methods, an estimator too; seeds are each method's own: another training
    would have come out elsewhere.

    Args:
        totals: of the one method, by estimator, seed, sequence and column.
        others: of the other, which is subtracted.
        weights: of both.
        clusters: number of each sequence's cluster, from 0.
        resamples, seed: as in `cluster_interval`.
    """
    difference = totals.mean(axis=1) - others.mean(axis=1)
    mean = pooled_mean(difference.mean(axis=0), weights)
    by_cluster = _variance_of_clusters(difference.mean(axis=0), weights, clusters, resamples, seed)
    if by_cluster is None:
        return Difference(mean, math.nan, math.nan, math.nan)
    parts = [by_cluster, *_variances_of_trainings(difference[:, None], weights)]
    for method in (totals, others):
        parts += _variances_of_trainings(method.mean(axis=0, keepdims=True), weights)
    low, high = student_interval(mean, parts)
    p = student_p(mean, parts) if by_cluster.count >= LEAST_CLUSTERS else math.nan
    return Difference(mean, low, high, p)


def student_interval(mean: float, parts: Sequence[Variance], *, level: float = 0.95) -> tuple[float, float]:
    """``mean ± t · standard error`` for the sum of the variances; NaN where one is."""
    error, freedom = _standard_error(parts)
    reach = float(stdtrit(freedom, (1 + level) / 2)) * error if error else error
    return mean - reach, mean + reach


def student_p(mean: float, parts: Sequence[Variance]) -> float:
    """Two-sided p-value of a mean of 0 with these variances; NaN where one is."""
    error, freedom = _standard_error(parts)
    if math.isnan(error) or math.isnan(mean):
        return math.nan
    if error == 0:
        return 0.0 if mean else 1.0
    return float(2 * stdtr(freedom, -abs(mean) / error))


def resampled_interval(means: Sequence[float], runs: Sequence[Resampled]) -> tuple[float, float]:
    """Interval of the mean over seeds of what is no mean over sequences.

    Args:
        means: the score of each seed.
        runs: its resamples, drawn alike for every seed.
    """
    drawn = Resampled(np.mean([run.values for run in runs], axis=0), runs[0].count).variance()
    if drawn is None:
        return math.nan, math.nan
    seeds = np.asarray(means)
    parts = [Variance(float(seeds.var(ddof=1)) / len(seeds), len(seeds))] if len(seeds) > 1 else []
    return student_interval(float(seeds.mean()), [drawn, *parts])


def holm(values: Sequence[float]) -> list[float]:
    """P-values of several tests, adjusted so that 0.05 holds for all together (Holm, 1979); NaN stay NaN."""
    tests = sorted((p, i) for i, p in enumerate(values) if not math.isnan(p))
    adjusted, largest = [math.nan] * len(values), 0.0
    for rank, (p, i) in enumerate(tests):
        largest = max(largest, min(1.0, (len(tests) - rank) * p))
        adjusted[i] = largest
    return adjusted


def resample(
    count: int, *, resamples: int, seed: int
) -> tuple[Int[np.ndarray, "B G"], Float[np.ndarray, " B"]]:
    """How often each of `count` things is in each resample, and each resample's probability.

    A resample is as many draws as things, with replacement. All resamples are returned where they are no more
    than `resamples`, as of 7 things 1,716 are, else as many at random.
    """
    if count < 64 and math.comb(2 * count - 1, count) <= resamples:
        counts = np.array(list(_compositions(count, count)), dtype=np.int64)
        factorial = np.array([math.factorial(n) for n in range(count + 1)], dtype=np.float64)
        return counts, factorial[count] / factorial[counts].prod(axis=1) / count**count
    return draw(count, resamples=resamples, seed=seed), np.full(resamples, 1 / resamples)


def draw(count: int, *, resamples: int, seed: int) -> Int[np.ndarray, "B G"]:
    """How often each of `count` things is in each of so many random resamples."""
    return _draw(np.random.default_rng(seed), count, resamples)


def mean_sd(values: Sequence[float]) -> tuple[float, float]:
    """Mean and sample standard deviation (n - 1) over seeds; the deviation of one value is NaN.

    Raises:
        ValueError: no values.
    """
    if len(values) == 0:
        raise ValueError("mean and standard deviation of no values; give one score per seed")
    array = np.asarray(values, dtype=np.float64)
    return float(array.mean()), float(array.std(ddof=1)) if len(array) > 1 else float("nan")


def _draw(generator: np.random.Generator, count: int, resamples: int) -> Int[np.ndarray, "B G"]:
    return generator.multinomial(count, np.full(count, 1 / count), size=resamples)


def _compositions(total: int, parts: int) -> Iterable[tuple[int, ...]]:
    """All ways to write `total` as an ordered sum of `parts` numbers from 0."""
    for bars in combinations(range(total + parts - 1), parts - 1):
        edges = (-1, *bars, total + parts - 1)
        yield tuple(b - a - 1 for a, b in pairwise(edges))


def _variance_of_clusters(
    totals: Float[np.ndarray, "S K"],
    weights: Float[np.ndarray, "S K"],
    clusters: Int[np.ndarray, " S"],
    resamples: int,
    seed: int,
) -> Variance | None:
    """The variance over resamples of whole clusters; None below two clusters that count."""
    counting = (weights > 0).any(axis=1)
    _, of = np.unique(clusters[counting], return_inverse=True)
    count = int(of.max()) + 1 if len(of) else 0
    if count < 2:
        return None
    summed = np.zeros((2, count, weights.shape[1]))
    np.add.at(summed[0], of, totals[counting])
    np.add.at(summed[1], of, weights[counting])
    means, probability = _resampled_means(summed, resamples, seed)
    known = np.isfinite(means)
    probability = probability[known] / probability[known].sum()
    centre = probability @ means[known]
    variance = float(probability @ (means[known] - centre) ** 2)
    return Variance(variance * count / (count - 1), count)


def _resampled_means(
    summed: Float[np.ndarray, "2 G K"], resamples: int, seed: int
) -> tuple[Float[np.ndarray, " B"], Float[np.ndarray, " B"]]:
    """The mean in each resample of clusters, from their totals and weights, and its probability.

    Of many clusters, resamples are drawn in parts of 128 MB.
    """
    count = summed.shape[1]
    if count < 64 or count * resamples <= _DRAWN:
        draws, probability = resample(count, resamples=resamples, seed=seed)
        return mean_of_ratios(draws @ summed[0], draws @ summed[1]), probability
    means, generator = np.empty(resamples), np.random.default_rng(seed)
    for start in range(0, resamples, part := max(1, _DRAWN // count)):
        draws = _draw(generator, count, min(part, resamples - start))
        means[start : start + part] = mean_of_ratios(draws @ summed[0], draws @ summed[1])
    return means, np.full(resamples, 1 / resamples)


def _variances_of_trainings(
    totals: Float[np.ndarray, "E R S K"], weights: Float[np.ndarray, "S K"]
) -> list[Variance]:
    """The variances of the mean that estimators and seeds give, for those of which there are two or more."""
    means = np.array([[pooled_mean(one, weights) for one in seeds] for seeds in totals])
    by_kind = (means.mean(axis=1), means.mean(axis=0))
    return [Variance(float(x.var(ddof=1)) / len(x), len(x)) for x in by_kind if len(x) > 1]


def _standard_error(parts: Sequence[Variance]) -> tuple[float, float]:
    """The root of the summed variances, and Satterthwaite's degrees of freedom."""
    variance = sum(part.value for part in parts)
    if not variance > 0:
        return (0.0 if variance == 0 else math.nan), math.inf
    return math.sqrt(variance), variance**2 / sum(part.value**2 / (part.count - 1) for part in parts)
