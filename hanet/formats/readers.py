"""Detections for training and scoring, on the skeletons of `hanet.poses`; over `hanet.formats.read`.

A person missing from a frame ends a sequence; the next begins under the same name and track at its own
``start``. Values and scores are float32, with COCO's 17 keypoints taken by name from larger sets. Notes on
what was skipped or assumed are warnings.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from hanet.formats.base import MAX_DISTANCE, PoseFile, ReadOptions
from hanet.formats.missing import present
from hanet.formats.registry import read
from hanet.poses.gaps import runs
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import COCO17, SKELETONS


def read_coco(
    path: Path,
    *,
    fps: float,
    images: Path | None = None,
    name: str | None = None,
    min_score: float = 0.0,
    max_distance: float = MAX_DISTANCE,
) -> list[PoseSequence]:
    """The people in a file of COCO keypoint results, see `hanet.formats.coco`.

    Args:
        path: the results.
        fps: frames per second.
        images: annotation file with the table of images, or None.
        name: the video, where image names do not say; None for the file's name.
        min_score: people of a lower ``score`` are left out.
        max_distance: for people without ``track_id``, see `hanet.formats.linking.associate`.

    Raises:
        FileNotFoundError: no such file.
        FormatError: not such a file; the message names the entry.
    """
    return _read("coco", path, _options(fps, name, min_score, max_distance, images=images))


def read_openpose(
    folder: Path,
    *,
    fps: float,
    image_size: tuple[int, int] | None = None,
    max_distance: float = MAX_DISTANCE,
) -> list[PoseSequence]:
    """The people in a folder that OpenPose wrote, see `hanet.formats.openpose`; arguments as `read_coco`'s.

    Raises:
        FileNotFoundError: no such folder.
        FormatError: not such a folder; the message names file and entry.
    """
    return _read("openpose", folder, _options(fps, None, None, max_distance, image_size=image_size))


def read_alphapose(
    path: Path,
    *,
    fps: float,
    name: str | None = None,
    image_size: tuple[int, int] | None = None,
    min_score: float = 0.0,
    max_distance: float = MAX_DISTANCE,
) -> list[PoseSequence]:
    """The people in a file of AlphaPose, see `hanet.formats.alphapose`; arguments as `read_coco`'s.

    Raises:
        FileNotFoundError: no such file.
        FormatError: not such a file; the message names the entry.
    """
    options = _options(fps, name, min_score, max_distance, image_size=image_size)
    return _read("alphapose", path, options)


def read_mmpose(
    path: Path,
    *,
    fps: float,
    name: str | None = None,
    image_size: tuple[int, int] | None = None,
    min_score: float = 0.0,
    max_distance: float = MAX_DISTANCE,
) -> list[PoseSequence]:
    """The people in MMPose's file of a video or folder of images, see `hanet.formats.mmpose`.

    Arguments are as `read_coco`'s; `min_score` is of ``bbox_score``.

    Raises:
        FileNotFoundError: nothing there.
        FormatError: not such a file; the message names the entry.
    """
    options = _options(fps, name, min_score, max_distance, image_size=image_size)
    return _read("mmpose", path, options)


def _options(
    fps: float,
    name: str | None,
    min_score: float | None,
    max_distance: float,
    *,
    images: Path | None = None,
    image_size: tuple[int, int] | None = None,
) -> ReadOptions:
    return ReadOptions(
        fps=fps,
        name=name,
        min_person_score=min_score,
        max_distance=max_distance,
        max_gap=0,
        images=images,
        image_size=image_size,
    )


def _read(format: str, path: Path, options: ReadOptions) -> list[PoseSequence]:
    poses = read(path, options, format=format)
    for note in poses.notes:
        warnings.warn(f"{path}: {note}", stacklevel=3)
    return detections(poses)


def detections(poses: PoseFile) -> list[PoseSequence]:
    """Every track of a file, cut where the person is missing."""
    return [piece for track in poses.tracks for piece in _pieces(_common(track))]


def _common(track: PoseSequence) -> PoseSequence:
    """The track on COCO's keypoints, unless its skeleton is one of `hanet.poses` or has not all of them."""
    if track.skeleton.name in SKELETONS or not set(COCO17.joints) <= set(track.skeleton.joints):
        return track
    from hanet.poses.video_labels import by_name  # imports pydantic

    return by_name(track, COCO17)


def _pieces(track: PoseSequence) -> Sequence[PoseSequence]:
    with np.errstate(over="ignore"):
        values = track.values.astype(np.float32)
    known = present(values)
    values = np.where(known[..., None], values, np.float32(np.nan))
    whole = replace(
        track,
        values=values,
        scores=None if track.scores is None else track.scores.astype(np.float32),
        labelled=known,
        boxes=None if track.boxes is None else track.boxes.astype(np.float32),
    )
    pieces = [whole.part(rows) for rows in runs(np.asarray(known.any(axis=1)))]
    return [
        replace(piece, boxes=None)
        if piece.boxes is not None and not np.isfinite(piece.boxes).all()
        else piece
        for piece in pieces
    ]
