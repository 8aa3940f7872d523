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
BAND = (2.0, 6.0)
"""Hertz of fast human motion, which too much smoothing takes away."""
FARTHEST = 0.2
"""Seconds that poses may trail or lead."""


@dataclass(frozen=True)
class Score:
    """Scores of one sequence.

    Attributes:
        weight: joints and frames scored.
        error: mean distance from the truth: millimetres, or pixels.
        accel: mean acceleration error per frame²: millimetres, or pixels.
        fast: mean distance in a joint's fastest 5 % of frames.
        pck: percentage of keypoints within `ALPHA` of the box; NaN in 3D.
        power: spectral power in `BAND`.
        gt_power: that of the truth.
        lag: milliseconds by which the poses' velocities trail the truth's, where they fit best.
    """

    weight: int
    error: float
    accel: float
    fast: float
    pck: float
    power: float
    gt_power: float
    lag: float


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
    throughout = known.all(axis=0)
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
        _power(poses[:, throughout], pair.detected.fps),
        _power(gt[:, throughout], pair.detected.fps),
        _trailing(poses, gt, round(FARTHEST * pair.detected.fps)) * 1000 / pair.detected.fps,
    )


def _power(poses: Float[np.ndarray, "T J D"], fps: float) -> float:
    """Spectral power within `BAND`, under a Hann window."""
    T = len(poses)
    columns = poses.reshape(T, -1)
    waves = np.fft.rfft((columns - columns.mean(axis=0)) * np.hanning(T)[:, None], axis=0)
    frequencies = np.fft.rfftfreq(T, 1 / fps)
    inside = (frequencies >= BAND[0]) & (frequencies <= BAND[1])
    return float((np.abs(waves[inside]) ** 2).sum() / T)


def _trailing(poses: Float[np.ndarray, "T J D"], gt: Float[np.ndarray, "T J D"], most: int) -> float:
    """Frames by which velocities trail the truth's: the peak of their correlation, by a parabola."""
    moved, true = (np.nan_to_num(np.diff(x, axis=0)) for x in (poses, gt))
    T = len(moved)
    most = min(most, (T - 1) // 3)
    if most < 1:
        return 0.0
    shifts = range(-most, most + 1)
    alike = np.array([(moved[most + k : T - most + k] * true[most : T - most]).sum() for k in shifts])
    best = int(np.clip(alike.argmax(), 1, len(alike) - 2))
    before, at, after = alike[best - 1 : best + 2]
    curved = before - 2 * at + after
    return float(shifts[best] + (0.5 * (before - after) / curved if curved < 0 else 0.0))


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
        unharmed_range, unharmed_people_range: 95 % intervals of these shares (Clopper and Pearson 1934).
        spectrum: amplitude in `BAND` over the truth's: below 1 fast motion is missing, above there is noise.
        lag: see `Score`.
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
    unharmed_range: tuple[float, float]
    unharmed_people_range: tuple[float, float]
    spectrum: float
    lag: float


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
    unharmed, unharmed_people = ([not worse(rows) for rows in groups] for groups in (each, of_person))
    return Row(
        method,
        error=mean(after, "error"),
        accel=mean(after, "accel"),
        fast=mean(after, "fast"),
        pck=mean(after, "pck"),
        unharmed=float(np.mean(unharmed)),
        unharmed_people=float(np.mean(unharmed_people)),
        low=float(low),
        high=float(high),
        unharmed_range=share_interval(sum(unharmed), len(unharmed)),
        unharmed_people_range=share_interval(sum(unharmed_people), len(unharmed_people)),
        spectrum=float(np.sqrt(sum(s.power for s in after) / max(sum(s.gt_power for s in after), 1e-30))),
        lag=mean(after, "lag"),
    )


def share_interval(successes: int, trials: int) -> tuple[float, float]:
    """The 95 % interval of a share by Clopper and Pearson."""
    from scipy.stats import beta

    left = trials - successes
    low = 0.0 if successes == 0 else float(beta.ppf(0.025, successes, left + 1))
    high = 1.0 if left == 0 else float(beta.ppf(0.975, successes + 1, left))
    return low, high
