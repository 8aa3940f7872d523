"""Pinhole cameras that look at a point.

Frames: world, metres, z up; camera, metres, x right, y down, z ahead; image, pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

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


Distortion = Literal["opencv", "human36m"]


TANGENTIAL_GAIN: dict[Distortion, float] = {"opencv": 2.0, "human36m": 1.0}
"""What the cross terms of tangential distortion are multiplied by: the model of Brown and OpenCV adds
(2·p1·x·y + p2·(r² + 2x²), 2·p2·x·y + p1·(r² + 2y²)), Human3.6M's own projection the same with 1 for 2."""


@dataclass(frozen=True)
class CalibratedCamera:
    """One camera as a data set calibrated it.

    Attributes:
        name: the data set's name of the camera.
        rotation: world to camera (3, 3).
        translation: the world's origin in the camera's frame, metres (3,): camera = rotation·world +
            translation.
        focal: focal lengths (fx, fy) in pixels.
        centre: principal point (cx, cy) in pixels.
        radial: k1, k2, k3.
        tangential: p1, p2.
        distortion: which formula the coefficients belong to.
        image_size: (width, height) in pixels.

    Raises:
        ValueError: values that are not finite, a focal length that is not positive, or a rotation that is
            none.
    """

    name: str
    rotation: Float[np.ndarray, "3 3"]
    translation: Float[np.ndarray, " 3"]
    focal: Float[np.ndarray, " 2"]
    centre: Float[np.ndarray, " 2"]
    radial: Float[np.ndarray, " 3"]
    tangential: Float[np.ndarray, " 2"]
    distortion: Distortion
    image_size: tuple[int, int]

    def __post_init__(self) -> None:
        for field in ("rotation", "translation", "focal", "centre", "radial", "tangential"):
            if not np.isfinite(getattr(self, field)).all():
                raise ValueError(f"camera {self.name}: {field} is not finite: {getattr(self, field)}")
        if not (self.focal > 0).all():
            raise ValueError(f"camera {self.name}: focal lengths must be positive, got {self.focal}")
        turned = self.rotation @ self.rotation.T
        if not np.allclose(turned, np.eye(3), atol=1e-6) or np.linalg.det(self.rotation) < 0:
            raise ValueError(f"camera {self.name}: expected a rotation, got the matrix {self.rotation}")

    @property
    def position(self) -> Float[np.ndarray, " 3"]:
        """The camera's centre in the world, metres."""
        return -self.rotation.T @ self.translation

    def to_camera(self, world: Float[np.ndarray, "*batch 3"]) -> Float[np.ndarray, "*batch 3"]:
        """World joints in this camera's frame, metres; NaN stays NaN."""
        return world @ self.rotation.T + self.translation

    def project(self, camera: Float[np.ndarray, "*batch 3"]) -> Float[np.ndarray, "*batch 2"]:
        """Camera-frame joints (metres) to keypoints in pixels, in the distorted image; NaN stays NaN.

        Raises:
            ValueError: where a point lies behind the camera.
        """
        depth = camera[..., 2:]
        if behind := int((depth <= 0).sum()):
            raise ValueError(
                f"{behind} points lie behind camera {self.name}; check that joints and camera belong together"
            )
        xy = camera[..., :2] / depth
        r2 = (xy**2).sum(axis=-1, keepdims=True)
        radial = 1 + r2 * (self.radial[0] + r2 * (self.radial[1] + r2 * self.radial[2]))
        swapped = self.tangential[::-1]  # p2 goes with x, p1 with y
        cross = TANGENTIAL_GAIN[self.distortion] * (xy * swapped).sum(axis=-1, keepdims=True)
        return (xy * (radial + cross) + swapped * r2) * self.focal + self.centre
