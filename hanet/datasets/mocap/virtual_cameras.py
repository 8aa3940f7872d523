"""Virtual cameras around a motion capture clip: ground truth as in a 3D data set filmed by real cameras."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from hanet.datasets.common.view import View
from hanet.datasets.mocap.clips import Clip
from hanet.poses.boxes import person_boxes
from hanet.poses.cameras import Camera, look_at
from hanet.poses.gaps import consecutive
from hanet.poses.names import name_seed
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import H36M17

# Human3.6M's cameras, rounded: focal length in pixels and image size.
FOCAL = 1145.0
IMAGE_SIZE = (1000, 1000)


def cameras_around(
    clip: Clip, count: int, *, seed: int, distance: tuple[float, float], off_centre: float
) -> list[Camera]:
    """Cameras spread evenly in azimuth (with jitter), 0-25° high, far enough to see the whole clip.

    Args:
        clip: the clip to look at.
        count: number of cameras.
        seed: combined with the clip's name to seed the random generator.
        distance: range of distances in metres; a larger clip is seen from further away.
        off_centre: maximum offset (metres, per axis) of the point that cameras look at from the clip's
            middle.
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


def views(clip: Clip, camera: Camera, number: int) -> Iterator[View]:
    """Every run of consecutive frames of `clip` in a camera; sequences are ``clip/camK``, K its number."""
    joints = camera.to_camera(clip.joints)
    keypoints = camera.project(joints)
    name = f"{clip.name}/cam{number}"
    for rows in consecutive(clip.frames):
        start = int(clip.frames[rows.start])
        pose3d = PoseSequence.joints(
            name,
            joints[rows].astype(np.float32),
            H36M17,
            fps=clip.fps,
            frame_of_reference="camera",
            start=start,
            image_size=camera.image_size,
        )
        pose2d = PoseSequence.keypoints(
            name,
            keypoints[rows].astype(np.float32),
            H36M17,
            fps=clip.fps,
            start=start,
            boxes=person_boxes(keypoints[rows]).astype(np.float32),
            image_size=camera.image_size,
        )
        yield View(pose2d, pose3d.root_relative())
