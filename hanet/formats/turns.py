"""Rotations in files, as axis-angle, matrices or Euler angles, and as the 6D numbers of pose sequences.

Axes: any leading ones. A rotation that is written back has the numbers nearest to those it had: an axis-angle
of the same turn, Euler angles without jumps.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

DECIMALS = 9
"""Of 6D numbers, as refined values have them: a rotation that was not refined compares equal."""


def to_6d(matrices: Float[np.ndarray, "*N 3 3"]) -> Float[np.ndarray, "*N 6"]:
    """The first two entries of each row (layout ``interleaved`` of `hanet.poses.rotations`); NaN stays."""
    return np.round(matrices[..., :2].reshape(*matrices.shape[:-2], 6).astype(np.float64), DECIMALS)


def from_6d(values: Float[np.ndarray, "*N 6"]) -> Float[np.ndarray, "*N 3 3"]:
    """Rotation matrices from any six finite numbers that span a plane, by Gram-Schmidt."""
    first, second = np.moveaxis(values.reshape(*values.shape[:-1], 3, 2), -1, 0)
    first = first / np.linalg.norm(first, axis=-1, keepdims=True)
    second = second - (first * second).sum(axis=-1, keepdims=True) * first
    second = second / np.linalg.norm(second, axis=-1, keepdims=True)
    return np.stack([first, second, np.cross(first, second)], axis=-1)


def axis_angle_to_6d(vectors: Float[np.ndarray, "*N 3"]) -> Float[np.ndarray, "*N 6"]:
    """6D numbers of axis times angle in radians; NaN where a number is not finite."""
    from scipy.spatial.transform import Rotation

    flat = vectors.reshape(-1, 3).astype(np.float64)
    known = np.isfinite(flat).all(axis=1)
    result = np.full((len(flat), 6), np.nan)
    result[known] = to_6d(Rotation.from_rotvec(flat[known]).as_matrix())
    return result.reshape(*vectors.shape[:-1], 6)


def nearest_axis_angle(
    values: Float[np.ndarray, "N 6"], before: Float[np.ndarray, "N 3"]
) -> Float[np.ndarray, "N 3"]:
    """Axis times angle of 6D numbers: of all turns of one rotation the one nearest to `before`.

    Where `before` is not finite, the angle is at most π.
    """
    from scipy.spatial.transform import Rotation

    vectors = Rotation.from_matrix(from_6d(values)).as_rotvec()
    angle = np.linalg.norm(vectors, axis=1)
    turning = angle > 1e-9
    axes = np.where(turning[:, None], vectors / np.where(turning, angle, 1.0)[:, None], 0.0)
    along = (np.nan_to_num(before.astype(np.float64)) * axes).sum(axis=1)
    turns = np.where(np.isfinite(before).all(axis=1), np.round((along - angle) / (2 * np.pi)), 0)
    return vectors + (2 * np.pi * turns)[:, None] * axes


def euler_to_6d(order: str, degrees: Float[np.ndarray, "N 3"]) -> Float[np.ndarray, "N 6"]:
    """6D numbers of three angles, each about the axes that the ones before it have turned.

    Args:
        order: the axes, as ``ZXY``.
        degrees: in that order.
    """
    from scipy.spatial.transform import Rotation

    known = np.isfinite(degrees).all(axis=1)
    result = np.full((len(degrees), 6), np.nan)
    result[known] = to_6d(Rotation.from_euler(order, degrees[known], degrees=True).as_matrix())
    return result


def nearest_euler(
    order: str, values: Float[np.ndarray, "N 6"], before: Float[np.ndarray, "N 3"]
) -> Float[np.ndarray, "N 3"]:
    """Angles in degrees of 6D numbers: of all solutions the one nearest to `before`, whole turns included."""
    import warnings

    from scipy.spatial.transform import Rotation

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of gimbal lock, where any of the solutions is right
        one = Rotation.from_matrix(from_6d(values)).as_euler(order, degrees=True)
    other = np.stack([one[:, 0] + 180, 180 - one[:, 1], one[:, 2] + 180], axis=1)
    wanted = np.nan_to_num(before)
    candidates = [angles + 360 * np.round((wanted - angles) / 360) for angles in (one, other)]
    distance = [np.abs(angles - wanted).sum(axis=1) for angles in candidates]
    return np.where((distance[0] <= distance[1])[:, None], *candidates)
