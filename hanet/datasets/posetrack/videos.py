"""PoseTrack's videos, as read from either year's files: tracks as pose sequences, and labels for evaluation.

Videos show several people, each in some frames only. A frame is **labelled** where an annotator processed it:
the 30 frames in the middle of a video and, in validation videos, every fourth. Other frames have no poses and
no boxes. A frame's number is that of its image file. Poses are stored in the pose cache; the other inputs of
mean average precision (head boxes, regions to ignore) are stored in a separate file as `PoseTrackVideo`.

Axes: T frames, J joints.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from jaxtyping import Bool, Float
from pydantic import BaseModel, ValidationError

from hanet.files.explain import first_fault
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import Skeleton
from hanet.poses.video_labels import Box

FPS = 25.0
BOX_MARGIN = 1.3
"""A person's box is the extent of the labelled joints times this, by PoseTrack2018's rule."""

Model = TypeVar("Model", bound=BaseModel)


class PoseTrackError(ValueError):
    """An unusable PoseTrack file; the message names the file, the fault and the remedy."""


@dataclass(frozen=True, eq=False)
class Person:
    """One person in one frame, as annotated: keypoints (J, 2) in pixels, NaN where not labelled."""

    track: int
    frame: int
    keypoints: Float[np.ndarray, "J 2"]
    head: Box | None
    box: Box | None = None


def parse(path: Path, model: type[Model]) -> Model:
    """Parse and validate a JSON file.

    Raises:
        PoseTrackError: no such file, invalid or truncated JSON, or another layout, with the place.
    """
    if not path.is_file():
        raise PoseTrackError(f"{path}: no such file; unpack PoseTrack's annotations there")
    try:
        return model.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise PoseTrackError(
            f"{path}: not an annotation file as expected, {first_fault(error)}; get the file again, and "
            "check the year of the release"
        ) from error


def annotation_files(folder: Path) -> list[Path]:
    """The annotation files of an official split's folder (``annotations/train``, ``val``), sorted by name.

    Raises:
        PoseTrackError: no such folder, or an empty one.
    """
    paths = sorted(folder.glob("*.json"))
    if not paths:
        raise PoseTrackError(
            f"{folder}: no annotation file (*.json); give an official split's folder, like annotations/val"
        )
    return paths


def unlabelled_codes(keypoints: Float[np.ndarray, "*N J 2"]) -> Bool[np.ndarray, "*N J"]:
    """True where a joint is coded as missing: both coordinates 0, or both −1.

    Other negative coordinates are annotated, slightly outside the image.
    """
    return (keypoints == 0).all(axis=-1) | (keypoints == -1).all(axis=-1)


DIGITS = 6
"""Of a frame's number; a track has a row for each frame between its first and its last."""


def frame_number(image: str, path: Path) -> int:
    """The frame number in the name of an image file."""
    stem = image.replace("\\", "/").rsplit("/", 1)[-1].split(".")[0]
    if not re.fullmatch("[0-9]+", stem):
        raise PoseTrackError(
            f"{path}: image {image!r} is not named by its frame's number, like 000012.jpg; get the file again"
        )
    if len(stem.lstrip("0")) > DIGITS:
        raise PoseTrackError(
            f"{path}: expected frame numbers of up to {DIGITS} digits, got image {image!r}; get it again"
        )
    return int(stem)


def sequences(
    people: Sequence[Person],
    *,
    path: Path,
    skeleton: Skeleton,
    image_size: tuple[int, int] | None,
) -> Iterator[PoseSequence]:
    """One sequence per track, from its first to its last annotated frame, in the order of track numbers.

    Frames in between are NaN and not `labelled` where the person is absent or the frame is not labelled; so
    are joints without a label. A sequence does not begin or end with a person without keypoints.

    Raises:
        PoseTrackError: a track twice in a frame, or a coordinate that is not finite.
    """
    tracks: dict[int, dict[int, Person]] = {}
    for person in people:
        frames = tracks.setdefault(person.track, {})
        if person.frame in frames:
            raise PoseTrackError(
                f"{path}: track {person.track} is twice in frame {person.frame}; give one of the two "
                "another track_id"
            )
        frames[person.frame] = person
    for track in sorted(tracks):
        shown = [p for p in tracks[track].values() if np.isfinite(p.keypoints).any()]
        if shown:
            sequence = _sequence(path.stem, track, shown, skeleton=skeleton, image_size=image_size)
            boxes = sequence.boxes
            if np.isinf(sequence.values).any() or (boxes is not None and np.isinf(boxes).any()):
                raise PoseTrackError(
                    f"{path}: track {track} has a coordinate beyond single precision; get the file again"
                )
            yield sequence


def _sequence(
    name: str, track: int, people: list[Person], *, skeleton: Skeleton, image_size: tuple[int, int] | None
) -> PoseSequence:
    start = min(person.frame for person in people)
    T = max(person.frame for person in people) - start + 1
    values = np.full((T, len(skeleton), 2), np.nan, dtype=np.float32)
    boxes = np.full((T, 4), np.nan, dtype=np.float32)
    for person in people:
        values[person.frame - start] = person.keypoints
        boxes[person.frame - start] = person.box or joint_box(person.keypoints)
    return PoseSequence.keypoints(
        name,
        values,
        skeleton,
        fps=FPS,
        track=track,
        start=start,
        labelled=np.isfinite(values).min(axis=-1),
        boxes=boxes,
        image_size=image_size,
    )


def joint_box(keypoints: Float[np.ndarray, "J 2"]) -> Box:
    """The labelled joints' extent, 30 % larger (`BOX_MARGIN`), as x1, y1, x2, y2."""
    low, high = np.nanmin(keypoints, axis=0), np.nanmax(keypoints, axis=0)
    centre, half = (low + high) / 2, BOX_MARGIN * (high - low) / 2
    (x1, y1), (x2, y2) = centre - half, centre + half
    return float(x1), float(y1), float(x2), float(y2)
