"""How strongly to smooth, from the poses alone: generalised cross-validation per joint and few seconds.

For second differences as penalty and reflecting ends, the smoother is a product in the domain of the cosine
transform (Garcia, Computational Statistics & Data Analysis 2010), so the criterion of many penalties costs
one transform. A joint's D numbers share one penalty, so the choice does not change with rotations.

Axes: T frames, J joints, D numbers per joint.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from hanet.poses.scale import squared_lengths

PENALTIES = 10.0 ** np.arange(-4.0, 7.0, 0.5)
CAUTION = 1.4
"""Factor on the degrees of freedom, which makes too little smoothing rarer (Kim and Gu, JRSS B 2004)."""
SEGMENT = 144
"""Frames that share one choice; between the middles of segments, which overlap by half or more, it changes
linearly."""
NONE = float(np.log(PENALTIES[0]) / 4)
"""Log period of hardly any smoothing."""


def tuned_periods(values: Float[np.ndarray, "T J D"]) -> Float[np.ndarray, "T J"]:
    """Log periods, in frames, of second differences, see `hanet.models.penalised.penalties`.

    Args:
        values: finite poses in body scales.
    """
    T, J = values.shape[:2]
    if T <= SEGMENT * 3 // 2:
        return np.tile(_chosen(values), (T, 1))
    starts = np.rint(np.linspace(0, T - SEGMENT, 1 + -(-(T - SEGMENT) * 2 // SEGMENT))).astype(int)
    chosen = np.stack([_chosen(values[start : start + SEGMENT]) for start in starts])
    frames, middles = np.arange(T), starts + (SEGMENT - 1) / 2
    return np.stack([np.interp(frames, middles, chosen[:, joint]) for joint in range(J)], axis=1)


def _chosen(values: Float[np.ndarray, "T J D"]) -> Float[np.ndarray, " J"]:
    from scipy.fft import dct

    T = len(values)
    if T < 4:
        return np.full(values.shape[1], NONE)
    waves = np.asarray(dct(values.astype(np.float64), axis=0, norm="ortho"))
    energy = squared_lengths(waves)
    roughness = (2 - 2 * np.cos(np.pi * np.arange(T) / T)) ** 2
    kept = 1 / (1 + PENALTIES[:, None] * roughness)
    left = T - CAUTION * kept.sum(axis=1)
    usable = left > 0
    # The small constant makes the least smoothing win where there is nothing to remove.
    criterion = ((1 - kept[usable]) ** 2) @ energy / left[usable, None] ** 2 + 1e-12
    return np.log(PENALTIES[usable][criterion.argmin(axis=0)]) / 4
