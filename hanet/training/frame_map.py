"""An affine map from each frame's pose to its correction, fitted by ridge regression in closed form.

A. Hoerl and R. Kennard, "Ridge Regression", Technometrics 12 (1970).

Axes: N frames, C channels (joints × dims).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from hanet.models.frame_path import FramePath
from hanet.poses.skeletons import Skeleton
from hanet.training.augmentation import augment
from hanet.training.options import TrainingOptions
from hanet.training.pairs import PoseRows
from hanet.training.ridge_options import RidgeOptions

Rows = Float[np.ndarray, "N C"]
Map = tuple[Float[np.ndarray, "C C"], Float[np.ndarray, " C"]]
"""Weight from poses to corrections, and the correction of a pose of zeros."""

ALPHAS = (0.01, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
"""Penalties that a network's frame path tries on validation."""
COPIES = 8
"""Augmented copies of each frame that a frame path is fitted to, besides the frame itself."""


def moments_of(
    x: Rows, y: Rows, known: Bool[np.ndarray, " C"], skeleton: Skeleton, options: RidgeOptions
) -> Callable[[float], Map]:
    """The ridge's solution as a function of `alpha`: the data's moments are computed once for all of them.

    Args:
        x: detected poses.
        y: their truth; channels that are not `known` get no correction.
        known: channels with ground truth.
        skeleton: the poses' joints, which augmentation mirrors.
        options: how many augmented copies of each frame count beside it.

    Raises:
        ValueError: from the solution, for an `alpha` that is not positive. It is relative: a channel's
            variance is multiplied by 1 + alpha.
    """
    # Sums are taken about the means of the frames themselves, so that they do not cancel.
    origin_x, origin_y = x.mean(axis=0), (y - x).mean(axis=0)
    channels = len(origin_x)
    sum_x, sum_y = np.zeros(channels), np.zeros(channels)
    squares, products = np.zeros((channels, channels)), np.zeros((channels, channels))
    count = 0
    for a, b in ((x, y), *_drawn(x, y, skeleton, options)):
        poses, corrections = a - origin_x, b - a - origin_y
        count += len(a)
        sum_x += poses.sum(axis=0)
        sum_y += corrections.sum(axis=0)
        squares += poses.T @ poses
        products += poses.T @ corrections
    mean_x, mean_y = sum_x / count, sum_y / count
    covariance = squares / count - np.outer(mean_x, mean_x)
    product = products / count - np.outer(mean_x, mean_y)

    def solution(alpha: float) -> Map:
        if not alpha > 0:
            raise ValueError(f"alpha must be positive, got {alpha}")
        penalty = alpha * np.trace(covariance) / channels
        weight = np.linalg.solve(covariance + penalty * np.eye(channels), product) * known
        return weight, (mean_y + origin_y - (mean_x + origin_x) @ weight) * known

    return solution


def _drawn(x: Rows, y: Rows, skeleton: Skeleton, options: RidgeOptions) -> Iterator[tuple[Rows, Rows]]:
    """Augmented copies of frames and their truth, frame by frame as windows of one."""
    if not options.augmentation:
        return
    generator = torch.Generator().manual_seed(options.seed)
    windows = torch.from_numpy(x)[:, None], torch.from_numpy(y)[:, None]
    for _ in range(options.copies):
        a, b = augment(options.augmentation, *windows, skeleton, generator)
        yield a[:, 0].numpy(), b[:, 0].numpy()


def fit_frame_path(path: FramePath, train: PoseRows, validation: PoseRows, options: TrainingOptions) -> float:
    """Fit a network's frame path on training rows; returns the penalty that is best on validation.

    Frames count where all their ground truth is known.

    Raises:
        ValueError: no training frame's ground truth is known throughout.
    """
    whole = train.gt.isfinite().all(dim=1)
    if not whole.any():
        raise ValueError("no training frame has whole ground truth; the frame path cannot be fitted")
    x, y = (rows[whole].double().cpu().numpy() for rows in (train.detected, train.gt))
    ridge = RidgeOptions(copies=COPIES, augmentation=replace(options.augmentation, reverse=False))
    solution = moments_of(x, y, np.ones(x.shape[1], dtype=bool), train.skeleton, ridge)
    scores: dict[float, float] = {}
    for alpha in ALPHAS:
        path.set(*solution(alpha))
        scores[alpha] = validation.error(_corrected(path, validation.detected))
    best = min(scores, key=lambda alpha: scores[alpha])
    path.set(*solution(best))
    return best


@torch.no_grad()
def _corrected(path: FramePath, poses: Float[Tensor, "N C"]) -> Float[Tensor, "N C"]:
    return path(poses[None])[0]
