"""How strongly to smooth, from the poses alone: generalised cross-validation per joint and few seconds.

For second differences as penalty and reflecting ends, the smoother is a product in the domain of the cosine
transform (Garcia, Computational Statistics & Data Analysis 2010), so the criterion of many penalties costs
one transform. A joint's D numbers share one penalty, so the choice does not change with rotations.

Axes: T frames, J joints, D numbers per joint.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

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
    T = len(values)
    columns = np.ascontiguousarray(values.transpose(1, 2, 0), dtype=np.float64)
    if T <= SEGMENT * 3 // 2:
        return np.tile(_chosen([columns])[0], (T, 1))
    starts = np.rint(np.linspace(0, T - SEGMENT, 1 + -(-(T - SEGMENT) * 2 // SEGMENT))).astype(int)
    chosen = _chosen([columns[..., start : start + SEGMENT] for start in starts])
    # Before the first middle of a segment and after the last one the choice stays.
    middles = starts + (SEGMENT - 1) / 2
    frames = np.clip(np.arange(T), middles[0], middles[-1])
    before = np.clip(np.searchsorted(middles, frames, side="right") - 1, 0, len(middles) - 2)
    share = (frames - middles[before]) / np.diff(middles)[before]
    return chosen[before] + share[:, None] * np.diff(chosen, axis=0)[before]


def _chosen(segments: Sequence[Float[np.ndarray, "J D T"]]) -> Float[np.ndarray, "S J"]:
    """The log period of every joint of each segment; all are equally long."""
    from scipy.fft import dct

    J, _, T = segments[0].shape
    if T < 4:
        return np.full((len(segments), J), NONE)
    energy = np.empty((len(segments), J, T))
    for segment, into in zip(segments, energy, strict=True):
        waves = np.asarray(dct(segment, axis=-1, norm="ortho"))
        np.einsum("jdt,jdt->jt", waves, waves, out=into)
    roughness = (2 - 2 * np.cos(np.pi * np.arange(T) / T)) ** 2
    kept = 1 / (1 + PENALTIES[:, None] * roughness)
    left = T - CAUTION * kept.sum(axis=1)
    usable = left > 0
    # The small constant makes the least smoothing win where there is nothing to remove.
    criterion = energy @ ((1 - kept[usable]) ** 2 / left[usable, None] ** 2).T + 1e-12
    return np.log(PENALTIES[usable])[criterion.argmin(axis=-1)] / 4
