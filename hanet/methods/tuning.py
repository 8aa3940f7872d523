"""Select a method's parameters on validation data by grid search."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hanet.methods.base import Method
from hanet.metrics import evaluate
from hanet.poses.sequence import PoseSequence, check_pair
from hanet.progress import console

Score = Callable[[Sequence[PoseSequence], Sequence[PoseSequence]], Mapping[str, float]]
"""Refined and ground-truth tracks to named scores; lower is better, and the first score decides."""


@dataclass(frozen=True)
class Tuning:
    """The result of a search.

    Attributes:
        best: the parameters to call the method's factory with.
        table: one row per combination in the order tried: its parameters and its scores.
    """

    best: dict[str, Any]
    table: tuple[dict[str, Any], ...]


def tune(
    make: Callable[..., Method],
    grid: Mapping[str, Sequence[Any]],
    detected: Sequence[PoseSequence],
    gt: Sequence[PoseSequence],
    score: Score,
) -> Tuning:
    """Try every combination of the grid's values and keep the one with the lowest scores.

    The first score decides, e.g. MPJPE; ties are broken by the second, e.g. Accel, and so on. If all are
    equal, the combination tried first wins; the grid's last parameter changes fastest, so put the values that
    change poses least first. The search is deterministic.

    Args:
        make: factory called with one value of each parameter, e.g. ``SavitzkyGolay``.
        grid: values to try by parameter name.
        detected: validation tracks as detected. Never the test split.
        gt: their ground truth, in the same order.
        score: see `Score`; negate scores that are better when higher.

    Raises:
        ValueError: the grid has nothing to try, tracks do not pair up, or a score is missing or NaN.
    """
    if not grid or not all(len(values) for values in grid.values()):
        raise ValueError(f"every parameter of the grid needs at least one value, got {dict(grid)}")
    if not detected or len(detected) != len(gt):
        raise ValueError(
            f"expected as many detected tracks as ground-truth ones, at least one; got {len(detected)} and "
            f"{len(gt)}"
        )
    for found, truth in zip(detected, gt, strict=True):
        check_pair(truth, found)
    trials: list[tuple[tuple[float, ...], dict[str, Any], dict[str, Any]]] = []
    for values in itertools.product(*grid.values()):
        parameters = dict(zip(grid, values, strict=True))
        method = make(**parameters)
        scores = dict(score([method.refine(sequence) for sequence in detected], gt))
        if not scores or any(math.isnan(value) for value in scores.values()):
            raise ValueError(
                f"{method.name} with {parameters} returned no comparable score: expected "
                f"finite numbers, got {scores}"
            )
        trials.append((tuple(scores.values()), parameters, parameters | scores))
    _, best, _ = min(trials, key=lambda trial: trial[0])
    return Tuning(best=best, table=tuple(row for _, _, row in trials))


def tuned_filter(
    make: Callable[..., Method],
    grid: Mapping[str, Sequence[int | float]],
    detected: Sequence[PoseSequence],
    gt: Sequence[PoseSequence],
    score: Score,
) -> tuple[Method, dict[str, Any]]:
    """A filter with the parameters from its grid that are best on validation; unchanged without a grid."""
    if not grid:
        return make(), {}
    search = tune(make, grid, detected, gt, score)
    best = make(**search.best)
    console.print(f"  {best.name}: {search.best} of {len(search.table)} tried")
    return best, search.best


def validation_scores(refined: Sequence[PoseSequence], gt: Sequence[PoseSequence]) -> dict[str, float]:
    """Scores to minimise: MPJPE, or for keypoints the share missed at PCK@.1; then Accel."""
    means = evaluate(gt, refined, resamples=1, brief=True).means
    if gt[0].representation == "2d":
        missed = 1 - means["pck_010"]
        return {"missed_010": missed, "accel_px_per_frame2": means["accel_px_per_frame2"]}
    return {name: means[name] for name in ("mpjpe_mm", "accel_mm_per_frame2")}
