"""Files of arrays, written by other programs or as their documentation says, apart from the readers."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.formats.data.make import HERE, NODES, P, T, places

FPS = 30.0


def fixture(name: str) -> Callable[[Path], Path]:
    """A file of `tests/formats/data`, unpacked into a folder."""

    def write(folder: Path) -> Path:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if (HERE / f"{name}.gz").exists():
            path.write_bytes(gzip.decompress((HERE / f"{name}.gz").read_bytes()))
        else:
            shutil.copy(HERE / name, path)
        return path

    return write


def write_pose(folder: Path) -> Path:
    """A .pose file by pose-format: two components with depths, one of them of world landmarks."""
    from pose_format import Pose
    from pose_format.numpy import NumPyPoseBody
    from pose_format.pose_header import PoseHeader, PoseHeaderComponent, PoseHeaderDimensions

    values = np.concatenate([places(2), np.full((T, P, 3, 1), 0.5)], axis=3)
    values = np.concatenate([values, np.full((T, P, 1, 3), 0.25)], axis=2)
    scores = np.full((T, P, 4), 0.75, np.float32)
    gone = np.isnan(values).any(axis=3)
    scores[gone], values[gone] = 0, 0
    components = [
        PoseHeaderComponent("BODY", NODES, [(0, 1), (0, 2)], [(255, 0, 0), (0, 255, 0)], "XYZC"),
        PoseHeaderComponent("POSE_WORLD_LANDMARKS", ["nose"], [], [], "XYZC"),
    ]
    header = PoseHeader(0.2, PoseHeaderDimensions(640, 480, 100), components)
    path = folder / "a.pose"
    folder.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        Pose(header, NumPyPoseBody(FPS, values.astype(np.float32), scores)).write(file)
    return path


BVH = """HIERARCHY
ROOT Hips
{
\tOFFSET 0.00 0.00 0.00
\tCHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
\tJOINT Chest
\t{
\t\tOFFSET 0.0 5.21 0.0
\t\tCHANNELS 3 Zrotation Yrotation Xrotation
\t\tEnd Site
\t\t{
\t\t\tOFFSET 0 1 0
\t\t}
\t}
\tJOINT LeftKnee
\t{
\t\tOFFSET 1 0 0
\t\tCHANNELS 1 Xrotation
\t\tJOINT LeftFoot
\t\t{
\t\t\tOFFSET 0 1 0
\t\t\tCHANNELS 3 Xrotation Yrotation Zrotation
\t\t}
\t}
}
MOTION
Frames: 8
Frame Time: 0.008333
"""


def bvh_numbers() -> np.ndarray:
    """(8, 13): turns beyond 180 degrees, and a second angle near the pole."""
    rng = np.random.default_rng(0)
    start = np.array([1, 2, 3, 165, -20, 10, 100, 88, -80, 5, 10, 20, 30.0])
    numbers = start + rng.normal(size=(8, 13))
    numbers[:, 3] += 5 * np.arange(8)
    return np.round(numbers, 4)


def write_bvh(folder: Path) -> Path:
    path = folder / "walk.bvh"
    folder.mkdir(parents=True, exist_ok=True)
    rows = "".join(" ".join(f"{x:.4f}" for x in row) + " \r\n" for row in bvh_numbers())
    path.write_bytes(BVH.replace("\n", "\r\n").encode() + rows.encode())
    return path
