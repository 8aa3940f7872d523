"""Sets of keypoints that pose estimators write, and names of joints by meaning.

A count of numbers does not name a set: 25 keypoints are OpenPose's BODY_25 or its BODY_25B, 17 are COCO's,
PoseTrack's or Human3.6M's. `choose` takes the set that a format documents for a count, checks that the
keypoints lie as on a body, and asks where they do not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from hanet.formats import anatomy
from hanet.formats.base import FormatError
from hanet.poses.skeletons import BODY25, COCO17, H36M17, POSETRACK17, SKELETONS, Skeleton

_FEET = ("big_toe", "small_toe", "heel")
_FINGERS = ("thumb", "forefinger", "middle_finger", "ring_finger", "pinky_finger")


def _extended(name: str, base: Skeleton, more: Sequence[tuple[str, str]]) -> Skeleton:
    """A set that begins with another's joints; `more` are (joint, parent), parent ``""`` for none."""
    joints = (*base.joints, *(joint for joint, _ in more))
    parents = (*base.parents, *(joints.index(parent) if parent else -1 for _, parent in more))
    return Skeleton(name, joints, parents, base.root)


def _foot(side: str) -> list[tuple[str, str]]:
    return [(f"{side}_{part}", f"{side}_ankle") for part in _FEET]


def _hand(side: str) -> list[tuple[str, str]]:
    """21 keypoints: the root at the wrist, then four of each finger."""
    root = f"{side}_hand_root"
    tips = [
        (f"{side}_{finger}{i}", root if i == 1 else f"{side}_{finger}{i - 1}")
        for finger in _FINGERS
        for i in (1, 2, 3, 4)
    ]
    return [(root, f"{side}_wrist"), *tips]


def _face(count: int) -> list[tuple[str, str]]:
    return [(f"face_{i}", "nose") for i in range(count)]


_HALPE_FEET = [(f"{side}_{part}", f"{side}_ankle") for part in _FEET for side in "lr"]
HALPE26 = _extended("halpe26", COCO17, [("head_top", "nose"), ("neck", ""), ("pelvis", "neck"), *_HALPE_FEET])
"""AlphaPose's and RTMPose's body with feet; its keypoint 17, "head", is the crown."""
HALPE68 = _extended("halpe68", HALPE26, [*_hand("l"), *_hand("r")])
HALPE136 = _extended("halpe136", HALPE26, [*_face(68), *_hand("l"), *_hand("r")])
"""Halpe's whole body: body, face, left hand, right hand."""
WHOLEBODY133 = _extended(
    "wholebody133", COCO17, [*_foot("l"), *_foot("r"), *_face(68), *_hand("l"), *_hand("r")]
)
"""COCO-WholeBody: body, feet, face, left hand, right hand."""
BODY25B = _extended(
    "body25b", COCO17, [("upper_neck", ""), ("head_top", "upper_neck"), *_foot("l"), *_foot("r")]
)
"""OpenPose's experimental BODY_25B: COCO's 17, upper neck, crown, feet."""
OPENPOSE18 = Skeleton(
    "openpose18",
    (
        *("nose", "neck", "r_shoulder", "r_elbow", "r_wrist", "l_shoulder", "l_elbow", "l_wrist"),
        *("r_hip", "r_knee", "r_ankle", "l_hip", "l_knee", "l_ankle", "r_eye", "l_eye", "r_ear", "l_ear"),
    ),
    (1, -1, 1, 2, 3, 1, 5, 6, 1, 8, 9, 1, 11, 12, 0, 0, 14, 15),
    (8, 11),
)
"""OpenPose's COCO model: COCO's keypoints in its own order, with a neck."""
COCO18 = _extended("coco18", COCO17, [("neck", "")])
"""COCO's 17 in their own order, then the neck; not OpenPose's 18."""
MPI15 = Skeleton(
    "mpi15",
    (
        *("head_top", "neck", "r_shoulder", "r_elbow", "r_wrist", "l_shoulder", "l_elbow", "l_wrist"),
        *("r_hip", "r_knee", "r_ankle", "l_hip", "l_knee", "l_ankle", "chest"),
    ),
    (1, -1, 1, 2, 3, 1, 5, 6, 14, 8, 9, 14, 11, 12, 1),
    (8, 11),
)
"""OpenPose's MPI model."""
CROWDPOSE14 = Skeleton(
    "crowdpose14",
    (
        *("l_shoulder", "r_shoulder", "l_elbow", "r_elbow", "l_wrist", "r_wrist"),
        *("l_hip", "r_hip", "l_knee", "r_knee", "l_ankle", "r_ankle", "head_top", "neck"),
    ),
    (13, 13, 0, 1, 2, 3, 0, 1, 6, 7, 8, 9, 13, -1),
    (6, 7),
)


def _mhr_hand(side: str) -> list[tuple[str, str]]:
    """Four of each finger from the tip down, then the wrist."""
    wrist = f"{side}_wrist"
    joints = []
    for finger in _FINGERS:
        for i in (4, 3, 2, 1):
            joints.append((f"{side}_{finger}{i}", wrist if i == 1 else f"{side}_{finger}{i - 1}"))
    return [*joints, (wrist, f"{side}_elbow")]


def _mhr70() -> Skeleton:
    tree = [
        *((name, "neck") for name in ("nose", "l_eye", "r_eye", "l_ear", "r_ear")),
        *((f"{side}_shoulder", "neck") for side in "lr"),
        *((f"{side}_elbow", f"{side}_shoulder") for side in "lr"),
        *((f"{side}_hip", "neck") for side in "lr"),
        *((f"{side}_knee", f"{side}_hip") for side in "lr"),
        *((f"{side}_ankle", f"{side}_knee") for side in "lr"),
        *(pair for side in "lr" for pair in _foot(side)),
        *(pair for side in "rl" for pair in _mhr_hand(side)),
        *((f"{side}_olecranon", f"{side}_elbow") for side in "lr"),
        *((f"{side}_cubital_fossa", f"{side}_elbow") for side in "lr"),
        *((f"{side}_acromion", f"{side}_shoulder") for side in "lr"),
        ("neck", ""),
    ]
    joints = tuple(name for name, _ in tree)
    parents = tuple(joints.index(parent) if parent else -1 for _, parent in tree)
    return Skeleton("mhr70", joints, parents, (joints.index("l_hip"), joints.index("r_hip")))


MHR70 = _mhr70()
"""SAM 3D Body: the first 70 keypoints of Momentum Human Rig; body, feet, right hand, left hand."""

KEYPOINT_SETS: dict[str, Skeleton] = {
    **SKELETONS,
    **{
        skeleton.name: skeleton
        for skeleton in (
            *(HALPE26, HALPE68, HALPE136, WHOLEBODY133, BODY25B),
            *(OPENPOSE18, COCO18, MPI15, CROWDPOSE14, MHR70),
        )
    },
}
"""Every set by the name that ``--skeleton`` takes."""

DETECTED: dict[int, tuple[Skeleton, ...]] = {
    17: (COCO17, POSETRACK17, H36M17),
    26: (HALPE26,),
    68: (HALPE68,),
    133: (WHOLEBODY133,),
    136: (HALPE136,),
}
"""By count: the set that detectors write, and others of as many keypoints."""
OPENPOSE_SETS: dict[int, tuple[Skeleton, ...]] = {
    **DETECTED,
    15: (MPI15,),
    18: (OPENPOSE18, COCO18),
    25: (BODY25, BODY25B),
}
"""The same for files in OpenPose's layout, which Pose2Sim and RTMLib write with other sets too."""


def choose(
    people: Sequence[Float[np.ndarray, "J 2"]],
    count: int,
    *,
    sets: dict[int, tuple[Skeleton, ...]],
    asked: str | None,
    where: str | Path,
) -> tuple[Skeleton, str | None]:
    """The set of keypoints, and a note if the keypoints do not look like it.

    Args:
        people: detections in pixels, NaN for missing keypoints.
        count: J, keypoints per person.
        sets: by count the format's usual set, then others.
        asked: the user's choice, which is taken without a look at the keypoints.
        where: file, and entry if it matters, for messages.

    Raises:
        ValueError: no set named `asked`, or one of another count.
        FormatError: no set of that count, several, or keypoints that lie as another set's do.
    """
    if asked is not None:
        if asked not in KEYPOINT_SETS:
            raise ValueError(f"unknown skeleton {asked!r}; known: {', '.join(sorted(KEYPOINT_SETS))}")
        if len(KEYPOINT_SETS[asked]) != count:
            raise FormatError(
                f"{where}: expected {len(KEYPOINT_SETS[asked])} keypoints of {asked}, got {count}; "
                "correct --skeleton"
            )
        return KEYPOINT_SETS[asked], None
    if count not in sets:
        others = [name for name, skeleton in KEYPOINT_SETS.items() if len(skeleton) == count]
        known = ", ".join(f"{n} ({s[0].name})" for n, s in sorted(sets.items()))
        remedy = f"give --skeleton {' or '.join(others)}" if others else "run a model of one of these sets"
        raise FormatError(f"{where}: {count} keypoints, expected {known}; {remedy}")
    usual, *others = sets[count]
    fit = anatomy.fit(people, usual)
    for other in others:
        if anatomy.contradicts(people, usual, other):
            raise FormatError(
                f"{where}: {count} keypoints that lie as those of {other.name}, not of {usual.name}; give "
                f"--skeleton {other.name}, or --skeleton {usual.name} if they are its"
            )
    if fit is not None and fit < anatomy.LOOKS_WRONG:
        return usual, (
            f"read as {usual.name}, though few keypoints lie as on a body; if it is another set, give "
            "--skeleton"
        )
    return usual, None


MAX_NAMES = 1000
"""Most joints of a skeleton that is not known."""
_SIDES = {"l": "l", "left": "l", "r": "r", "right": "r"}
_SYNONYMS = {
    "mid_hip": "pelvis",
    "hip": "pelvis",
    "root": "pelvis",
    "hip_center": "pelvis",
    "center_hip": "pelvis",
    "top_head": "head_top",
    "bottom_head": "head_bottom",
    "bigtoe": "big_toe",
    "smalltoe": "small_toe",
    "midhip": "pelvis",
    "headtop": "head_top",
    "upperneck": "upper_neck",
}
_VOCABULARY = {joint for skeleton in KEYPOINT_SETS.values() for joint in skeleton.joints}
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def canonical(name: str) -> str:
    """Our name of a joint: ``LBigToe``, ``left_big_toe`` and ``Big Toe.L`` are ``l_big_toe``.

    A name that means no known joint comes back as it is.
    """
    words = [word.lower() for word in _WORD.findall(re.sub(r"\b([LR])(?=[A-Z][a-z])", r"\1 ", name))]
    if len(words) == 1 and (match := re.fullmatch(r"(left|right)(\w+)", words[0])):
        words = [match[1], match[2]]
    side = ""
    for at in (0, -1):
        if len(words) > 1 and words[at] in _SIDES:
            side = f"{_SIDES[words.pop(at)]}_"
            break
    joined = "_".join(words)
    joined = re.sub(r"(?<=[a-z])_(?=\d)", "", joined) if not joined.startswith("face") else joined
    meant = (side + joined, side + _SYNONYMS.get(joined, joined))
    return next((joint for joint in meant if joint in _VOCABULARY), name)


def from_names(names: Sequence[str], label: str) -> Skeleton:
    """The skeleton of named joints: a known one if the names mean its joints in its order, else its own.

    A skeleton of its own has no parents; its root is the pelvis, both hips, or the first joint.

    Args:
        names: as the file has them, in its order.
        label: name of a skeleton that is not known.

    Raises:
        ValueError: no names, the same twice, or more than `MAX_NAMES`.
    """
    if len(names) > MAX_NAMES:
        raise ValueError(f"{label}: {len(names)} names of joints, expected at most {MAX_NAMES}")
    joints = tuple(map(canonical, names))
    for skeleton in KEYPOINT_SETS.values():
        if skeleton.joints == joints:
            return skeleton
    if len(set(joints)) != len(joints):
        joints = tuple(names)
    if not joints:
        raise ValueError(f"{label}: no names of joints")
    roots = next((root for root in (("pelvis",), ("l_hip", "r_hip")) if set(root) <= set(joints)), joints[:1])
    return Skeleton(label, joints, (-1,) * len(joints), tuple(joints.index(root) for root in roots))
