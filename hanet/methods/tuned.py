"""The parameter of a smoother from the data alone, joint by joint.

For each value that is tried, the risk is estimated as Mallows does (Technometrics 1973): the mean squared
change that the smoother makes plus ``2 κ σ² s``. σ is the noise between frames, the median size of third
differences; s is the share of a value in its own smoothed value, the smoother's answer to a single pulse. For
smoothers that are not linear, s is measured by small changes of the data (Girard, Numerische Mathematik 1989)
with a fixed seed. The least risk wins: strong noise is smoothed much, a clean track hardly.

κ is 1 for noise that is independent between frames. A pose estimator's errors last for several frames, of
which third differences see a part only, see `CORRELATION`.

Axes: T frames, J joints, D coordinates, C = J·D channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from hanet.methods.smoothers import Smoother
from hanet.methods.state_space import GcvSpline

CORRELATION = 16.0
"""κ. Of 1, 2, 4, …, 32 it was the highest with which the Butterworth filter made no simulated track of little
noise worse; each doubling lowered the errors of Kinect and MediaPipe against markers and renderings."""
_PULSE_SECONDS = 4.0
_LONGEST_CHOICE = 5000
"""Frames that the choice looks at, from the longest runs."""


@dataclass(frozen=True, eq=False)
class Chosen:
    """Smoothed runs, and the parameter that each joint got.

    Attributes:
        values: (T, J, D) for each run, of its own length.
        parameter: (J,), NaN where nothing was chosen or no run is long enough.
    """

    values: list[np.ndarray]
    parameter: Float[np.ndarray, " J"]


def smooth_runs(smoother: Smoother, runs: Sequence[np.ndarray], fps: float) -> Chosen:
    """Smooth runs of the same joints, all with the same parameter per joint.

    Args:
        smoother: whose parameter may be None.
        runs: (T, J, D) each, finite; those shorter than the smoother needs come back as they are.
        fps: frames per second.
    """
    J = runs[0].shape[1]
    tried = smoother.candidates(fps)
    parameter = np.full(J, np.nan)
    if isinstance(smoother, GcvSpline) and smoother.cutoff is None:
        return _splines(smoother, runs, fps)
    if len(tried) == 1:
        return Chosen([_smoothed(tried[0], run, fps) for run in runs], parameter)
    looked_at = _enough(runs)
    best = np.full(J, np.inf)
    index = np.full(J, len(tried) - 1)
    for i, candidate in enumerate(tried):
        score = _risk(candidate, looked_at, fps)
        better = score < best
        best[better], index[better] = score[better], i
    values = [run.copy() for run in runs]
    for i in np.unique(index):
        joints = np.flatnonzero(index == i)
        for run, result in zip(runs, values, strict=True):
            result[:, joints] = _smoothed(tried[i], run[:, joints], fps)
        if np.isfinite(best[joints]).any():
            parameter[joints] = getattr(tried[i], smoother.tuned)
    return Chosen(values, parameter)


def _splines(smoother: GcvSpline, runs: Sequence[np.ndarray], fps: float) -> Chosen:
    """Splines of each channel's and run's own cutoff; the parameter is that of the longest run."""
    parameter, longest = np.full(runs[0].shape[1], np.nan), 0
    values = []
    for run in runs:
        if len(run) < smoother.shortest(fps):
            values.append(run)
            continue
        flat = run.reshape(len(run), -1)
        cutoff = smoother.chosen(flat, fps)
        values.append(smoother.smooth_at(flat, fps, cutoff).reshape(run.shape))
        if len(run) > longest:
            parameter, longest = cutoff.reshape(run.shape[1], -1).mean(axis=1), len(run)
    return Chosen(values, parameter)


def _enough(runs: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The longest runs, to `_LONGEST_CHOICE` frames altogether."""
    chosen, left = [], _LONGEST_CHOICE
    for run in sorted(runs, key=len, reverse=True):
        if left > 0:
            chosen.append(run[:left])
            left -= len(chosen[-1])
    return chosen


def _smoothed(smoother: Smoother, run: Float[np.ndarray, "T J D"], fps: float) -> Float[np.ndarray, "T J D"]:
    if len(run) < smoother.shortest(fps):
        return run
    return smoother.smooth(run.reshape(len(run), -1), fps).reshape(run.shape)


def _risk(smoother: Smoother, runs: Sequence[np.ndarray], fps: float) -> Float[np.ndarray, " J"]:
    """Estimated risk of each joint over its runs; infinite where no run is long enough."""
    change, count, own = 0.0, 0, 0.0
    for run in runs:
        if len(run) < smoother.shortest(fps):
            continue
        flat = run.reshape(len(run), -1)
        smooth = smoother.smooth(flat, fps)
        change = change + ((flat - smooth) ** 2).reshape(len(run), run.shape[1], -1).sum(axis=(0, 2))
        if not smoother.linear:
            own = own + _own_share(smoother, flat, smooth, fps).reshape(run.shape[1], -1).sum(axis=1)
        count += len(run)
    if count == 0:
        return np.full(runs[0].shape[1], np.inf)
    D = runs[0].shape[2]
    share: Any = _pulse_share(smoother, fps) if smoother.linear else np.asarray(own) / (count * D)
    risk = np.asarray(change) / (count * D) + 2 * CORRELATION * _noise(runs) * share
    return np.asarray(risk)


def _noise(runs: Sequence[np.ndarray]) -> Float[np.ndarray, " J"]:
    """Variance of the noise between frames, mean over coordinates; 0 without four frames in a row."""
    third = np.concatenate([np.diff(run, n=3, axis=0) for run in runs])
    if len(third) == 0:
        return np.zeros(runs[0].shape[1])
    # A third difference of independent noise has 1 + 9 + 9 + 1 times its variance.
    return ((np.median(np.abs(third), axis=0) / 0.6745) ** 2 / 20).mean(axis=1)


def _pulse_share(smoother: Smoother, fps: float) -> float:
    """The share of a value in its own smoothed value, far from the ends."""
    middle = max(smoother.shortest(fps), round(_PULSE_SECONDS * fps / 2))
    pulse = np.zeros((2 * middle + 1, 1))
    pulse[middle] = 1.0
    return float(smoother.smooth(pulse, fps)[middle, 0])


def _own_share(
    smoother: Smoother, flat: Float[np.ndarray, "T C"], smooth: Float[np.ndarray, "T C"], fps: float
) -> Float[np.ndarray, " C"]:
    """Sum over frames of the share of a value in its own smoothed value, measured by a small change."""
    signs = np.random.default_rng(0).choice([-1.0, 1.0], size=flat.shape)
    noise = np.median(np.abs(np.diff(flat, n=2, axis=0)), axis=0)
    small = 1e-3 * np.where(noise > 0, noise, 1e-6 * np.maximum(1.0, np.abs(flat).max(axis=0)))
    moved = smoother.smooth(flat + small * signs, fps) - smooth
    return (signs * moved).sum(axis=0) / small
