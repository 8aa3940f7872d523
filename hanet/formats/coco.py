"""COCO keypoint results: ``[{"image_id", "category_id", "keypoints": 51 numbers, "score"}, …]``.

An annotation file's table ``images`` (``id``, ``file_name``, ``width``, ``height``) says which image is which
frame of which video. Without one the image's number is the frame and the file one video. ``bbox`` (x, y,
width, height) and ``track_id`` are read where results have them.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, FiniteFloat, PositiveInt, RootModel

from hanet.formats.documents import KeypointFileError, check, load, locate, person
from hanet.formats.linking import MAX_DISTANCE, Video, sequences
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import COCO17

PERSON = 1
"""COCO's category of people; others are not read."""


class _Result(BaseModel):
    image_id: int
    category_id: int = PERSON
    keypoints: list[FiniteFloat]
    score: FiniteFloat | None = None
    bbox: list[FiniteFloat] | None = None
    track_id: int | None = None


class _Image(BaseModel):
    id: int
    file_name: str
    width: PositiveInt | None = None
    height: PositiveInt | None = None


class _Annotations(BaseModel):
    images: list[_Image]


class _Results(RootModel[list[_Result]]):
    pass


def read_coco(
    path: Path,
    *,
    fps: float,
    images: Path | None = None,
    name: str | None = None,
    min_score: float = 0.0,
    max_distance: float = MAX_DISTANCE,
) -> list[PoseSequence]:
    """The people in a file of COCO keypoint results, on COCO17.

    Args:
        path: the results.
        fps: frames per second.
        images: annotation file with the table of images, or None.
        name: the video, where image names do not say; None for the file's name.
        min_score: people of a lower ``score`` are left out.
        max_distance: for people without ``track_id``, see `hanet.formats.linking.associate`.

    Raises:
        FileNotFoundError: no such file.
        KeypointFileError: not JSON, another format, a wrong count of keypoints, an image that is not in the
            table, a negative frame, images of different sizes in one video; the message names the entry.
        ValueError: track numbers that are incomplete or come twice in a frame.
    """
    expected = "a list of COCO keypoint results: image_id, category_id, keypoints, score"
    results = check(_Results, load(path), path, expected=expected).root
    default = name or path.stem
    table = None if images is None else _table(images, default)
    videos: dict[str, Video] = {}
    for i, result in enumerate(results):
        where = f"{path}, entry {i}"
        if result.category_id != PERSON or (result.score is not None and result.score < min_score):
            continue
        found = person(result.keypoints, where, joints=len(COCO17), box=result.bbox, track=result.track_id)
        if table is None:
            if result.image_id < 0:
                raise KeypointFileError(
                    f"{where}: image_id {result.image_id} is no frame, frames count from 0; or name images "
                    "by an annotation file"
                )
            video, frame, size = default, result.image_id, None
        elif result.image_id in table:
            video, frame, size = table[result.image_id]
        else:
            raise KeypointFileError(f"{where}: image {result.image_id} is not in {images}; give its own file")
        videos.setdefault(video, Video(video, size)).add(frame, found)
    return [s for video in videos.values() for s in sequences(video, COCO17, fps, max_distance=max_distance)]


def _table(path: Path, default: str) -> dict[int, tuple[str, int, tuple[int, int] | None]]:
    """Video, frame and size of each image by its number."""
    expected = "an annotation file with a table 'images': id, file_name, width, height"
    table, sizes, names = {}, {}, {}
    for i, image in enumerate(check(_Annotations, load(path), path, expected=expected).images):
        where = f"{path}, entry images.{i}"
        place = locate(image.file_name, default=default)
        if place is None:
            raise KeypointFileError(
                f"{where}: {image.file_name!r} ends in no frame number; rename the images"
            )
        if image.id in table:
            raise KeypointFileError(f"{where}: image {image.id} comes twice; number the images anew")
        size = None if image.width is None or image.height is None else (image.width, image.height)
        if sizes.setdefault(place[0], size) != size:
            raise KeypointFileError(
                f"{where}: {image.file_name} is of size {size}, other images of {place[0]} are "
                f"{sizes[place[0]]}; give each video its own folder"
            )
        if names.setdefault(place, image.file_name) != image.file_name:
            raise KeypointFileError(
                f"{where}: {image.file_name} and {names[place]} are both frame {place[1]} of {place[0]}; "
                "give each video its own folder"
            )
        table[image.id] = (*place, size)
    return table
