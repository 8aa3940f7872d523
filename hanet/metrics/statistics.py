"""Pooled means, their bootstrap intervals over sequences, and the spread over seeds.

Axes: S sequences, K columns of a metric (its joints, or one), R resamples.

A metric over a data set is a mean of ratios: for every column the sum of totals over the sum of weights. With
errors and frames as totals and weights that is a mean over frames; with a sequence's own rate and 1, a mean
over sequences.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float


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
    S = len(totals)
    if S < 2:
        return float("nan"), float("nan")
    draws = np.random.default_rng(seed).multinomial(S, np.full(S, 1 / S), size=resamples).astype(np.float64)
    means = _mean_of_ratios(draws @ totals, draws @ weights)
    means = means[np.isfinite(means)]
    if len(means) == 0:
        return float("nan"), float("nan")
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


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
