"""Who is who by their bones: two recordings of one skeleton have limbs of the same lengths.

Motion capture fits one skeleton to a person, so the limbs of every take are equally long to fractions of a
millimetre, and eight lengths of two people hardly ever agree.

Axes: T frames, L limb bones.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import Skeleton

TOLERANCE = 0.005
"""Lengths that differ by less than this share are the same."""
_ENDS = ("knee", "ankle", "elbow", "wrist")


def limb_bones(skeleton: Skeleton) -> list[tuple[int, int]]:
    """Thighs, shins, upper arms and forearms, as pairs of joints; those that the skeleton has."""
    return [(a, b) for a, b in skeleton.bones if skeleton.joints[b][2:] in _ENDS]


def limb_lengths(sequence: PoseSequence) -> Float[np.ndarray, " L"] | None:
    """Median length of each limb bone over the frames that have it, metres.

    None where there are no eight limbs to tell people by: poses that are not 3D joints, a skeleton with
    fewer, or a joint that is never known.
    """
    bones = limb_bones(sequence.skeleton)
    if sequence.representation != "3d" or len(bones) < 2 * len(_ENDS):
        return None
    start, end = np.array(bones).T
    lengths = np.linalg.norm(sequence.values[:, end] - sequence.values[:, start], axis=-1)
    known = np.isfinite(lengths)
    if not known.any(axis=0).all():
        return None
    return np.nanmedian(np.where(known, lengths, np.nan), axis=0).astype(np.float64)


def same_body(lengths: Float[np.ndarray, " L"], others: Float[np.ndarray, "N L"]) -> Bool[np.ndarray, " N"]:
    """Which of N bodies have these limbs, each within `TOLERANCE` of its length."""
    return np.asarray((np.abs(others - lengths) <= TOLERANCE * lengths).all(axis=1))
