"""Linear interpolation between watched frames: what any refiner that skips frames has to beat."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from hanet.poses import PoseSequence


def linear_interpolation(values: Float[np.ndarray, "T ..."], interval: int) -> Float[np.ndarray, "T ..."]:
    """Straight lines between the frames 0, interval, 2·interval, … and the last; in float64.

    Args:
        values: T frames, any unit; only the frames named above are read.
        interval: frames from one that is read to the next.

    Raises:
        ValueError: interval below 1.
    """
    if interval < 1:
        raise ValueError(f"interval must be at least 1, got {interval}")
    values = values.astype(np.float64)
    T = len(values)
    if T < 2:
        return values
    knots = np.union1d(np.arange(0, T, interval), [T - 1])
    frames = np.arange(T)
    right = np.clip(np.searchsorted(knots, frames), 1, None)
    left, right = knots[right - 1], knots[right]
    column = (T, *(1,) * (values.ndim - 1))
    slope = (values[right] - values[left]) / (right - left).reshape(column)
    return slope * (frames - left).reshape(column) + values[left]


def interpolate(interval: int) -> Callable[[PoseSequence], PoseSequence]:
    """Refine a sequence by `linear_interpolation`.

    Keypoints are interpolated as shares of the image's width and height, as refiners see them. That affects
    rounding alone, and the protocol ``released`` shows it: a keypoint of the zero padding counts as a hit
    only where a line that ends at zero also ends at zero in floating point.
    """

    def refine(sequence: PoseSequence) -> PoseSequence:
        scale = 1.0 if sequence.image_size is None else np.array(sequence.image_size, dtype=np.float64)
        return sequence.with_values(linear_interpolation(sequence.values / scale, interval) * scale)

    return refine
