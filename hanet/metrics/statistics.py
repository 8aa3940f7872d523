"""Pooled means, their bootstrap intervals over sequences, and the spread over seeds.

Axes: S sequences, K columns of a metric (its joints, or one), R resamples.

A metric over a data set is a mean of ratios: for every column the sum of totals over the sum of weights. With
errors and frames as totals and weights that is a mean over frames; with a sequence's own rate and 1, a mean
over sequences.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int


def pooled_mean(totals: Float[np.ndarray, "S K"], weights: Float[np.ndarray, "S K"]) -> float:
    """Mean over columns of Σ totals / Σ weights; columns without weight are left out, NaN if all are."""
    return float(_mean_of_ratios(totals.sum(axis=-2), weights.sum(axis=-2)))


def bootstrap_interval(
    totals: Float[np.ndarray, "S K"],
    weights: Float[np.ndarray, "S K"],
    *,
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 4321,
) -> tuple[float, float]:
    """Percentile bootstrap interval of `pooled_mean`, resampling whole sequences.

    Frames of one sequence are alike, so sequences are what is drawn: S of them with replacement, `resamples`
    times. Both ends are NaN below two sequences, which say nothing about the spread between sequences.

    Raises:
        ValueError: resamples below 1 or level outside (0, 1).
    """
    if resamples < 1 or not 0 < level < 1:
        raise ValueError(
            f"resamples must be at least 1 and level within (0, 1), got resamples={resamples}, level={level}"
        )
    if len(totals) < 2:
        return float("nan"), float("nan")
    draws = resample(len(totals), resamples=resamples, seed=seed).astype(np.float64)
    return percentile_interval(_mean_of_ratios(draws @ totals, draws @ weights), level=level)


def resample(count: int, *, resamples: int, seed: int) -> Int[np.ndarray, "R S"]:
    """How often each of `count` things is in each resample: as many draws as things, with replacement."""
    return np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=resamples)


def percentile_interval(values: Float[np.ndarray, " R"], *, level: float = 0.95) -> tuple[float, float]:
    """The middle `level` of what resamples gave, NaN left out; both ends NaN where nothing is left."""
    known = values[np.isfinite(values)]
    if len(known) == 0:
        return float("nan"), float("nan")
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


class Difference(NamedTuple):
    """How one method's pooled mean differs from another's on the same sequences.

    Attributes:
        mean: the one's mean minus the other's, means over seeds.
        low, high: 95 % bootstrap interval over sequences and seeds; NaN below two sequences.
        p: two-sided p-value of a paired sign-flip test over sequences, of these very weights; NaN below two.
    """

    mean: float
    low: float
    high: float
    p: float


def paired_difference(
    totals: Float[np.ndarray, "R S K"],
    others: Float[np.ndarray, "Q S K"],
    weights: Float[np.ndarray, "S K"],
    *,
    resamples: int = 1000,
    seed: int = 4321,
) -> Difference:
    """Compare two methods, of R and Q seeds, scored on the same frames, sequence by sequence.

    The interval resamples sequences, each with both methods, and each method's seeds: another training would
    have come out elsewhere. A difference whose interval holds 0 may be the luck of either.

    The test is about these trainings alone. It flips which of the two methods a sequence's numbers (means
    over seeds) belong to: if they do not differ, all flips are equally likely. It goes through every flip
    where `resamples` allows it (2^S of them), else draws that many. With S sequences no p-value is below
    2 / 2^S: five or fewer cannot show a difference at the level of 0.05.

    Args:
        totals: of the one method, by seed.
        others: of the other, by seed, which is subtracted.
        weights: of both.
        resamples: of interval and test.
        seed: of what is drawn.
    """
    from scipy.stats import permutation_test  # takes as long to import as all else that a score needs

    difference = totals.mean(axis=0) - others.mean(axis=0)
    mean = pooled_mean(difference, weights)
    S = len(weights)
    if S < 2:
        return Difference(mean, float("nan"), float("nan"), float("nan"))
    rng = np.random.default_rng(seed)

    def drawn(count: int) -> Float[np.ndarray, "N count"]:
        return rng.multinomial(count, np.full(count, 1 / count), size=resamples) / count

    sequences = drawn(S)
    numerators = np.zeros((resamples, weights.shape[1]))
    for sign, method in ((1, totals), (-1, others)):
        # A seed at a time, so that memory does not grow with resamples × sequences.
        for share, values in zip(drawn(len(method)).T, method, strict=True):
            numerators += sign * share[:, None] * (sequences @ values)
    means = _mean_of_ratios(numerators, sequences @ weights)
    low, high = np.quantile(means[np.isfinite(means)], [0.025, 0.975])
    pooled = weights.sum(axis=0)
    known = pooled > 0
    test = permutation_test(
        ((difference[:, known] / pooled[known]).mean(axis=1),),  # a sequence's part of the difference
        lambda x, axis: x.sum(axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=resamples,
        rng=rng,
    )
    return Difference(mean, float(low), float(high), float(test.pvalue))


def mean_sd(values: Sequence[float]) -> tuple[float, float]:
    """Mean and sample standard deviation (n - 1) over seeds; the deviation of one value is NaN.

    Raises:
        ValueError: no values.
    """
    if len(values) == 0:
        raise ValueError("mean and standard deviation of no values; give one score per seed")
    array = np.asarray(values, dtype=np.float64)
    return float(array.mean()), float(array.std(ddof=1)) if len(array) > 1 else float("nan")


def _mean_of_ratios(
    totals: Float[np.ndarray, "*R K"], weights: Float[np.ndarray, "*R K"]
) -> Float[np.ndarray, "*R"]:
    known = weights > 0
    ratios = np.divide(totals, weights, out=np.zeros_like(totals), where=known)
    columns = known.sum(axis=-1)
    mean = np.full(columns.shape, np.nan)
    return np.divide(ratios.sum(axis=-1), columns, out=mean, where=columns > 0)
