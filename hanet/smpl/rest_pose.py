"""The rest pose of the synthetic body, and where joints are in other poses; without torch.

Axes: T frames. Lengths in metres; y points up and x to the body's left in the rest pose.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from hanet.poses.skeletons import SMPL24

_MIDLINE = {
    "pelvis": (0.0, -0.22, 0.01),
    "spine1": (0.0, -0.11, 0.0),
    "spine2": (0.0, 0.03, 0.005),
    "spine3": (0.0, 0.10, 0.01),
    "neck": (0.0, 0.31, -0.015),
    "head": (0.0, 0.40, 0.02),
}
_LEFT = {
    "hip": (0.085, -0.31, 0.0),
    "knee": (0.10, -0.71, -0.005),
    "ankle": (0.095, -1.11, -0.03),
    "foot": (0.115, -1.165, 0.09),
    "collar": (0.075, 0.22, -0.01),
    "shoulder": (0.185, 0.235, -0.02),
    "elbow": (0.45, 0.225, -0.04),
    "wrist": (0.70, 0.23, -0.04),
    "hand": (0.785, 0.225, -0.045),
}
_MIRROR = np.array([-1.0, 1.0, 1.0])


def rest_joints() -> Float[np.ndarray, "24 3"]:
    """SMPL's 24 joints of the mean shape."""
    places = {name: np.array(p) for name, p in _MIDLINE.items()}
    for name, place in _LEFT.items():
        places[f"l_{name}"], places[f"r_{name}"] = np.array(place), np.array(place) * _MIRROR
    return np.stack([places[name] for name in SMPL24.joints])


def posed_joints(rotations: Float[np.ndarray, "T 24 6"]) -> Float[np.ndarray, "T 24 3"]:
    """SMPL's joints of the synthetic body in the poses of a sequence, the pelvis at 0.

    Args:
        rotations: rotation 6D of each joint relative to its parent, in the layout
            `hanet.smpl.tracks.CACHE_LAYOUT`. A joint that is NaN makes those below it NaN.
    """
    rest = rest_joints()
    turned = np.empty((len(rotations), 24, 3, 3))
    joints = np.zeros((len(rotations), 24, 3))
    own = _matrices(np.asarray(rotations, dtype=np.float64))
    for j, parent in enumerate(SMPL24.parents):
        if parent < 0:
            turned[:, j] = own[:, j]
            joints[np.isnan(own[:, j]).any(axis=(1, 2)), j] = np.nan
            continue
        turned[:, j] = turned[:, parent] @ own[:, j]
        joints[:, j] = joints[:, parent] + turned[:, parent] @ (rest[j] - rest[parent])
    return joints


def _matrices(rotations: Float[np.ndarray, "T 24 6"]) -> Float[np.ndarray, "T 24 3 3"]:
    """Gram and Schmidt's orthonormal matrices of two columns each, whose entries alternate."""
    columns = rotations.reshape(*rotations.shape[:-1], 3, 2)
    first, second = columns[..., 0], columns[..., 1]
    with np.errstate(invalid="ignore", divide="ignore"):
        first = first / np.linalg.norm(first, axis=-1, keepdims=True)
        second = second - (first * second).sum(axis=-1, keepdims=True) * first
        second = second / np.linalg.norm(second, axis=-1, keepdims=True)
    return np.stack([first, second, np.cross(first, second)], axis=-1)
