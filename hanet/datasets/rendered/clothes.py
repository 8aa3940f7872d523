"""Colours of a body's vertices: skin, hair, eyes, lips and clothes, drawn at random.

Axes: V vertices. Lengths in metres, rest pose: y up, x to the body's left, z ahead.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from hanet.poses.skeletons import SMPL24

_ARMS = ("l_shoulder", "r_shoulder", "l_elbow", "r_elbow")
_PARTS = {
    "top": ("spine1", "spine2", "spine3", "l_collar", "r_collar", *_ARMS),
    "trousers": ("pelvis", "l_hip", "r_hip", "l_knee", "r_knee"),
    "shoes": ("l_ankle", "r_ankle", "l_foot", "r_foot"),
    "hands": ("l_wrist", "r_wrist", "l_hand", "r_hand"),
    "head": ("head", "neck"),
}
"""Parts of the body, and the joints that move them."""


def clothes(
    vertices: Float[np.ndarray, "V 3"],
    weights: Float[np.ndarray, "V 24"],
    rest: Float[np.ndarray, "24 3"],
    head: Float[np.ndarray, "2 3"],
    eyes: Bool[np.ndarray, " V"],
    rng: np.random.Generator,
) -> Float[np.ndarray, "V 3"]:
    """Colours from 0 to 1. Sleeves and trousers have random lengths, tops may have stripes.

    Args:
        vertices: rest pose.
        weights: skinning weights.
        rest: SMPL's joints.
        head: nose and crown.
        eyes: vertices of the eyes.
        rng: draws everything.
    """
    tone = rng.uniform(0.15, 1)
    skin = tone * np.array([0.98, 0.82, 0.72]) + (1 - tone) * np.array([0.22, 0.13, 0.09])
    colours = np.tile(skin, (len(vertices), 1))
    shares = np.stack([weights[:, list(map(SMPL24.index, joints))].sum(axis=1) for joints in _PARTS.values()])
    part = np.array(list(_PARTS))[shares.argmax(axis=0)]
    _face(colours, vertices, part == "head", head, rest[SMPL24.index("head")], skin, rng)
    sleeve, leg = rng.choice([0.5, 0.9, 2.0]), rng.choice([0.6, 1.0, 2.0])
    bare = _beyond(vertices, rest, ("shoulder", "elbow", "wrist"), sleeve)
    arms = weights[:, list(map(SMPL24.index, _ARMS))].sum(axis=1)
    top = (part == "top") & ~(bare & (arms > 0.5))
    colours[top] = rng.uniform(0.05, 0.95, 3)
    if rng.random() < 0.5:
        wave = np.sin(vertices[:, rng.integers(3)] * rng.uniform(30, 120))
        colours[top & (wave > 0)] = rng.uniform(0.05, 0.95, 3)
    trousers = (part == "trousers") & ~_beyond(vertices, rest, ("hip", "knee", "ankle"), leg)
    colours[trousers] = rng.uniform(0.05, 0.8, 3)
    colours[part == "shoes"] = rng.uniform(0.02, 0.9, 3)
    ahead = vertices[eyes, 2]
    colours[eyes] = np.where((ahead > np.quantile(ahead, 0.7))[:, None], 0.05, 0.9) if eyes.any() else 0.05
    return np.clip(colours * rng.uniform(0.95, 1.05, (len(vertices), 1)), 0, 1)


def _face(
    colours: Float[np.ndarray, "V 3"],
    vertices: Float[np.ndarray, "V 3"],
    on_head: Bool[np.ndarray, " V"],
    head: Float[np.ndarray, "2 3"],
    joint: Float[np.ndarray, " 3"],
    skin: Float[np.ndarray, " 3"],
    rng: np.random.Generator,
) -> None:
    """Colour hair, lips and brows, placed by the nose."""
    nose, crown = head
    size = crown[1] - nose[1]
    x, y, z = vertices.T
    line = rng.uniform(0.45, 0.75)
    hair = (y > nose[1] + line * size) | ((z < joint[2] + 0.02) & (y > nose[1] - 0.3 * size))
    tint = np.array([1.0, rng.uniform(0.6, 0.95), rng.uniform(0.3, 0.9)])
    colours[on_head & hair] = rng.uniform(0.02, 0.5) * tint
    near = on_head & (z > nose[2] - 0.06)
    lips = near & (np.abs(x) < 0.025) & (np.abs(y - nose[1] + 0.042) < 0.008)
    colours[lips] = skin * np.array([0.85, 0.5, 0.5])
    brows = near & (np.abs(y - nose[1] - 0.052) < 0.006) & (np.abs(np.abs(x) - 0.035) < 0.02)
    colours[brows] *= 0.35


def _beyond(
    vertices: Float[np.ndarray, "V 3"],
    rest: Float[np.ndarray, "24 3"],
    limb: tuple[str, str, str],
    length: float,
) -> Bool[np.ndarray, " V"]:
    """Vertices of either side farther along a limb than `length`: 1 is its middle joint, 2 its end."""
    found = np.zeros(len(vertices), bool)
    start, end = (limb[0], limb[1]) if length <= 1 else (limb[1], limb[2])
    for side in ("l", "r"):
        a, b = (rest[SMPL24.index(f"{side}_{joint}")] for joint in (start, end))
        along = (vertices - a) @ (b - a) / ((b - a) @ (b - a))
        found |= (np.sign(vertices[:, 0]) == np.sign(a[0])) & (along > (length - (length > 1)))
    return found
