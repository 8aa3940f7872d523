"""How fast a detector's errors change: their power by frequency, and their correlation in time.

Axes: T frames, J joints, D coordinates, F frequencies, K lags.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.signal import welch

from hanet.estimators.measured.fit import known_values, person_size
from hanet.estimators.measured.model import part_of
from hanet.poses.gaps import runs
from hanet.poses.sequence import PoseSequence, check_pair

WINDOW = 1.0
"""Seconds of a spectrum's window; shorter spans without a gap are left out."""
SLOW, FAST = 2.0, 5.0
"""Hertz: most motion of limbs is below the first, hardly any above the second."""


@dataclass(frozen=True)
class Spectrum:
    """Errors of one joint, left and right together, around their mean in each track.

    Attributes:
        hertz: frequencies.
        power: per hertz, of all axes, in squares of the table's unit.
        lags: seconds.
        correlation: of the errors with themselves at these lags; 1 at lag 0.
    """

    hertz: Float[np.ndarray, " F"]
    power: Float[np.ndarray, " F"]
    lags: Float[np.ndarray, " K"]
    correlation: Float[np.ndarray, " K"]

    def share(self, low: float, high: float) -> float:
        """The part of the power at frequencies from `low` to below `high`, without the mean's."""
        moving = self.hertz > 0
        inside = moving & (self.hertz >= low) & (self.hertz < high)
        return float(self.power[inside].sum() / self.power[moving].sum())

    @property
    def correlation_time(self) -> float:
        """Seconds until the correlation falls to 1/e; the last lag where it does not."""
        below = np.flatnonzero(self.correlation < np.exp(-1))
        if not len(below):
            return float(self.lags[-1])
        k = int(below[0])
        (a, b), (x, y) = self.correlation[k - 1 : k + 1], self.lags[k - 1 : k + 1]
        return float(x + (a - np.exp(-1)) / (a - b) * (y - x))

    def numbers(self) -> dict[str, float]:
        """For a table: shares of slow and of fast errors, and the correlation time."""
        return {
            "below_2_hz": self.share(0.0, SLOW),
            "above_5_hz": self.share(FAST, float("inf")),
            "correlation_time": self.correlation_time,
        }


def spectra(pairs: Iterable[tuple[PoseSequence, PoseSequence]]) -> dict[str, Spectrum]:
    """Spectra by name of the joint without its side.

    Args:
        pairs: as `hanet.estimators.measured.fit.fit` takes them, of one frame rate. Joints without a span of
            `WINDOW` seconds are left out.

    Raises:
        ValueError: tracks that do not pair up, or of several frame rates.
    """
    gathered: dict[str, list[np.ndarray]] = {}
    fps = 0.0
    for detected, truth in pairs:
        check_pair(truth, detected)
        if fps and truth.fps != fps:
            raise ValueError(f"expected tracks of one frame rate, got {fps:g} and {truth.fps:g} per second")
        fps = truth.fps
        size = person_size(truth) if truth.representation == "2d" else 1.0
        errors = (known_values(detected, scores=True) - known_values(truth, scores=False)) / size
        for j, name in enumerate(truth.skeleton.joints):
            gathered.setdefault(part_of(name), []).append(errors[:, j])
    frames = max(4, round(WINDOW * fps))
    found = {part: _of(tracks, fps, frames) for part, tracks in gathered.items()}
    return {part: one for part, one in found.items() if one is not None}


def _of(tracks: list[Float[np.ndarray, "T D"]], fps: float, frames: int) -> Spectrum | None:
    power, weight = np.zeros(frames // 2 + 1), 0
    total, count = np.zeros(frames), np.zeros(frames)
    for errors in tracks:
        seen = np.asarray(np.isfinite(errors).all(axis=1))
        if not seen.any():
            continue
        centred = errors - errors[seen].mean(axis=0)
        for run in runs(seen):
            span = centred[run]
            if len(span) < frames:
                continue
            _, density = welch(span, fs=fps, nperseg=frames, detrend=False, axis=0)
            power += density.sum(axis=1) * len(span)
            weight += len(span)
            for k in range(frames):
                product = span[: len(span) - k] * span[k:]
                total[k] += product.sum()
                count[k] += product.size
    if not weight or total[0] <= 0:
        return None
    covariance = total / count
    hertz = np.arange(len(power)) * fps / frames
    return Spectrum(hertz, power / weight, np.arange(frames) / fps, covariance / covariance[0])
