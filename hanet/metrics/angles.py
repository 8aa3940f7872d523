"""Joint angles, and how two series of them agree (Bland and Altman 1986).

Axes: T frames, J joints, N differences.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from hanet.poses.skeletons import Skeleton

ANGLES = {
    "knee": ("hip", "knee", "ankle"),
    "hip": ("shoulder", "hip", "knee"),
    "elbow": ("shoulder", "elbow", "wrist"),
}
"""Joints of one side of the body; the angle is at the second one, 180° where the three lie on a line."""


@dataclass(frozen=True)
class Agreement:
    """How measured angles agree with true ones.

    Attributes:
        bias: mean difference, measured minus true.
        low, high: limits of agreement: bias ∓ 1.96 standard deviations of the differences.
        count: number of differences.
    """

    bias: float
    low: float
    high: float
    count: int


def joint_angles(
    values: Float[np.ndarray, "T J 3"], skeleton: Skeleton, name: str
) -> Float[np.ndarray, "T 2"]:
    """Angles of one name of `ANGLES` in degrees, left and right; NaN where a joint is missing.

    They are angles between segments, not the clinical angles of flexion in a plane.
    """
    sides = []
    for side in "lr":
        first, middle, last = (values[:, skeleton.index(f"{side}_{joint}")] for joint in ANGLES[name])
        a, b = first - middle, last - middle
        cross = np.linalg.norm(np.cross(a, b), axis=1)
        sides.append(np.degrees(np.arctan2(cross, (a * b).sum(axis=1))))
    return np.stack(sides, axis=1)


def agreement(differences: Iterable[Float[np.ndarray, ...]]) -> Agreement:
    """Bias and limits of agreement of differences, NaN left out.

    Frames count as independent, which they are not: the limits hold for single frames of these people.

    Raises:
        ValueError: fewer than two differences.
    """
    every = np.concatenate([np.asarray(one, dtype=np.float64).ravel() for one in differences])
    every = every[np.isfinite(every)]
    if len(every) < 2:
        raise ValueError(f"expected two or more differences of angles, got {len(every)}")
    bias, spread = float(every.mean()), 1.96 * float(every.std(ddof=1))
    return Agreement(bias, bias - spread, bias + spread, len(every))
