"""Pinhole cameras that look at a point.

Frames: world, metres, z up; camera, metres, x right, y down, z ahead; image, pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True)
class Camera:
    """A pinhole camera without distortion.

    Attributes:
        rotation: world to camera (3, 3).
        position: camera centre in the world, metres (3,).
        focal: focal length in pixels.
        image_size: (width, height) in pixels; the principal point is the middle.
    """

    rotation: Float[np.ndarray, "3 3"]
    position: Float[np.ndarray, " 3"]
    focal: float
    image_size: tuple[int, int]

    def to_camera(self, world: Float[np.ndarray, "*batch 3"]) -> Float[np.ndarray, "*batch 3"]:
        """World joints in this camera's frame, metres."""
        return (world - self.position) @ self.rotation.T

    def project(self, camera: Float[np.ndarray, "*batch 3"]) -> Float[np.ndarray, "*batch 2"]:
        """Camera-frame joints (metres, z > 0) to keypoints in pixels.

        Raises:
            ValueError: where a point lies behind the camera or is NaN.
        """
        depth = camera[..., 2:]
        if behind := int((~(depth > 0)).sum()):
            raise ValueError(f"{behind} points lie behind the camera; move it further away")
        return camera[..., :2] / depth * self.focal + np.array(self.image_size) / 2


def look_at(
    target: Float[np.ndarray, " 3"],
    *,
    azimuth: float,
    elevation: float,
    distance: float,
    focal: float,
    image_size: tuple[int, int],
) -> Camera:
    """A camera on a sphere around `target` (world metres, z up), upright, angles in radians.

    Raises:
        ValueError: where it would look straight up or down: there "upright" means nothing.
    """
    if not np.cos(elevation) > 1e-6:
        raise ValueError(f"elevation must be between -π/2 and π/2, got {elevation}")
    away = np.array(
        [np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)]
    )
    ahead = -away
    right = np.cross(ahead, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    down = np.cross(ahead, right)
    return Camera(np.stack([right, down, ahead]), target + distance * away, focal, image_size)
