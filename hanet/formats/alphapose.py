"""AlphaPose's ``alphapose-results.json``, by default or as written with ``--format cmu`` or ``open``.

By default a list like COCO's results: ``image_id`` (an image's name, or its number), ``keypoints`` (x, y and
score of 17, 26, 68, 133 or 136 keypoints), ``score``, ``box`` (x, y, width, height), with tracking ``idx``.
The other two forms are objects by image name: ``bodies`` with ``joints``, or ``people`` with
``pose_keypoints_2d``, of 18 keypoints (OpenPose's order; AlphaPose makes the neck from the shoulders).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, RootModel, StrictInt, StrictStr

from hanet.formats.base import FormatError, PoseFile, ReadOptions
from hanet.formats.documents import Address, Document, Number, check, corners, place, triples
from hanet.formats.entries import (
    IMAGE_NAME,
    ImageId,
    add_to_list,
    common_set,
    image_for,
    place_people,
    places_of,
)
from hanet.formats.keypoint_sets import COCO18, DETECTED, OPENPOSE18
from hanet.formats.linking import Person, Video
from hanet.formats.people import Add, Addition, Detections, pose_file
from hanet.formats.rows import Row, put_triples
from hanet.formats.source import Source

_FORMS = {"bodies": "joints", "people": "pose_keypoints_2d"}
_REMEDY = "rename the images to <video>_<frame number>"


class _Result(BaseModel):
    image_id: StrictStr | StrictInt
    keypoints: list[Any]
    score: Number = None
    box: list[Any] | None = None
    idx: Any = None


class _Body(BaseModel):
    joints: list[Any]


class _Bodies(BaseModel):
    bodies: list[_Body]


class _Human(BaseModel):
    pose_keypoints_2d: list[Any]


class _People(BaseModel):
    people: list[_Human]


class _Results(RootModel[list[_Result]]):
    pass


class _Cmu(RootModel[dict[str, _Bodies]]):
    pass


class _Open(RootModel[dict[str, _People]]):
    pass


def sniff(source: Source) -> bool:
    """A list of entries by image name or with ``box`` or ``idx``, or an object of images with people."""
    document = source.json
    if isinstance(document, list):
        first = document[0] if document else {"image_id": "0.jpg", "keypoints": []}
        if not isinstance(first, dict) or not {"image_id", "keypoints"} <= set(first):
            return False
        named = isinstance(first["image_id"], str) and IMAGE_NAME.fullmatch(first["image_id"]) is not None
        return "bbox" not in first and (named or "box" in first or "idx" in first)
    if isinstance(document, dict) and document:
        first = next(iter(document.values()))
        return isinstance(first, dict) and any(isinstance(first.get(form), list) for form in _FORMS)
    return False


def read(path: Path, options: ReadOptions) -> PoseFile:
    """The people in a file of AlphaPose.

    Args:
        path: the results.
        options: ``name`` is the video where image names are bare numbers (as for videos: ``17.jpg``), by
            default the name of the folder that the file lies in.

    Raises:
        FileNotFoundError: no such file.
        FormatError: not JSON, another format, keypoints of several or unknown sets, an image without frame
            number, or contradicting track numbers; the message names the entry.
    """
    source = Document.open(path)
    document = source.parse()
    listed = isinstance(document, list)
    people = (_listed if listed else _by_image)(document, path, options)
    notes: list[str] = []
    places = places_of(
        ((image, person.where) for image, person in people),
        default=options.name or path.absolute().parent.name,
        order=options.frames == "order",
        remedy=_REMEDY,
    )
    videos: dict[str, Video] = {}
    place_people(videos, people, places, options.image_size)
    sets = DETECTED if listed else {18: (OPENPOSE18, COCO18)}
    found = Detections(
        format="alphapose",
        path=path,
        documents={"": source},
        videos=videos.values(),
        skeleton=common_set(videos.values(), sets, options, notes),
        put=_put,
        add=_adder({place: image for image, place in places.items()}),
        notes=notes,
    )
    return pose_file(found, options)


def _listed(document: Any, path: Path, options: ReadOptions) -> list[tuple[ImageId, Person]]:
    expected = "AlphaPose's list: image_id, keypoints, score"
    people: list[tuple[ImageId, Person]] = []
    for i, result in enumerate(check(_Results, document, path, expected=expected).root):
        low = options.min_person_score
        if low is not None and result.score is not None and result.score < low:
            continue
        where = place(path, (i,))
        track = None if result.idx is None else _track(result.idx, where)
        people.append(
            (result.image_id, _person(result.keypoints, "keypoints", (i,), path, options, result.box, track))
        )
    return people


def _by_image(document: Any, path: Path, options: ReadOptions) -> list[tuple[ImageId, Person]]:
    cmu = isinstance(document, dict) and any("bodies" in v for v in document.values() if isinstance(v, dict))
    expected = "AlphaPose's object by image name, with 'bodies' or 'people'"
    if cmu:
        bodies = check(_Cmu, document, path, expected=expected).root
        named = {image: [body.joints for body in found.bodies] for image, found in bodies.items()}
    else:
        people = check(_Open, document, path, expected=expected).root
        named = {image: [h.pose_keypoints_2d for h in found.people] for image, found in people.items()}
    form = "bodies" if cmu else "people"
    return [
        (image, _person(values, _FORMS[form], (image, form, i), path, options, None, None))
        for image, group in named.items()
        for i, values in enumerate(group)
    ]


def _person(
    values: Any,
    key: str,
    at: Address,
    path: Path,
    options: ReadOptions,
    box: list[Any] | None,
    track: int | None,
) -> Person:
    where = place(path, at)
    rows = triples(values, where, key)
    return Person(
        keypoints=rows[:, :2],
        scores=rows[:, 2],
        box=corners(box, where),
        track=track,
        where=where,
        at=at,
        min_score=options.min_score,
    )


def _track(idx: Any, where: str) -> int | None:
    """The number, which some trackers wrap in lists of one or more (the first is the person's own)."""
    value = idx
    while isinstance(value, list) and value:
        value = value[0]
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or value != value // 1
        or value >= 1 << 62
    ):
        raise FormatError(f"{where}: idx {idx!r} is no track number; track again")
    return int(value) if value >= 0 else None


def _put(entry: dict[str, Any], row: Row) -> None:
    key = next(key for key in ("keypoints", *_FORMS.values()) if key in entry)
    put_triples(entry[key], row)


def _adder(images: Mapping[tuple[str, int], ImageId]) -> Add:
    def add(documents: dict[str, Any], addition: Addition) -> bool:
        """Write the person under the frame's image, which is named like the others where it is not there."""
        document, before = documents[""], addition.before
        if isinstance(document, list):
            index = before.at[0]
            assert isinstance(index, int)
            image = images.get((addition.video, addition.frame))
            image = image_for(document[index]["image_id"], addition.frame) if image is None else image
            if image is None:
                return False
            add_to_list(document, addition, index=index, image=image)
            return True
        other, form, _ = before.at
        image = images.get((addition.video, addition.frame)) or image_for(str(other), addition.frame)
        if image is None:
            return False
        document.setdefault(image, document[other] | {form: []})[form].append(addition.entry)
        return True

    return add
