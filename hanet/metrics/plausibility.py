"""Whether refined poses can be a body's: bones that keep their length, feet that stand still.

Axes: T frames, J joints. Joints in metres.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from hanet.metrics.accumulate import Tally, tally
from hanet.metrics.functional import MM_PER_M
from hanet.metrics.planes import lengths, planes
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import Skeleton

STANDING_MM_PER_S = 50.0
"""Both feet stand where the true vector between the ankles changes by less than this."""


def bone_length_cv(joints: Float[np.ndarray, "T J 3"], skeleton: Skeleton) -> float:
    """Coefficient of variation of a track's bone lengths: standard deviation over mean, mean over bones.

    A share, 0 for a rigid body. Bones with an unknown end (NaN) are left out of a frame; NaN without bones.
    """
    points = planes(joints)
    parents, children = (list(ends) for ends in zip(*skeleton.bones, strict=True))
    bones = lengths(points[:, children] - points[:, parents])
    if np.isfinite(bones).all() and (means := bones.mean(axis=1)).all():
        return float((bones.std(axis=1) / means).mean())
    found = []
    for length in bones:
        known = length[np.isfinite(length)]
        if len(known) and (mean := known.mean()) > 0:
            found.append(known.std() / mean)
    return float(np.mean(found)) if found else float("nan")


def standing(gt: Float[np.ndarray, "T J 3"], skeleton: Skeleton, fps: float) -> Bool[np.ndarray, " T1"]:
    """True for steps from a frame to the next in which both feet stand.

    Poses relative to the root have no place in the world, so one foot's rest cannot be seen in them; that of
    both can: the vector from ankle to ankle stays as it is.
    """
    return foot_speed(gt, skeleton, fps) < STANDING_MM_PER_S


def foot_speed(
    joints: Float[np.ndarray, "T J 3"], skeleton: Skeleton, fps: float
) -> Float[np.ndarray, " T1"]:
    """How fast the vector from ankle to ankle changes (mm/s), from each frame to the next; NaN if unknown."""
    between = joints[:, skeleton.index("l_ankle")] - joints[:, skeleton.index("r_ankle")].astype(np.float64)
    return MM_PER_M * fps * np.linalg.norm(np.diff(between, axis=0), axis=-1)


def foot_slide(
    pred: Float[np.ndarray, "T J 3"], gt: Float[np.ndarray, "T J 3"], skeleton: Skeleton, fps: float
) -> Float[np.ndarray, " T1"]:
    """`foot_speed` of predicted joints where both feet stand in truth, elsewhere NaN."""
    return np.where(standing(gt, skeleton, fps), foot_speed(pred, skeleton, fps), np.nan)


def plausibility_tallies(refined: PoseSequence, gt: Float[np.ndarray, "T J 3"]) -> dict[str, Tally]:
    """``bone_length_cv`` (a sequence counts once) and ``foot_slide_mm_per_s`` (a frame counts once).

    Args:
        refined: 3D joints to judge, of known frames alone.
        gt: the truth, NaN where unknown; joints that it never knows are left out of bones.
    """
    skeleton = refined.skeleton
    joints, known = refined.values, np.isfinite(gt)
    if not known.all():
        joints = joints.copy()
        joints[:, ~known.all(axis=2).any(axis=0)] = np.nan
    tallies = {}
    if skeleton.bones:
        variation = bone_length_cv(joints, skeleton)
        known = np.isfinite(variation)
        tallies["bone_length_cv"] = Tally(np.array([variation if known else 0.0]), np.array([float(known)]))
    if {"l_ankle", "r_ankle"} <= set(skeleton.joints):
        tallies["foot_slide_mm_per_s"] = tally(foot_slide(joints, gt, skeleton, refined.fps)[:, None])
    return tallies
