"""A constant per-joint offset: removes the part of the bias that is constant per channel.

Axes: N frames of all training tracks, J joints, D numbers a joint, C = J·D channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from hanet.methods.base import image_scale, require_frames
from hanet.poses.sequence import FrameOfReference, PoseSequence, Representation, Unit, check_pair
from hanet.poses.skeletons import Skeleton


@dataclass(frozen=True)
class PoseKind:
    """What training data of a fitted method are: tracks to refine must be alike."""

    skeleton: Skeleton
    representation: Representation
    unit: Unit
    frame_of_reference: FrameOfReference

    @classmethod
    def of(cls, sequence: PoseSequence) -> PoseKind:
        """The kind of a track."""
        return cls(sequence.skeleton, sequence.representation, sequence.unit, sequence.frame_of_reference)

    def check(self, sequence: PoseSequence) -> None:
        """Refuse a track without frames or of another kind.

        Raises:
            ValueError: naming what differs.
        """
        require_frames(sequence)
        for field in ("skeleton", "representation", "unit", "frame_of_reference"):
            learned, came = getattr(self, field), getattr(sequence, field)
            if learned != came:
                learned, came = getattr(learned, "name", learned), getattr(came, "name", came)
                raise ValueError(
                    f"{sequence.name}: the method was fitted to poses of {field} {learned}, got {came}; fit "
                    "one for these poses"
                )


@dataclass(frozen=True, eq=False)
class ConstantOffset:
    """Add to every joint its mean error over training data; NaN stays NaN.

    It does not change motion or Accel: it removes bias and leaves jitter and pose-dependent error. Compare a
    learned method's result with it.

    Attributes:
        offset: mean of ground truth minus detection (J, D), in the training data's unit.
        kind: the training data's skeleton, representation, unit and frame of reference.
    """

    name = "constant_offset"
    observed = 1.0
    offset: Float[np.ndarray, "J D"]
    kind: PoseKind

    @classmethod
    def fit(cls, detected: Sequence[PoseSequence], gt: Sequence[PoseSequence]) -> ConstantOffset:
        """Learn the offset; every frame with a detection and trusted ground truth counts once.

        Args:
            detected: training tracks as detected.
            gt: their ground truth, in the same order.

        A joint that is never known in both has offset 0.

        Raises:
            ValueError: there are no tracks, or a pair or two tracks do not belong together.
        """
        kind = _kind(detected, gt)
        total = np.zeros(detected[0].values.shape[1:])
        count = np.zeros_like(total)
        for found, truth in zip(detected, gt, strict=True):
            error = _trusted(found, truth) - found.values
            total += np.nansum(error, axis=0)
            count += np.isfinite(error).sum(axis=0)
        return cls(total / np.maximum(count, 1), kind)

    def refine(self, sequence: PoseSequence) -> PoseSequence:
        """The poses plus the offset.

        Raises:
            ValueError: the track is empty or differs from the training data in skeleton, representation,
                unit or frame of reference.
        """
        self.kind.check(sequence)
        return sequence.with_values((sequence.values + self.offset).astype(sequence.values.dtype))


def pairs(
    detected: Sequence[PoseSequence], gt: Sequence[PoseSequence]
) -> tuple[PoseKind, Float[np.ndarray, "N C"], Float[np.ndarray, "N C"]]:
    """What fits a method: the kind of all tracks, and every frame as detected and as it is.

    Keypoints are shares of the image, all numbers in float64; what is not trusted is NaN in the truth.

    Raises:
        ValueError: there are no tracks, a pair or two tracks do not belong together, or keypoints have no
            image size.
    """
    kind = _kind(detected, gt)
    rows = [(found.values / image_scale(found)).reshape(len(found), -1) for found in detected]
    truths = [
        (_trusted(found, truth) / image_scale(found)).reshape(len(found), -1)
        for found, truth in zip(detected, gt, strict=True)
    ]
    return kind, np.concatenate(rows).astype(np.float64), np.concatenate(truths)


def _kind(detected: Sequence[PoseSequence], gt: Sequence[PoseSequence]) -> PoseKind:
    if not detected or len(detected) != len(gt):
        raise ValueError(
            f"expected as many detected tracks as ground-truth ones, at least one; got {len(detected)} "
            f"and {len(gt)}"
        )
    kind = PoseKind.of(detected[0])
    for found, truth in zip(detected, gt, strict=True):
        check_pair(truth, found)
        kind.check(found)
    return kind


def _trusted(found: PoseSequence, truth: PoseSequence) -> Float[np.ndarray, "T J D"]:
    """The truth in float64, NaN where it or the detection is not labelled."""
    values = truth.values.astype(np.float64)
    for labelled in (truth.labelled, found.labelled):
        if labelled is not None:
            values[~labelled] = np.nan
    return values
