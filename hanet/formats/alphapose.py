"""AlphaPose's ``alphapose-results.json``, by default or as written with ``--format cmu`` or ``open``.

By default a list like COCO's results: ``image_id`` (an image's name, or its number), ``keypoints`` (51
numbers), ``score``, ``box`` (x, y, width, height) and with tracking ``idx``. The other two forms are objects
by image name: ``bodies`` with ``joints``, or ``people`` with ``pose_keypoints_2d``, of 18 keypoints; the
neck, which AlphaPose makes from the shoulders, is dropped.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, FiniteFloat, RootModel

from hanet.formats.documents import OPENPOSE18_TO_COCO17, KeypointFileError, check, load, locate, person
from hanet.formats.linking import MAX_DISTANCE, Person, Video, sequences
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import COCO17


class _Result(BaseModel):
    image_id: str | int
    keypoints: list[FiniteFloat]
    score: FiniteFloat | None = None
    box: list[FiniteFloat] | None = None
    idx: Any = None


class _Body(BaseModel):
    joints: list[FiniteFloat]


class _Bodies(BaseModel):
    bodies: list[_Body]


class _Human(BaseModel):
    pose_keypoints_2d: list[FiniteFloat]


class _People(BaseModel):
    people: list[_Human]


class _Results(RootModel[list[_Result]]):
    pass


class _Cmu(RootModel[dict[str, _Bodies]]):
    pass


class _Open(RootModel[dict[str, _People]]):
    pass


def read_alphapose(
    path: Path,
    *,
    fps: float,
    name: str | None = None,
    image_size: tuple[int, int] | None = None,
    min_score: float = 0.0,
    max_distance: float = MAX_DISTANCE,
) -> list[PoseSequence]:
    """The people in a file of AlphaPose, on COCO17.

    Args:
        path: the results.
        fps: frames per second.
        name: the video, where image names are bare numbers (as for videos: ``17.jpg``); None for the name of
            the folder the file lies in.
        image_size: (width, height) in pixels, which the file does not tell.
        min_score: people of a lower ``score`` are left out.
        max_distance: for people without ``idx``, see `hanet.formats.linking.associate`.

    Raises:
        FileNotFoundError: no such file.
        KeypointFileError: not JSON, another format, a wrong count of keypoints, an image without frame
            number or with a negative one; the message names the entry.
        ValueError: track numbers that are incomplete or come twice in a frame.
    """
    document = load(path)
    default = name or path.absolute().parent.name
    videos: dict[str, Video] = {}
    images: dict[tuple[str, int], str | int] = {}
    found = _listed(document, path, min_score) if isinstance(document, list) else _by_image(document, path)
    for image, detected in found:
        place = _place(image, default, detected.where)
        if images.setdefault(place, image) != image:
            raise KeypointFileError(
                f"{detected.where}: {image!r} and {images[place]!r} are both frame {place[1]} of {place[0]}; "
                "give each video its own folder"
            )
        videos.setdefault(place[0], Video(place[0], image_size)).add(place[1], detected)
    return [s for video in videos.values() for s in sequences(video, COCO17, fps, max_distance=max_distance)]


def _listed(document: Any, path: Path, min_score: float) -> Iterator[tuple[str | int, Person]]:
    expected = "AlphaPose's list: image_id, keypoints, score"
    for i, result in enumerate(check(_Results, document, path, expected=expected).root):
        if result.score is not None and result.score < min_score:
            continue
        where = f"{path}, entry {i}"
        track = None if result.idx is None else _track(result.idx, where)
        yield (
            result.image_id,
            person(result.keypoints, where, joints=len(COCO17), box=result.box, track=track),
        )


def _by_image(document: Any, path: Path) -> Iterator[tuple[str, Person]]:
    cmu = isinstance(document, dict) and any("bodies" in v for v in document.values() if isinstance(v, dict))
    expected = "AlphaPose's object by image name, with 'bodies' or 'people'"
    if cmu:
        bodies = check(_Cmu, document, path, expected=expected).root
        named = {image: [body.joints for body in found.bodies] for image, found in bodies.items()}
    else:
        people = check(_Open, document, path, expected=expected).root
        named = {image: [h.pose_keypoints_2d for h in found.people] for image, found in people.items()}
    for image, bodies in named.items():
        for i, numbers in enumerate(bodies):
            where = f"{path}, entry {image}.{i}"
            if len(numbers) != 54:
                raise KeypointFileError(
                    f"{where}: {len(numbers)} numbers, expected 54: x, y and score of 18 keypoints; run a "
                    "model trained on COCO"
                )
            kept = np.reshape(numbers, (18, 3))[OPENPOSE18_TO_COCO17].ravel().tolist()
            yield image, person(kept, where, joints=len(COCO17), box=None, track=None)


def _place(image: str | int, default: str, where: str) -> tuple[str, int]:
    place = (default, image) if isinstance(image, int) else locate(image, default=default)
    if place is None or place[1] < 0:
        raise KeypointFileError(
            f"{where}: image_id {image!r} gives no frame, expected a name that ends in a number or a number "
            "from 0 on; rename the images"
        )
    return place


def _track(idx: Any, where: str) -> int:
    """The number, which some trackers wrap in lists of one or more (the first is the person's own)."""
    value = idx
    while isinstance(value, list) and value:
        value = value[0]
    if isinstance(value, bool) or not isinstance(value, int | float) or int(value) != value:
        raise KeypointFileError(f"{where}: idx {idx!r} is no track number; track again")
    return int(value)
