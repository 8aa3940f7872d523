"""PoseTrack2017 from its annotation files: one JSON file per video, with MATLAB's one-element lists.

Iqbal et al., *PoseTrack: Joint Multi-Person Pose Estimation and Tracking*, CVPR 2017. ``annolist`` has one
entry per frame. These fields are read:

- ``image`` → ``name``, named by the frame's number, mostly from 1; ``is_labeled`` where given;
- ``annorect``: a person's ``track_id``, head box ``x1``, ``y1``, ``x2``, ``y2``, and ``annopoints`` →
  ``point``: ``id``, ``x``, ``y``; ids 0 to 14 are the joints of POSETRACK15 in its order;
- ``ignore_regions`` → ``point``: corners ``x``, ``y`` of polygons.

Coordinates are pixels as stored. A keypoint at (0, 0) or (−1, −1) counts as not annotated; ``is_visible`` is
not read. The files have no person boxes: boxes are computed from the labelled joints, by PoseTrack2018's
rule.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import BaseModel, Field, FiniteFloat

from hanet.datasets.posetrack.videos import (
    Person,
    PoseTrackError,
    annotation_files,
    frame_number,
    parse,
    sequences,
    unlabelled_codes,
)
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import POSETRACK15
from hanet.poses.video_labels import Box, PoseTrackVideo

_Number = tuple[FiniteFloat]
_JointId = Annotated[int, Field(ge=0, lt=len(POSETRACK15))]


class _Point(BaseModel):
    id: tuple[_JointId]
    x: _Number
    y: _Number


class _Points(BaseModel):
    point: list[_Point] = []


class _Rect(BaseModel):
    track_id: tuple[int]
    x1: _Number | None = None
    y1: _Number | None = None
    x2: _Number | None = None
    y2: _Number | None = None
    annopoints: list[_Points] = []


class _Image(BaseModel):
    name: str


class _Corner(BaseModel):
    x: _Number
    y: _Number


class _Region(BaseModel):
    point: list[_Corner]


class _Frame(BaseModel):
    image: Annotated[list[_Image], Field(min_length=1, max_length=1)]
    annorect: list[_Rect] = []
    is_labeled: list[bool] = []
    ignore_regions: list[_Region] = []


class _File(BaseModel):
    annolist: list[_Frame]


def read_posetrack17(folder: Path) -> Iterator[tuple[PoseTrackVideo, tuple[PoseSequence, ...]]]:
    """Every video of an official split's folder, sorted by name, one at a time; see `read_video`.

    Raises:
        PoseTrackError: an empty folder, or as `read_video`.
    """
    return map(read_video, annotation_files(folder))


def read_video(path: Path) -> tuple[PoseTrackVideo, tuple[PoseSequence, ...]]:
    """Read one video: its labels, and its tracks as sequences on POSETRACK15, named like the file.

    A frame is labelled where ``is_labeled`` is true or where it has annotations.

    Raises:
        PoseTrackError: a missing or truncated file, another layout, an unknown or repeated joint, a frame
            twice, or a track twice in a frame; the message names the file and the remedy.
    """
    annolist = parse(path, _File).annolist
    entries = {frame_number(entry.image[0].name, path): entry for entry in annolist}
    if len(entries) != len(annolist):
        raise PoseTrackError(f"{path}: an image is listed twice; get the file again")
    people = [_person(rect, frame, path) for frame, entry in entries.items() for rect in entry.annorect]
    tracks = tuple(sequences(people, path=path, skeleton=POSETRACK15, image_size=None))
    labelled = {frame for frame, entry in entries.items() if any(entry.is_labeled) or entry.annorect}
    video = PoseTrackVideo(
        name=path.stem,
        images={frame: entry.image[0].name for frame, entry in entries.items()},
        labelled=tuple(sorted(labelled)),
        heads={(person.track, person.frame): person.head for person in people},
        ignore={
            frame: tuple(tuple((c.x[0], c.y[0]) for c in region.point) for region in entry.ignore_regions)
            for frame, entry in entries.items()
            if entry.ignore_regions
        },
    )
    return video, tracks


def _person(rect: _Rect, frame: int, path: Path) -> Person:
    keypoints = np.full((len(POSETRACK15), 2), np.nan)
    for point in (point for points in rect.annopoints for point in points.point):
        joint = point.id[0]
        if np.isfinite(keypoints[joint]).all():
            raise PoseTrackError(
                f"{path}: track {rect.track_id[0]} in frame {frame} has joint {joint} "
                f"({POSETRACK15.joints[joint]}) twice; get the file again"
            )
        keypoints[joint] = point.x[0], point.y[0]
    keypoints[unlabelled_codes(keypoints)] = np.nan
    return Person(track=rect.track_id[0], frame=frame, keypoints=keypoints, head=_head(rect))


def _head(rect: _Rect) -> Box | None:
    if rect.x1 is None or rect.y1 is None or rect.x2 is None or rect.y2 is None:
        return None
    return rect.x1[0], rect.y1[0], rect.x2[0], rect.y2[0]
