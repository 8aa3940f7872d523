"""Align an estimator's joints with the markers' in rate, time and axes.

1. Rate: the markers' joints, 100 Hz, are taken at the estimator's frames (linear in time); nothing is
   resampled where both have 100 Hz.
2. Time: one lag per trial, a whole number of the estimator's frames within ``max_lag``. Of these the one
   with the smallest mean distance after step 3 is used. The publisher starts video and data together, so it
   is small.
3. Axes: one rotation per trial turns the estimator's joints into the markers' world (Kabsch 1976, all joints
   and frames, both minus the mean of the 12 joints, frame by frame).

Lag and rotation are fitted to the ground truth, on the unrefined poses, and then fixed for every row: a
constant turn of a trial is not part of the error.

Axes: T frames of the estimator, 12 joints.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from hanet.datasets.common.rigid import rotation
from hanet.datasets.opencap.files import OpenCapError, Recording

MIN_OVERLAP = 30
"""Fewest frames of a pair; with fewer, a lag at the edge may win by chance."""


@dataclass(frozen=True, eq=False)
class Aligned:
    """A trial of both systems.

    Attributes:
        detected, truth: (T, 12, 3), metres, the markers' axes, minus the mean of the 12 joints.
        fps: frames per second.
        lag: the estimator's frame t shows what the markers' show at frame t - lag.
        error: mean distance, metres.
    """

    detected: Float[np.ndarray, "T 12 3"]
    truth: Float[np.ndarray, "T 12 3"]
    fps: float
    lag: int
    error: float


def align(detected: Recording, markers: Recording, *, max_lag: int, name: str) -> Aligned:
    """The pair of smallest mean distance; see the module.

    Raises:
        OpenCapError: fewer than `MIN_OVERLAP` common frames at every lag.
    """
    found: Aligned | None = None
    truth = _at_rate(markers, detected.fps)
    for lag in sorted(range(-max_lag, max_lag + 1), key=abs):
        a, b = detected.joints[max(lag, 0) :], truth[max(-lag, 0) :]
        count = min(len(a), len(b))
        if count < MIN_OVERLAP:
            continue
        a, b = _relative(a[:count]), _relative(b[:count])
        turned = a @ rotation(a.reshape(-1, 3), b.reshape(-1, 3))
        error = float(np.linalg.norm(turned - b, axis=-1).mean())
        if found is None or error < found.error:
            found = Aligned(turned, b, detected.fps, lag, error)
    if found is None:
        raise OpenCapError(
            f"{name}: {len(detected.joints)} frames of the estimator and {len(truth)} of the markers at "
            f"{detected.fps:g} Hz overlap in fewer than {MIN_OVERLAP}; leave the trial out (ingest.trials)"
        )
    return found


def _at_rate(markers: Recording, fps: float) -> Float[np.ndarray, "T 12 3"]:
    if fps == markers.fps:
        return markers.joints
    count = int((len(markers.joints) - 1) / markers.fps * fps + 1e-6) + 1
    at = np.arange(count) / fps * markers.fps
    low = np.minimum(at.astype(int), len(markers.joints) - 2)
    share = (at - low)[:, None, None]
    return (1 - share) * markers.joints[low] + share * markers.joints[low + 1]


def _relative(joints: Float[np.ndarray, "T 12 3"]) -> Float[np.ndarray, "T 12 3"]:
    return joints - joints.mean(axis=1, keepdims=True)
