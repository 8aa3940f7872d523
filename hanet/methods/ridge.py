"""A linear map from each frame's pose to its correction, in closed form.

Axes: N frames, C channels (joints × dims).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from hanet.methods.base import image_scale, refine_channels
from hanet.methods.offset import PoseKind, pairs
from hanet.poses.sequence import PoseSequence
from hanet.poses.transforms import mirror
from hanet.training.frame_map import moments_of
from hanet.training.ridge_options import RidgeOptions


@dataclass(frozen=True, eq=False)
class FrameRidge:
    """Adds an affine function of a frame's pose to it, fitted by ridge regression (Hoerl and Kennard, 1970).

    Keypoints are read as shares of the image. Gaps are filled as filters fill them.

    Attributes:
        weight: from poses to corrections (C, C).
        shift: correction (C) of a pose of zeros.
        kind: the training data's skeleton, representation, unit and frame of reference.
        mirror_axis: correct the mirror image too and average both, as `LearnedMethod` does; None: do not.
    """

    name = "frame_ridge"
    observed = 1.0
    weight: Float[np.ndarray, "C C"]
    shift: Float[np.ndarray, " C"]
    kind: PoseKind
    mirror_axis: int | None = None

    def refine(self, sequence: PoseSequence) -> PoseSequence:
        """Corrected poses.

        Raises:
            ValueError: the track is empty, differs from the training data in kind, or has keypoints without
                an image size.
        """
        self.kind.check(sequence)
        scale = np.broadcast_to(image_scale(sequence), sequence.values.shape[1:]).reshape(-1)

        def mirrored(poses: Float[np.ndarray, "T C"]) -> Float[np.ndarray, "T C"]:
            image = mirror(torch.from_numpy(poses)[None], sequence.skeleton, axis=self.mirror_axis or 0)
            return np.asarray(image[0])

        def correct(poses: Float[np.ndarray, "T C"]) -> Float[np.ndarray, "T C"]:
            return poses + poses @ self.weight + self.shift

        def refine(values: Float[np.ndarray, "T C"]) -> Float[np.ndarray, "T C"]:
            poses = values / scale
            refined = correct(poses)
            if self.mirror_axis is not None:
                refined = (refined + mirrored(correct(mirrored(poses)))) / 2
            return refined * scale

        return refine_channels(sequence, refine)


def fitting(
    detected: Sequence[PoseSequence], gt: Sequence[PoseSequence], options: RidgeOptions
) -> Callable[..., FrameRidge]:
    """A factory of ridges by `alpha`, the penalty: moments of the data are computed once for all of them.

    Every frame with a whole detection and whole trusted ground truth counts once; joints that are never
    trusted get no correction. `alpha` is relative: a channel's variance is multiplied by 1 + alpha.

    Raises:
        ValueError: there are no tracks, or no frame to fit; a pair or two tracks do not belong together.
    """
    kind, rows, truths = pairs(detected, gt)
    known = np.asarray(np.isfinite(truths).any(axis=0))
    whole = np.isfinite(rows).all(axis=1) & np.isfinite(truths[:, known]).all(axis=1)
    if not (whole.any() and known.any()):
        raise ValueError(
            "no training frame has a whole detection and whole ground truth; nothing can be fitted"
        )
    x, y = rows[whole], np.where(known, truths[whole], rows[whole])
    solution = moments_of(x, y, known, kind.skeleton, options)

    def fit(*, alpha: float) -> FrameRidge:
        return FrameRidge(*solution(alpha), kind, options.mirror_axis)

    return fit
