"""Scores of a method on domains: sequences of one estimator with their ground truth, in their own unit.

Axes: T frames, J joints, D numbers per joint.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from hanet.poses.pair import Pair

ALPHA = 0.025
"""Share of the longer side of the person's box within which a keypoint counts for PCK."""
WORSE = {"m": 0.5, "px": 0.2}
"""Millimetres of MPJPE, or points of PCK, from which a sequence counts as harmed."""


@dataclass(frozen=True)
class Score:
    """Scores of one sequence.

    Attributes:
        weight: joints and frames scored.
        error: mean distance from the truth: millimetres, or pixels.
        accel: mean acceleration error per frame²: millimetres, or pixels.
        fast: mean distance in a joint's fastest 5 % of frames.
        pck: percentage of keypoints within `ALPHA` of the box; NaN in 3D.
    """

    weight: int
    error: float
    accel: float
    fast: float
    pck: float


def score(pair: Pair, poses: Float[np.ndarray, "T J D"]) -> Score:
    """Scores of refined poses; frames without truth or without poses do not count."""
    factor = 1000.0 if pair.detected.unit == "m" else 1.0
    poses, gt = poses * factor, pair.gt * factor
    if pair.root:
        poses, gt = (x - x[:, list(pair.root)].mean(axis=1, keepdims=True) for x in (poses, gt))
    error = np.linalg.norm(poses - gt, axis=2)
    accel = np.linalg.norm(np.diff(poses - gt, n=2, axis=0), axis=2)
    speed = np.linalg.norm(np.gradient(gt, axis=0), axis=2)
    fast = speed >= np.nanquantile(speed, 0.95)
    known = np.isfinite(error)
    pck = float("nan")
    if pair.detected.unit == "px":
        size = np.nanmax(np.nanmax(pair.gt, axis=1) - np.nanmin(pair.gt, axis=1), axis=1)
        pck = 100 * float((error <= ALPHA * size[:, None])[known].mean())
    return Score(
        int(known.sum()),
        float(error[known].mean()),
        float(np.nanmean(accel)),
        float(error[fast & known].mean()),
        pck,
    )


@dataclass(frozen=True)
class Row:
    """A method's scores on a domain: means over joints and frames, and shares of sequences and people.

    Attributes:
        method: its name.
        error, accel, fast, pck: see `Score`.
        unharmed: share of sequences not worse than the input by more than `WORSE`.
        unharmed_people: the same of people, by their mean.
        low: 2.5 % quantile of the difference in error to the input over resampled sequences.
        high: 97.5 % quantile.
    """

    method: str
    error: float
    accel: float
    fast: float
    pck: float
    unharmed: float
    unharmed_people: float
    low: float
    high: float


def row(
    method: str,
    pairs: Sequence[Pair],
    before: Sequence[Score],
    after: Sequence[Score],
    rng: np.random.Generator,
) -> Row:
    """Summarise a domain.

    Args:
        method: its name.
        pairs: the domain's sequences.
        before: scores of their input.
        after: scores of the method.
        rng: source of the resamples.
    """
    unit = pairs[0].detected.unit
    weight = np.array([s.weight for s in before], dtype=float)

    def mean(scores: Sequence[Score], name: str, rows: np.ndarray | slice = slice(None)) -> float:
        return float(np.average(np.array([getattr(s, name) for s in scores])[rows], weights=weight[rows]))

    def worse(rows: np.ndarray | slice) -> bool:
        if unit == "px":
            return mean(after, "pck", rows) < mean(before, "pck", rows) - WORSE[unit]
        return mean(after, "error", rows) > mean(before, "error", rows) + WORSE[unit]

    people = sorted({pair.person for pair in pairs})
    of_person = [np.flatnonzero([pair.person == person for pair in pairs]) for person in people]
    each = [np.array([i]) for i in range(len(pairs))]
    change = np.array([a.error - b.error for a, b in zip(after, before, strict=True)])
    draws = rng.integers(0, len(pairs), (1000, len(pairs)))
    spread = (change[draws] * weight[draws]).sum(axis=1) / weight[draws].sum(axis=1)
    low, high = np.quantile(spread, (0.025, 0.975))
    return Row(
        method,
        error=mean(after, "error"),
        accel=mean(after, "accel"),
        fast=mean(after, "fast"),
        pck=mean(after, "pck"),
        unharmed=1 - float(np.mean([worse(rows) for rows in each])),
        unharmed_people=1 - float(np.mean([worse(rows) for rows in of_person])),
        low=float(low),
        high=float(high),
    )
