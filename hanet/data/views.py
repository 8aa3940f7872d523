"""Virtual cameras around a motion capture clip: ground truth as a camera of a 3D data set would give it."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from hanet.cameras import Camera, look_at
from hanet.data.clips import Clip
from hanet.poses import PoseSequence
from hanet.skeletons import H36M17

# Human3.6M's cameras, rounded: focal length in pixels and image size.
FOCAL = 1145.0
IMAGE_SIZE = (1000, 1000)
BOX_MARGIN = 1.2


@dataclass(frozen=True)
class View:
    """One camera's ground truth: keypoints (pixels) and root-relative joints (metres, camera frame)."""

    keypoints: PoseSequence
    joints: PoseSequence


def name_seed(seed: int, name: str) -> np.random.SeedSequence:
    """A seed that depends on `seed` and `name` alone, so that adding a clip changes no other."""
    return np.random.SeedSequence([seed, zlib.crc32(name.encode())])


def cameras_around(
    clip: Clip, count: int, *, seed: int, distance: tuple[float, float], off_centre: float
) -> list[Camera]:
    """Cameras spread evenly in azimuth (with jitter), 0-25° high, far enough to see the whole clip.

    Args:
        clip: the clip to look at.
        count: number of cameras.
        seed: drawn from together with the clip's name.
        distance: range of distances in metres; a clip that needs more room is seen from further away.
        off_centre: cameras look at a point up to this far (metres, each axis) from the clip's middle.
    """
    rng = np.random.default_rng(name_seed(seed, clip.name))
    points = clip.joints.reshape(-1, 3)
    centre = (points.min(axis=0) + points.max(axis=0)) / 2
    reach = np.linalg.norm(points - centre, axis=-1).max()
    half_angle = np.arctan(min(IMAGE_SIZE) / 2 / FOCAL)
    nearest = (reach + np.sqrt(3) * off_centre) / np.sin(half_angle)
    low, high = max(distance[0], nearest), max(distance[1], nearest * 1.1)
    return [
        look_at(
            centre + rng.uniform(-off_centre, off_centre, size=3),
            azimuth=2 * np.pi * (k + rng.uniform(-0.3, 0.3)) / count,
            elevation=np.deg2rad(rng.uniform(0, 25)),
            distance=rng.uniform(low, high),
            focal=FOCAL,
            image_size=IMAGE_SIZE,
        )
        for k in range(count)
    ]


def views(clip: Clip, cameras: list[Camera]) -> Iterator[View]:
    """Every run of consecutive frames of `clip` in every camera; sequences are named ``clip/camK``."""
    cuts = np.flatnonzero(np.diff(clip.frames) != 1) + 1
    for k, camera in enumerate(cameras):
        joints = camera.to_camera(clip.joints)
        keypoints = camera.project(joints)
        for rows in np.split(np.arange(len(joints)), cuts):
            name, start = f"{clip.name}/cam{k}", int(clip.frames[rows[0]])
            pose3d = PoseSequence(
                name=name,
                values=joints[rows].astype(np.float32),
                skeleton=H36M17,
                representation="3d",
                fps=clip.fps,
                unit="m",
                frame_of_reference="camera",
                start=start,
                image_size=camera.image_size,
            )
            pose2d = PoseSequence(
                name=name,
                values=keypoints[rows].astype(np.float32),
                skeleton=H36M17,
                representation="2d",
                fps=clip.fps,
                unit="px",
                frame_of_reference="image",
                start=start,
                boxes=person_boxes(keypoints[rows]).astype(np.float32),
                image_size=camera.image_size,
            )
            yield View(pose2d, pose3d.root_relative())


def person_boxes(keypoints: Float[np.ndarray, "T J 2"]) -> Float[np.ndarray, "T 4"]:
    """Boxes (x1, y1, x2, y2) around the keypoints, 20% larger."""
    low, high = keypoints.min(axis=1), keypoints.max(axis=1)
    centre, half = (low + high) / 2, (high - low) / 2 * BOX_MARGIN
    return np.concatenate([centre - half, centre + half], axis=1)
