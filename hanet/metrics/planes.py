"""Poses with the frames last, so that NumPy's loops run over frames and not over three coordinates.

Axes: D dimensions, J joints, T frames.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float


def planes(poses: Float[np.ndarray, "T J D"]) -> Float[np.ndarray, "D J T"]:
    """The same numbers in float64, a copy."""
    return np.array(poses.transpose(2, 1, 0), dtype=np.float64, order="C")


def around(x: Float[np.ndarray, "D J T"], root: Sequence[int]) -> Float[np.ndarray, "D J T"]:
    """Poses minus the mean of the `root` joints frame by frame, in place."""
    x -= x[:, list(root)].mean(axis=1, keepdims=True)
    return x


def lengths(x: Float[np.ndarray, "D J T"]) -> Float[np.ndarray, "J T"]:
    """Euclidean norm over the dimensions."""
    squares = x[0] * x[0]
    for coordinate in x[1:]:
        squares += coordinate * coordinate
    return np.sqrt(squares, out=squares)


def whole_frames(poses: Float[np.ndarray, "T ..."]) -> Bool[np.ndarray, " T"]:
    """True where every number of a frame is finite."""
    finite = np.isfinite(poses)
    if finite.all():  # much faster than the question for each frame
        return np.ones(len(poses), dtype=bool)
    return np.asarray(finite.all(axis=tuple(range(1, poses.ndim))))
