"""Windows to train the general refiner on from real detections with their truth, instead of drawn errors.

Axes: T frames, J joints, D numbers per joint (2 or 3).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from hanet.poses.pair import Pair
from hanet.poses.scale import known_joints
from hanet.training.general_windows import FPS, Row, Windows, stacked, window_of

FASTEST = 75.0
"""Frames per second that the network sees at most, as in `hanet.methods.general`."""
TRIES = 1000
"""Stretches that are drawn for one window before its pairs count as unusable."""


def draw_pair_windows(pairs: Sequence[Pair], count: int, frames: int, rng: np.random.Generator) -> Windows:
    """Draw windows; equal states of `rng` give equal windows.

    A window is a stretch of every frame, or of every second, third, … one, at 20 to 75 frames per second.
    The truth is moved by each joint's mean error over the window: this network's result moves with the poses,
    so it cannot learn what an estimator gets wrong all the time.

    Args:
        pairs: detections and truth with the same number of joints; longer ones are drawn more often.
        count: windows.
        frames: frames per window, a multiple of four.
        rng: source of randomness.

    Raises:
        ValueError: no pair is long enough, pairs of different numbers of joints, or none with truth and a
            detection of every joint in so many frames.
    """
    usable = [(pair, strides) for pair in pairs if (strides := _strides(pair, frames))]
    if not usable or len({pair.gt.shape[1] for pair, _ in usable}) > 1:
        raise ValueError(
            f"expected pairs with the same number of joints, some of at least {frames} frames, got "
            f"{len(pairs)} pairs, {len(usable)} of them long enough; give longer ones or fewer frames"
        )
    share = np.array([len(pair.gt) for pair, _ in usable], dtype=float)
    share /= share.sum()
    rows: list[Row] = []
    for _ in range(count):
        for _ in range(TRIES):
            row = _window(*usable[rng.choice(len(usable), p=share)], frames, rng)
            if row is not None:
                rows.append(row)
                break
        else:
            raise ValueError(
                f"no stretch of {frames} frames has truth and a detection of every joint; give other pairs"
            )
    return stacked(rows)


def _strides(pair: Pair, frames: int) -> list[int]:
    """Frames from one to the next of a window that this pair allows."""
    fps = pair.detected.fps
    return [
        stride
        for stride in range(1, int(fps / FPS[0]) + 1)
        if fps / stride <= FASTEST and (frames - 1) * stride < len(pair.gt)
    ]


def _window(pair: Pair, strides: list[int], frames: int, rng: np.random.Generator) -> Row | None:
    """A window; None where truth is missing, or a joint is never detected."""
    stride = int(rng.choice(strides))
    start = int(rng.integers(0, len(pair.gt) - (frames - 1) * stride))
    every = slice(start, start + (frames - 1) * stride + 1, stride)
    detected, gt = (x[every].astype(np.float64) for x in (pair.detected.values, pair.gt))
    if pair.root:
        detected, gt = (x - x[:, list(pair.root)].mean(axis=1, keepdims=True) for x in (detected, gt))
    known = known_joints(detected)
    if not (np.isfinite(gt).all() and known.any(axis=0).all()):
        return None
    return window_of(detected, gt + _mean_error(detected, gt), pair.detected.fps / stride)


def _mean_error(
    detected: Float[np.ndarray, "T J D"], gt: Float[np.ndarray, "T J D"]
) -> Float[np.ndarray, "1 J D"]:
    return np.nanmean(detected - gt, axis=0, keepdims=True)
