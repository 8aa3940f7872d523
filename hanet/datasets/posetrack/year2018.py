"""PoseTrack2018 from its annotation files: one COCO-like JSON file per video.

Andriluka et al., *PoseTrack: A Benchmark for Human Pose Estimation and Tracking*, CVPR 2018. These fields are
read:

- ``images``: ``id``, ``file_name`` (named by the frame's number, from 0), ``is_labeled``, and where given
  ``width``, ``height``, ``ignore_regions_x`` and ``ignore_regions_y`` (one list of numbers per polygon);
- ``annotations``: ``image_id``, ``track_id``, ``keypoints`` (17 × x, y, v), ``bbox`` and ``bbox_head`` (x, y,
  width, height);
- ``categories``: the names of the keypoints, which must be those of POSETRACK17 in its order.

Coordinates are pixels as stored. A keypoint at (0, 0) or (−1, −1) was not annotated, as both ears never were;
the flag v is not read.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from pydantic import BaseModel, FiniteFloat

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
from hanet.poses.skeletons import POSETRACK17
from hanet.poses.video_labels import Box, Polygon, PoseTrackVideo

_Rectangle = tuple[FiniteFloat, FiniteFloat, FiniteFloat, FiniteFloat]


class _Image(BaseModel):
    id: int
    file_name: str
    is_labeled: bool = False
    width: int | None = None
    height: int | None = None
    ignore_regions_x: list[list[FiniteFloat]] = []
    ignore_regions_y: list[list[FiniteFloat]] = []


class _Annotation(BaseModel):
    image_id: int
    track_id: int
    keypoints: list[FiniteFloat]
    bbox: _Rectangle | None = None
    bbox_head: _Rectangle | None = None


class _Category(BaseModel):
    keypoints: list[str]


class _File(BaseModel):
    images: list[_Image]
    annotations: list[_Annotation] = []
    categories: list[_Category]


def read_posetrack18(folder: Path) -> Iterator[tuple[PoseTrackVideo, tuple[PoseSequence, ...]]]:
    """Every video of an official split's folder, sorted by name, one at a time; see `read_video`.

    Raises:
        PoseTrackError: an empty folder, or as `read_video`.
    """
    return map(read_video, annotation_files(folder))


def read_video(path: Path) -> tuple[PoseTrackVideo, tuple[PoseSequence, ...]]:
    """Read one video: its labels, and its tracks as sequences on POSETRACK17, named like the file.

    A frame with annotations counts as labelled even if ``is_labeled`` is false.

    Raises:
        PoseTrackError: a missing or truncated file, another layout, other keypoints, an annotation of an
            unlisted image, an image or a track twice in a frame; the message names the file and the remedy.
    """
    file = parse(path, _File)
    joints = tuple(POSETRACK17.joints)
    for category in file.categories:
        names = tuple(n.replace("left_", "l_").replace("right_", "r_") for n in category.keypoints)
        if names != joints:
            raise PoseTrackError(
                f"{path}: keypoints are {', '.join(names) or 'none'}, expected {', '.join(joints)}; this is "
                "not a file of PoseTrack2018"
            )
    frames = {image.id: frame_number(image.file_name, path) for image in file.images}
    if len(set(frames.values())) != len(file.images):
        raise PoseTrackError(f"{path}: an image is listed twice; get the file again")
    people = [_person(annotation, frames, path) for annotation in file.annotations]
    sizes = {(i.width, i.height) for i in file.images if i.width is not None and i.height is not None}
    size = sizes.pop() if len(sizes) == 1 else None
    tracks = tuple(sequences(people, path=path, skeleton=POSETRACK17, image_size=size))
    labelled = {frames[image.id] for image in file.images if image.is_labeled}
    video = PoseTrackVideo(
        name=path.stem,
        images={frames[image.id]: image.file_name for image in file.images},
        labelled=tuple(sorted(labelled | {person.frame for person in people})),
        heads={(person.track, person.frame): person.head for person in people},
        ignore={frames[image.id]: _polygons(image, path) for image in file.images if image.ignore_regions_x},
    )
    return video, tracks


def _person(annotation: _Annotation, frames: dict[int, int], path: Path) -> Person:
    if annotation.image_id not in frames:
        raise PoseTrackError(
            f"{path}: an annotation of image_id {annotation.image_id}, which is not among the images; get "
            "the file again"
        )
    frame = frames[annotation.image_id]
    if len(annotation.keypoints) != 3 * len(POSETRACK17):
        raise PoseTrackError(
            f"{path}: track {annotation.track_id} in frame {frame} has {len(annotation.keypoints)} numbers "
            f"of keypoints, expected {3 * len(POSETRACK17)} (x, y, v of each joint); get the file again"
        )
    keypoints = np.array(annotation.keypoints, dtype=np.float64).reshape(-1, 3)[:, :2]
    keypoints[unlabelled_codes(keypoints)] = np.nan
    return Person(
        track=annotation.track_id,
        frame=frame,
        keypoints=keypoints,
        head=_corners(annotation.bbox_head),
        box=_corners(annotation.bbox),
    )


def _corners(rectangle: _Rectangle | None) -> Box | None:
    if rectangle is None:
        return None
    x, y, width, height = rectangle
    return x, y, x + width, y + height


def _polygons(image: _Image, path: Path) -> tuple[Polygon, ...]:
    if [len(xs) for xs in image.ignore_regions_x] != [len(ys) for ys in image.ignore_regions_y]:
        raise PoseTrackError(
            f"{path}: image {image.file_name}: ignore_regions_x and ignore_regions_y differ in length; get "
            "the file again"
        )
    regions = zip(image.ignore_regions_x, image.ignore_regions_y, strict=True)
    return tuple(tuple(zip(xs, ys, strict=True)) for xs, ys in regions)
