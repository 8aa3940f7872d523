"""Named joint sets: joint names, parents, left/right pairs, root, and conversions by name.

Axes: J joints. Every array of poses in this package names its skeleton, so that a 17-joint
Human3.6M pose is never read as a 17-joint pose of another order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Int


@dataclass(frozen=True)
class Skeleton:
    """An ordered set of named joints.

    Attributes:
        name: the key in `SKELETONS`, e.g. ``h36m17``.
        joints: names in storage order; left and right joints start with ``l_`` and ``r_``.
        parents: for each joint the index of its parent, -1 for a joint without one.
        root: joints whose mean is the origin of a root-relative pose (metrics.md of the field:
            joint 0 for Human3.6M, the mean of both hips for LSP-14).
    """

    name: str
    joints: tuple[str, ...]
    parents: tuple[int, ...]
    root: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.joints) != len(self.parents):
            raise ValueError(f"{self.name}: {len(self.joints)} joints but {len(self.parents)} parents")
        if len(set(self.joints)) != len(self.joints):
            raise ValueError(f"{self.name}: joint names repeat: {self.joints}")
        if not self.root:
            raise ValueError(f"{self.name}: a skeleton needs at least one root joint")

    def __len__(self) -> int:
        return len(self.joints)

    def index(self, joint: str) -> int:
        """Index of a joint by name; a KeyError lists the names there are."""
        try:
            return self.joints.index(joint)
        except ValueError:
            raise KeyError(
                f"skeleton {self.name} has no joint {joint!r}; it has {', '.join(self.joints)}"
            ) from None

    @cached_property
    def mirror(self) -> Int[np.ndarray, " J"]:
        """Index that swaps left and right joints: ``values[..., skeleton.mirror, :]``."""
        swap = {"l_": "r_", "r_": "l_"}
        return np.array([self.index(swap.get(j[:2], j[:2]) + j[2:]) for j in self.joints])

    @cached_property
    def bones(self) -> tuple[tuple[int, int], ...]:
        """(parent, child) pairs."""
        return tuple((p, c) for c, p in enumerate(self.parents) if p >= 0)


def _skeleton(name: str, tree: Sequence[tuple[str, str]], root: Sequence[str]) -> Skeleton:
    """Build from (joint, parent) pairs in storage order; parent ``""`` means none."""
    names = tuple(j for j, _ in tree)
    return Skeleton(
        name=name,
        joints=names,
        parents=tuple(names.index(p) if p else -1 for _, p in tree),
        root=tuple(names.index(r) for r in root),
    )


_ARM = ("shoulder", "elbow", "wrist")
_LEG = ("hip", "knee", "ankle")


def _chain(side: str, parts: Sequence[str], start: str) -> list[tuple[str, str]]:
    names = [f"{side}_{p}" for p in parts]
    return list(zip(names, [start, *names[:-1]], strict=True))


H36M17 = _skeleton(
    "h36m17",
    [
        ("pelvis", ""),
        *_chain("r", _LEG, "pelvis"),
        *_chain("l", _LEG, "pelvis"),
        ("spine", "pelvis"),
        ("thorax", "spine"),
        ("nose", "thorax"),
        ("head_top", "nose"),
        *_chain("l", _ARM, "thorax"),
        *_chain("r", _ARM, "thorax"),
    ],
    root=["pelvis"],
)
"""Human3.6M's usual 17 of 32 joints, right leg first, as FCN (Martinez 2017) is trained."""

H36M17_LEFT_FIRST = _skeleton(
    "h36m17_left_first",
    [
        ("pelvis", ""),
        *_chain("l", _LEG, "pelvis"),
        *_chain("r", _LEG, "pelvis"),
        ("spine", "pelvis"),
        ("thorax", "spine"),
        ("nose", "thorax"),
        ("head_top", "nose"),
        *_chain("l", _ARM, "thorax"),
        *_chain("r", _ARM, "thorax"),
    ],
    root=["pelvis"],
)
"""The same joints as stored in the DeciWatch pose files (Human3.6M and 3DPW), left leg first."""

H36M16 = _skeleton(
    "h36m16",
    [
        ("pelvis", ""),
        *_chain("r", _LEG, "pelvis"),
        *_chain("l", _LEG, "pelvis"),
        ("spine", "pelvis"),
        ("thorax", "spine"),
        ("head_top", "thorax"),
        *_chain("l", _ARM, "thorax"),
        *_chain("r", _ARM, "thorax"),
    ],
    root=["pelvis"],
)
"""Human3.6M's joints without the nose: what FCN reads and detectors trained on MPII give."""

LSP14 = _skeleton(
    "lsp14",
    [
        ("r_ankle", "r_knee"),
        ("r_knee", "r_hip"),
        ("r_hip", ""),
        ("l_hip", ""),
        ("l_knee", "l_hip"),
        ("l_ankle", "l_knee"),
        ("r_wrist", "r_elbow"),
        ("r_elbow", "r_shoulder"),
        ("r_shoulder", "thorax"),
        ("l_shoulder", "thorax"),
        ("l_elbow", "l_shoulder"),
        ("l_wrist", "l_elbow"),
        ("thorax", ""),
        ("head_top", "thorax"),
    ],
    root=["r_hip", "l_hip"],
)
"""The 14 LSP joints that 3DPW and AIST++ are scored on; root is the middle of the hips."""

JHMDB15 = _skeleton(
    "jhmdb15",
    [
        ("neck", ""),
        ("belly", "neck"),
        ("face", "neck"),
        ("r_shoulder", "neck"),
        ("l_shoulder", "neck"),
        ("r_hip", "belly"),
        ("l_hip", "belly"),
        ("r_elbow", "r_shoulder"),
        ("l_elbow", "l_shoulder"),
        ("r_knee", "r_hip"),
        ("l_knee", "l_hip"),
        ("r_wrist", "r_elbow"),
        ("l_wrist", "l_elbow"),
        ("r_ankle", "r_knee"),
        ("l_ankle", "l_knee"),
    ],
    root=["belly"],
)
"""Sub-JHMDB's puppet joints; joint 0 is the neck, not the head."""

LIMBS12 = _skeleton(
    "limbs12",
    [
        *_chain("l", _ARM, ""),
        *_chain("r", _ARM, ""),
        *_chain("l", _LEG, ""),
        *_chain("r", _LEG, ""),
    ],
    root=[f"{s}_{p}" for s in "lr" for p in (*_ARM, *_LEG)],
)
"""The 12 limb joints that Kinect v2 and Plug-in-Gait share (UI-PRMD); root is their mean."""

SMPL24 = _skeleton(
    "smpl24",
    [
        ("pelvis", ""),
        ("l_hip", "pelvis"),
        ("r_hip", "pelvis"),
        ("spine1", "pelvis"),
        ("l_knee", "l_hip"),
        ("r_knee", "r_hip"),
        ("spine2", "spine1"),
        ("l_ankle", "l_knee"),
        ("r_ankle", "r_knee"),
        ("spine3", "spine2"),
        ("l_foot", "l_ankle"),
        ("r_foot", "r_ankle"),
        ("neck", "spine3"),
        ("l_collar", "spine3"),
        ("r_collar", "spine3"),
        ("head", "neck"),
        ("l_shoulder", "l_collar"),
        ("r_shoulder", "r_collar"),
        ("l_elbow", "l_shoulder"),
        ("r_elbow", "r_shoulder"),
        ("l_wrist", "l_elbow"),
        ("r_wrist", "r_elbow"),
        ("l_hand", "l_wrist"),
        ("r_hand", "r_wrist"),
    ],
    root=["pelvis"],
)
"""SMPL's 24 joints, one rotation each."""

_FACE = [("nose", ""), *((f"{side}_{part}", "nose") for part in ("eye", "ear") for side in "lr")]
_PAIRED_LIMBS = [
    (f"{side}_{part}", f"{side}_{parent}" if parent else "")
    for parts in (_ARM, _LEG)
    for part, parent in zip(parts, ("", *parts), strict=False)
    for side in "lr"
]

COCO17 = _skeleton("coco17", [*_FACE, *_PAIRED_LIMBS], root=["l_hip", "r_hip"])
"""The keypoints of COCO: SimpleBaseline's, MMPose's and AlphaPose's usual output."""

PENN13 = _skeleton("penn13", [("head", ""), *_PAIRED_LIMBS], root=["l_hip", "r_hip"])
"""Penn Action's joints."""

POSETRACK17 = _skeleton(
    "posetrack17",
    [
        ("nose", ""),
        ("head_bottom", "nose"),
        ("head_top", "nose"),
        ("l_ear", "nose"),
        ("r_ear", "nose"),
        *_PAIRED_LIMBS,
    ],
    root=["l_hip", "r_hip"],
)
"""PoseTrack2018's keypoints as its files list them; the ears are never labelled."""

POSETRACK15 = _skeleton(
    "posetrack15",
    [
        ("r_ankle", "r_knee"),
        ("r_knee", "r_hip"),
        ("r_hip", ""),
        ("l_hip", ""),
        ("l_knee", "l_hip"),
        ("l_ankle", "l_knee"),
        ("r_wrist", "r_elbow"),
        ("r_elbow", "r_shoulder"),
        ("r_shoulder", "head_bottom"),
        ("l_shoulder", "head_bottom"),
        ("l_elbow", "l_shoulder"),
        ("l_wrist", "l_elbow"),
        ("head_bottom", ""),
        ("nose", "head_bottom"),
        ("head_top", "nose"),
    ],
    root=["r_hip", "l_hip"],
)
"""The 15 keypoints that PoseTrack is scored on, in the order of its evaluation."""

MPII16 = _skeleton(
    "mpii16",
    [
        ("r_ankle", "r_knee"),
        ("r_knee", "r_hip"),
        ("r_hip", "pelvis"),
        ("l_hip", "pelvis"),
        ("l_knee", "l_hip"),
        ("l_ankle", "l_knee"),
        ("pelvis", ""),
        ("thorax", "pelvis"),
        ("upper_neck", "thorax"),
        ("head_top", "upper_neck"),
        ("r_wrist", "r_elbow"),
        ("r_elbow", "r_shoulder"),
        ("r_shoulder", "thorax"),
        ("l_shoulder", "thorax"),
        ("l_elbow", "l_shoulder"),
        ("l_wrist", "l_elbow"),
    ],
    root=["pelvis"],
)
"""MPII's keypoints."""

BODY25 = _skeleton(
    "body25",
    [
        ("nose", "neck"),
        ("neck", "pelvis"),
        *_chain("r", _ARM, "neck"),
        *_chain("l", _ARM, "neck"),
        ("pelvis", ""),
        *_chain("r", _LEG, "pelvis"),
        *_chain("l", _LEG, "pelvis"),
        ("r_eye", "nose"),
        ("l_eye", "nose"),
        ("r_ear", "r_eye"),
        ("l_ear", "l_eye"),
        *_chain("l", ("big_toe", "small_toe", "heel"), "l_ankle"),
        *_chain("r", ("big_toe", "small_toe", "heel"), "r_ankle"),
    ],
    root=["pelvis"],
)
"""OpenPose's BODY_25 keypoints."""

SKELETONS: dict[str, Skeleton] = {
    s.name: s
    for s in (
        *(H36M17, H36M17_LEFT_FIRST, H36M16, LSP14, LIMBS12, SMPL24),
        *(JHMDB15, PENN13, COCO17, MPII16, POSETRACK15, POSETRACK17, BODY25),
    )
}


def get(name: str) -> Skeleton:
    """A skeleton by name; a ValueError lists the known names."""
    try:
        return SKELETONS[name]
    except KeyError:
        raise ValueError(f"unknown skeleton {name!r}; known: {', '.join(sorted(SKELETONS))}") from None


def conversion(source: Skeleton, target: Skeleton) -> tuple[Int[np.ndarray, " J"], Bool[np.ndarray, " J"]]:
    """Index of each target joint in the source, and a mask of the joints that the source has.

    ``values[..., index, :][..., mask, :]`` holds the joints both skeletons name; where the mask is
    False the index is 0 and the gathered value means nothing.
    """
    mask = np.array([j in source.joints for j in target.joints])
    index = np.array([source.joints.index(j) if ok else 0 for j, ok in zip(target.joints, mask, strict=True)])
    return index, mask
