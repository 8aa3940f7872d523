"""AIST++ as sequences: ground truth and detections in every camera.

`hanet.datasets.aist.files` describes the files and the splits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from hanet.datasets.aist.files import (
    FPS,
    REMEDY,
    AistError,
    read_cameras,
    read_detected,
    read_motion,
    read_world,
    sequence_names,
    subject_of,
)
from hanet.datasets.aist.options import CAMERAS
from hanet.datasets.common.lsp14 import to_lsp14
from hanet.datasets.common.view import View
from hanet.formats.missing import LARGEST
from hanet.poses.boxes import person_boxes
from hanet.poses.cameras import CalibratedCamera
from hanet.poses.gaps import interpolate
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import COCO17, LSP14, Skeleton
from hanet.smpl.tracks import SmplTrack

__all__ = [
    "FPS",
    "AistError",
    "read_bodies",
    "read_cameras",
    "read_detections",
    "read_motion",
    "read_views",
    "read_world",
    "sequence_names",
    "subject_of",
]


def read_views(
    folder: Path,
    names: Sequence[str],
    *,
    cameras: Sequence[str] = CAMERAS,
    skeleton: Skeleton = LSP14,
    optimised: bool = True,
) -> Iterator[View]:
    """Ground truth of sequences in every camera: keypoints in the distorted image and root-relative joints.

    Frames without both hips have no root and so no joints, only keypoints. Memory holds one sequence.

    Args:
        folder: the annotations.
        names: as `sequence_names` gives them.
        cameras: names of the cameras to take.
        skeleton: ``COCO17``, or ``LSP14``: 12 of its joints have the name of a COCO keypoint and are
            labelled; the thorax is the middle of the shoulders, near it and not labelled; the head top is NaN
            (see `hanet.datasets.common.lsp14.to_lsp14`, also for why errors on these are not those that
            papers report).
        optimised: as for `read_world`.

    Raises:
        AistError: as `read_world` and `read_cameras`, another skeleton, an unknown camera, or joints behind a
            camera.
    """
    if skeleton not in (LSP14, COCO17):
        raise AistError(f"skeleton must be {LSP14.name} or {COCO17.name}, got {skeleton.name}")
    for name in names:
        calibration = read_cameras(folder, name)
        world = read_world(folder, name, optimised=optimised)
        for camera in _chosen(cameras, calibration, folder, name):
            try:
                yield _view(f"{name}/{camera.name}", world, camera, skeleton)
            except ValueError as error:
                raise AistError(f"{folder / 'keypoints3d' / name}.pkl: {error}; {REMEDY}") from None


def _view(
    name: str, world: Float[np.ndarray, "T 17 3"], camera: CalibratedCamera, skeleton: Skeleton
) -> View:
    joints = camera.to_camera(world)
    keypoints = camera.project(joints)
    boxes = _boxes(keypoints)
    named = np.ones(17, dtype=bool)
    if skeleton == LSP14:
        joints, named = to_lsp14(joints, COCO17)
        keypoints, _ = to_lsp14(keypoints, COCO17)
    relative = joints - joints[:, list(skeleton.root)].mean(axis=1, keepdims=True)
    return View(
        PoseSequence.keypoints(
            name,
            keypoints.astype(np.float32),
            skeleton,
            fps=FPS,
            labelled=named & np.isfinite(keypoints).all(axis=2),
            boxes=boxes,
            image_size=camera.image_size,
        ),
        PoseSequence.joints(
            name,
            relative.astype(np.float32),
            skeleton,
            fps=FPS,
            frame_of_reference="camera_root_relative",
            labelled=named & np.isfinite(relative).all(axis=2),
            image_size=camera.image_size,
        ),
    )


def read_bodies(
    folder: Path, names: Sequence[str], *, cameras: Sequence[str] = CAMERAS
) -> Iterator[SmplTrack]:
    """SMPL of sequences in every camera, in the order of `read_views`: root orientations in the camera frame,
    translation unknown.

    Args:
        folder: the annotations.
        names: as `sequence_names` gives them.
        cameras: names of the cameras to take.

    Raises:
        AistError: as `read_motion` and `read_cameras`, or an unknown camera.
    """
    for name in names:
        body = read_motion(folder, name)
        for camera in _chosen(cameras, read_cameras(folder, name), folder, name):
            seen = body.turned(camera.rotation)
            yield seen.with_poses(replace(seen.poses, name=f"{name}/{camera.name}"))


def read_detections(
    folder: Path, names: Sequence[str], *, cameras: Sequence[str] = CAMERAS
) -> Iterator[PoseSequence]:
    """Detections in every camera on COCO17, pixels, with scores: an estimator's output.

    All values are finite, as refinement requires: missing keypoints are interpolated over time (the nearest
    value at the ends), with score 0 and not labelled. A camera in which some joint was never detected is left
    out. Scores may slightly exceed 1.

    Args:
        folder: the annotations.
        names: as `sequence_names` gives them.
        cameras: names of the cameras to take.

    Raises:
        AistError: a file that is missing, damaged, unsafe to read or laid out otherwise, or an unknown
            camera.
    """
    for name in names:
        stored = read_detected(folder, name)
        for camera in _chosen(cameras, read_cameras(folder, name), folder, name):
            found = stored[CAMERAS.index(camera.name)]
            seen = (np.abs(found) < LARGEST).all(axis=2)
            if not seen.any(axis=0).all():
                continue
            keypoints = _filled(found[..., :2], seen)
            yield PoseSequence.keypoints(
                f"{name}/{camera.name}",
                keypoints.astype(np.float32),
                COCO17,
                fps=FPS,
                scores=np.where(seen, found[..., 2], 0).astype(np.float32),
                labelled=seen,
                boxes=_boxes(keypoints),
                image_size=camera.image_size,
            )


def _chosen(
    cameras: Sequence[str], calibration: dict[str, CalibratedCamera], folder: Path, name: str
) -> list[CalibratedCamera]:
    if unknown := [c for c in cameras if c not in CAMERAS or c not in calibration]:
        raise AistError(
            f"{folder}, {name}: expected cameras among {', '.join(calibration)}, got {', '.join(unknown)}; "
            "name others or correct the camera's setting"
        )
    return [calibration[camera] for camera in cameras]


def _boxes(keypoints: Float[np.ndarray, "T J 2"]) -> Float[np.ndarray, "T 4"]:
    """Boxes around the known keypoints; NaN in a frame without any."""
    some = np.fmin.reduce(keypoints, axis=1, keepdims=True)  # inside the box, so that it does not change it
    return person_boxes(np.where(np.isnan(keypoints), some, keypoints)).astype(np.float32)


def _filled(values: Float[np.ndarray, "T J 2"], seen: Bool[np.ndarray, "T J"]) -> Float[np.ndarray, "T J 2"]:
    known = np.where(seen[..., None], values, np.nan).reshape(len(values), -1)
    rows = np.arange(len(values))
    return interpolate(known, rows, rows).reshape(values.shape).astype(values.dtype)
