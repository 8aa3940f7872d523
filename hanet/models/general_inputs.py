"""What the general refiner's network sees of a track: numbers that no rotation, shift or scaling changes.

All are lengths of differences over time, in body scales, or cosines between such differences; reversing time
reverses their order and nothing else.

Axes: T frames, J joints, D numbers per joint.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

REACHES = (1, 2, 4, 8)
"""Frames between the poses of a difference."""
LONGEST = REACHES[-1]
FEATURES = (
    *(f"log second difference over {k}" for k in REACHES),
    *(f"log central difference over {k}" for k in REACHES),
    "cosine of neighbouring second differences",
    "cosine of the steps to and from a frame",
    "cosine of second differences over 2",
    "log fourth difference",
    "known",
    "log frame rate over 30",
    "self-tuned log period",
)
TUNED = len(FEATURES) - 1
"""The feature to which the network adds."""
WATCHED = 4
"""Frames from one watched frame to the next; the network takes multiples of it."""
FLOOR = np.float32(1e-4)
"""Body scales below which lengths are not told apart (about 0.05 mm)."""


def features(
    values: Float[np.ndarray, "T J D"],
    known: Bool[np.ndarray, "T J"],
    fps: float,
    tuned: Float[np.ndarray, "T J"],
) -> Float[np.ndarray, "J T F"]:
    """The network's inputs; before the first frame and after the last one, these repeat.

    Args:
        values: finite poses in body scales; gaps filled by straight lines.
        known: where there was a detection.
        fps: frames per second.
        tuned: log periods of `hanet.models.self_tuning.tuned_periods`, in frames.
    """
    # A joint's numbers come first: sums over them add whole rows.
    y = np.ascontiguousarray(values.transpose(2, 1, 0), dtype=np.float32)
    around = np.concatenate([np.repeat(y[..., :1], LONGEST, 2), y, np.repeat(y[..., -1:], LONGEST, 2)], 2)
    T = y.shape[2]
    after = {k: around[..., LONGEST + k : LONGEST + k + T] for k in REACHES}
    before = {k: around[..., LONGEST - k : LONGEST - k + T] for k in REACHES}
    second = {k: after[k] + before[k] - 2 * y for k in REACHES}
    square = {k: _dot(second[k], second[k]) for k in REACHES}
    result = np.empty((y.shape[1], len(FEATURES), T), np.float32)
    for i, k in enumerate(REACHES):
        result[:, i] = _log_length(square[k])
        central = after[k] - before[k]
        result[:, len(REACHES) + i] = _log_length(_dot(central, central))
    for column, k in ((8, 1), (10, 2)):
        later, earlier = (
            _dot(second[k], _shifted(second[k], frames))
            / (np.sqrt(square[k] * _shifted(square[k], frames)) + FLOOR**2)
            for frames in (k, -k)
        )
        result[:, column] = (later + earlier) / 2
    to, away = y - before[1], after[1] - y
    result[:, 9] = _dot(to, away) / (np.sqrt(_dot(to, to) * _dot(away, away)) + FLOOR**2)
    fourth = _shifted(second[1], 1) + _shifted(second[1], -1) - 2 * second[1]
    result[:, 11] = _log_length(_dot(fourth, fourth))
    result[:, 12] = known.T
    result[:, 13] = np.log(fps / 30)
    result[:, TUNED] = tuned.T
    return result.transpose(0, 2, 1)


def _shifted(y: np.ndarray, frames: int) -> np.ndarray:
    """Values `frames` later along the last axis; the end values repeat."""
    T = y.shape[-1]
    result = np.empty_like(y)
    k = min(abs(frames), T)
    if frames >= 0:
        result[..., : T - k] = y[..., k:]
        result[..., T - k :] = y[..., -1:]
    else:
        result[..., k:] = y[..., : T - k]
        result[..., :k] = y[..., :1]
    return result


def _dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.einsum("d...,d...->...", a, b)


def _log_length(square: np.ndarray) -> np.ndarray:
    return np.log(np.sqrt(square) + FLOOR)
