"""A constant per-joint offset: the bias that one number a channel can mend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from hanet.methods.base import require_frames
from hanet.poses.sequence import FrameOfReference, PoseSequence, Representation, Unit, check_pair
from hanet.poses.skeletons import Skeleton


@dataclass(frozen=True, eq=False)
class ConstantOffset:
    """Adds to every joint its mean error over training data; NaN stays NaN.

    It changes no motion, so it leaves Accel as it is: what it wins is bias, what remains is jitter and
    pose-dependent error. Read a learned method's result against it.

    Attributes:
        offset: mean of ground truth minus detection (J, D), in `unit` and `frame_of_reference`.
        skeleton: the training data's joints.
        representation: the training data's representation.
        unit: the training data's unit.
        frame_of_reference: the training data's frame of reference.
    """

    name = "constant_offset"
    observed = 1.0
    offset: Float[np.ndarray, "J D"]
    skeleton: Skeleton
    representation: Representation
    unit: Unit
    frame_of_reference: FrameOfReference

    @classmethod
    def fit(cls, detected: Sequence[PoseSequence], gt: Sequence[PoseSequence]) -> ConstantOffset:
        """Learn the offset; every frame with a detection and trusted ground truth counts once.

        Args:
            detected: training tracks as detected.
            gt: their ground truth, in the same order.

        A joint that is never seen in both keeps offset 0.

        Raises:
            ValueError: there are no tracks, or a pair or two tracks do not belong together.
        """
        if not detected or len(detected) != len(gt):
            raise ValueError(
                f"expected as many detected tracks as ground-truth ones, at least one; got {len(detected)} "
                f"and {len(gt)}"
            )
        first = detected[0]
        method = cls(
            offset=np.zeros(first.values.shape[1:]),
            skeleton=first.skeleton,
            representation=first.representation,
            unit=first.unit,
            frame_of_reference=first.frame_of_reference,
        )
        total, count = np.zeros_like(method.offset), np.zeros_like(method.offset)
        for found, truth in zip(detected, gt, strict=True):
            check_pair(truth, found)
            method._check(found)
            error = truth.values.astype(np.float64) - found.values
            for labelled in (truth.labelled, found.labelled):
                if labelled is not None:
                    error[~labelled] = np.nan
            total += np.nansum(error, axis=0)
            count += np.isfinite(error).sum(axis=0)
        method.offset[:] = total / np.maximum(count, 1)
        return method

    def refine(self, sequence: PoseSequence) -> PoseSequence:
        """The poses plus the offset.

        Raises:
            ValueError: the track is empty or differs from the training data in skeleton, representation,
                unit or frame of reference.
        """
        require_frames(sequence)
        self._check(sequence)
        return sequence.with_values((sequence.values + self.offset).astype(sequence.values.dtype))

    def _check(self, sequence: PoseSequence) -> None:
        for field in ("skeleton", "representation", "unit", "frame_of_reference"):
            learned, came = getattr(self, field), getattr(sequence, field)
            if learned != came:
                learned, came = getattr(learned, "name", learned), getattr(came, "name", came)
                raise ValueError(
                    f"{sequence.name}: the offset was learned for {field} {learned}, got {came}; fit one for "
                    "these poses"
                )
