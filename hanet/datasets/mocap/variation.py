"""Bodies and poses that were not recorded: a clip with other bone lengths, limbs turned, the whole tilted.

An estimator or refiner that is trained on few people learns their proportions and how they stand. Each camera
of a clip sees another body in other poses, so that it learns neither.

Axes: T frames.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from hanet.datasets.mocap.clips import Clip
from hanet.datasets.mocap.options import Variation
from hanet.poses.names import name_seed
from hanet.poses.skeletons import H36M17

_TURNED = ("knee", "ankle", "elbow", "wrist")
"""Ends of the bones that turn: thighs, shins, upper arms and forearms."""


def varied(clip: Clip, options: Variation, *, seed: int, view: int) -> Clip:
    """The clip with random proportions and turned limbs, tilted about the middle of its path.

    All changes are the same in every frame. Bones of left and right stay equal in proportion. A turn carries
    the rest of the limb along. `seed`, the clip's name and `view` decide.
    """
    rng = np.random.default_rng(name_seed(seed, f"{clip.name}:{view}"))
    drawn: dict[str, float] = {}
    joints = np.empty_like(clip.joints)
    pelvis = H36M17.root[0]
    joints[:, pelvis] = clip.joints[:, pelvis]
    turns = {pelvis: Rotation.identity()}
    for parent, child in H36M17.bones:  # parents first
        part = H36M17.joints[child].removeprefix("l_").removeprefix("r_")
        if part not in drawn:
            drawn[part] = rng.uniform(1 - options.bones, 1 + options.bones)
        bone = clip.joints[:, child] - clip.joints[:, parent]
        turns[child] = turns[parent]
        if part in _TURNED:
            turns[child] = turns[parent] * _turn(rng, options.limb_degrees, rng.standard_normal(3))
        joints[:, child] = joints[:, parent] + drawn[part] * turns[child].apply(bone)
    middle = joints[:, pelvis].mean(axis=0)
    heading = rng.uniform(0, 2 * np.pi)
    tilt = _turn(rng, options.tilt_degrees, np.array([np.cos(heading), np.sin(heading), 0.0]))
    turned = tilt.apply((joints - middle).reshape(-1, 3)).reshape(joints.shape) + middle
    return replace(clip, joints=turned)


def _turn(rng: np.random.Generator, most: float, axis: Float[np.ndarray, " 3"]) -> Rotation:
    """About an axis by up to `most` degrees."""
    angle = np.deg2rad(rng.uniform(0, most))
    return Rotation.from_rotvec(angle * axis / np.linalg.norm(axis))
