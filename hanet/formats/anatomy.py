"""Whether keypoints lie as on a body, which tells sets of as many keypoints apart.

Looked at are pairs of keypoints that are neighbours in every pose, as nose and eye or ankle and heel.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from hanet.formats.missing import present
from hanet.poses.skeletons import Skeleton

NEAR = 0.2
"""Farthest that neighbours are apart, in the longer side of the box around the person."""
LOOKS_RIGHT = 0.8
"""Share of neighbours that are near where a set is certainly the right one."""
LOOKS_WRONG = 0.6
"""Share below which a set looks like the wrong one."""
_FEWEST = 4
"""Pairs that must be known to say anything."""
_PEOPLE = 500
"""Detections that are looked at, spread over all."""

_NEIGHBOURS = (
    *(("nose", f"{side}_eye") for side in "lr"),
    *((f"{side}_eye", f"{side}_ear") for side in "lr"),
    *((f"{side}_ankle", f"{side}_heel") for side in "lr"),
    *((centre, f"{side}_shoulder") for centre in ("neck", "upper_neck", "thorax") for side in "lr"),
    *(("pelvis", f"{side}_hip") for side in "lr"),
    *(("nose", f"head_{end}") for end in ("top", "bottom")),
)


def fit(people: Sequence[Float[np.ndarray, "J 2"]], skeleton: Skeleton) -> float | None:
    """Share of neighbouring joints that are near each other, or None where too few are known.

    Args:
        people: detections in pixels, NaN for missing keypoints.
        skeleton: the set that they are taken for.
    """
    poses = _some(people)
    known = present(poses)
    enough = known.sum(axis=1) >= 0.4 * len(skeleton)
    if not enough.any():
        return None
    poses, known = poses[enough], known[enough]
    size = np.nanmax(np.nanmax(poses, axis=1) - np.nanmin(poses, axis=1), axis=1)
    near = []
    for pair in _NEIGHBOURS:
        if set(pair) <= set(skeleton.joints):
            a, b = (skeleton.index(joint) for joint in pair)
            both = known[:, a] & known[:, b] & (size > 0)
            if both.any():
                apart = np.linalg.norm(poses[both, a] - poses[both, b], axis=1) / size[both]
                near.append(np.median(apart) <= NEAR)
    return float(np.mean(near)) if len(near) >= _FEWEST else None


def contradicts(people: Sequence[Float[np.ndarray, "J 2"]], usual: Skeleton, other: Skeleton) -> bool:
    """Whether the keypoints clearly lie as the other set's and not as the usual one's."""
    if (usual.name, other.name) == ("coco17", "posetrack17"):
        return _nose_between_eyes(_some(people))
    found, instead = fit(people, usual), fit(people, other)
    return found is not None and instead is not None and found < LOOKS_WRONG and instead >= LOOKS_RIGHT


def _nose_between_eyes(poses: Float[np.ndarray, "N 17 2"]) -> bool:
    """PoseTrack's order read as COCO's: no ears, and "eyes" (neck and crown) on both sides of the nose."""
    known = present(poses)
    if known[:, 3:5].any() or not known[:, :3].all(axis=1).any():
        return False
    nose, first, second = np.moveaxis(poses[known[:, :3].all(axis=1), :3], 1, 0)
    a, b = first - nose, second - nose
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    apart = lengths > 0
    return bool(apart.any() and np.median((a * b).sum(axis=1)[apart] / lengths[apart]) < -0.6)


def _some(people: Sequence[Float[np.ndarray, "J 2"]]) -> Float[np.ndarray, "N J 2"]:
    step = max(1, len(people) // _PEOPLE)
    return np.stack(people[::step])
