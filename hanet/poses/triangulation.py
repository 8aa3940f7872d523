"""Triangulate keypoints of calibrated cameras.

Axes: C cameras, T frames, J joints.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from hanet.poses.cameras import TANGENTIAL_GAIN, CalibratedCamera

STEPS = 30
"""Of the fixed-point iteration that takes the lens distortion out; each makes the error some ten times
smaller where the distortion is mild."""
_TOLERANCE = 1e-6
"""Largest error in the image plane that is accepted, as a share of the focal length."""


def undistorted(
    camera: CalibratedCamera, keypoints: Float[np.ndarray, "*batch 2"]
) -> Float[np.ndarray, "*batch 2"]:
    """Keypoints (pixels) as x/z and y/z in the camera's frame, without the lens distortion; NaN stays NaN.

    Raises:
        ValueError: a keypoint so far from the middle that the distortion cannot be inverted there.
    """
    wanted = (keypoints - camera.centre) / camera.focal
    found = wanted.copy()
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(STEPS):
            found = found + wanted - _distorted(camera, found)
        off = np.abs(_distorted(camera, found) - wanted)
    if (off > _TOLERANCE).any() or not np.array_equal(np.isfinite(found), np.isfinite(wanted)):
        raise ValueError(
            f"camera {camera.name}: keypoints too far outside of the image to take its lens distortion out; "
            "check that keypoints and calibration belong together"
        )
    return found


def _distorted(camera: CalibratedCamera, xy: Float[np.ndarray, "*batch 2"]) -> Float[np.ndarray, "*batch 2"]:
    """As `CalibratedCamera.project` has it, in units of the focal length."""
    r2 = (xy**2).sum(axis=-1, keepdims=True)
    k1, k2, k3 = camera.radial
    radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
    swapped = camera.tangential[::-1]
    cross = TANGENTIAL_GAIN[camera.distortion] * (xy * swapped).sum(axis=-1, keepdims=True)
    return xy * (radial + cross) + swapped * r2


def triangulate(
    cameras: Sequence[CalibratedCamera],
    keypoints: Float[np.ndarray, "C T J 2"],
    weights: Float[np.ndarray, "C T J"],
) -> Float[np.ndarray, "T J 3"]:
    """World joints (metres) from keypoints (pixels) of two or more cameras.

    The direct linear transform (Hartley and Zisserman 2004, section 12.2), each camera's two equations times
    its weight. A joint is NaN where fewer than two cameras have a keypoint with a weight above 0.

    Args:
        cameras: calibrated in one world.
        keypoints: NaN where there is none.
        weights: not negative, for example the detector's scores.

    Raises:
        ValueError: other numbers of cameras and keypoints, negative weights, or as `undistorted`.
    """
    if len(cameras) < 2 or len(keypoints) != len(cameras) or weights.shape != keypoints.shape[:-1]:
        raise ValueError(
            f"expected keypoints (C, T, J, 2) and weights (C, T, J) of two or more cameras, got shapes "
            f"{keypoints.shape} and {weights.shape} for {len(cameras)} cameras"
        )
    if (weights < 0).any():
        raise ValueError("expected weights of at least 0, got negative ones")
    seen = np.asarray(np.isfinite(keypoints).all(axis=-1) & (weights > 0))
    rows = []
    for camera, points, weight, there in zip(cameras, keypoints, weights, seen, strict=True):
        matrix = np.column_stack([camera.rotation, camera.translation])
        plane = undistorted(camera, np.where(there[..., None], points, camera.centre))
        equations = plane[..., None] * matrix[2] - matrix[:2]  # (T, J, 2, 4)
        rows.append(equations * np.where(there, weight, 0.0)[..., None, None])
    solved = np.linalg.svd(np.concatenate(rows, axis=-2))[2][..., -1, :]
    enough = seen.sum(axis=0) >= 2
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(enough[..., None], solved[..., :3] / solved[..., 3:], np.nan)
