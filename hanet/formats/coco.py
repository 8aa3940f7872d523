"""COCO's keypoint results and annotation files.

Results are a list of ``{"image_id", "category_id", "keypoints", "score"}``, perhaps with ``bbox`` (x, y,
width, height) and ``track_id``; the annotation file that they belong to says which image is which frame of
which video and how the keypoints are named. Without one, an image's number is the frame, or its name says it.

An annotation file has tables ``images`` (``id``, ``file_name``, ``width``, ``height``), ``annotations`` and
``categories``. The third number of its keypoints is visibility (0, 1, 2) and no score. COCO-WholeBody's
``foot_kpts``, ``face_kpts``, ``lefthand_kpts`` and ``righthand_kpts`` are refined with the body.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, RootModel, StrictInt, StrictStr

from hanet.formats.base import FormatError, PoseFile, ReadOptions
from hanet.formats.coco_tables import Tables, named_skeleton, person_categories, places
from hanet.formats.documents import Document, Number, TrackId, check, corners, numbers, place, triples
from hanet.formats.entries import IMAGE_NAME, ImageId, add_to_list, common_set, image_for, place_people
from hanet.formats.keypoint_sets import DETECTED
from hanet.formats.linking import Person, Video
from hanet.formats.people import Add, Addition, Detections, pose_file
from hanet.formats.rows import Put, Row, put_triples
from hanet.formats.source import Source

_PARTS = ("keypoints", "foot_kpts", "face_kpts", "lefthand_kpts", "righthand_kpts")


class _Entry(BaseModel):
    image_id: StrictInt | StrictStr
    category_id: StrictInt | None = None
    keypoints: list[Any] | None = None
    scores: list[Any] | None = None
    score: Number = None
    bbox: list[Any] | None = None
    track_id: TrackId = None
    attributes: dict[str, Any] | None = None
    foot_kpts: list[Any] | None = None
    face_kpts: list[Any] | None = None
    lefthand_kpts: list[Any] | None = None
    righthand_kpts: list[Any] | None = None


class _Annotated(Tables):
    annotations: list[_Entry]


class _Results(RootModel[list[_Entry]]):
    pass


def sniff(source: Source) -> bool:
    """A list of entries by image, or an object with ``images`` or ``annotations`` like COCO's."""
    document = source.json
    if isinstance(document, list):
        first = document[0] if document else {"image_id": 0, "keypoints": []}
        if not isinstance(first, dict) or not {"image_id", "keypoints"} <= set(first):
            return False
        named = IMAGE_NAME.fullmatch(str(first["image_id"])) is not None
        return isinstance(first["keypoints"], list) and (
            "bbox" in first or not ({"box", "idx"} & set(first) or named)
        )
    if not isinstance(document, dict):
        return False
    tables = {key: document.get(key) for key in ("images", "annotations")}
    firsts = [table[0] for table in tables.values() if isinstance(table, list) and table]
    return bool(firsts) and all(
        isinstance(first, dict) and ({"id", "file_name"} <= set(first) or "image_id" in first)
        for first in firsts
    )


def read(path: Path, options: ReadOptions) -> PoseFile:
    """The people in a file of COCO keypoint results or annotations.

    Args:
        path: the file.
        options: ``images`` is the annotation file of results; ``name`` the video where image names do not
            say, by default the file's name.

    Raises:
        FileNotFoundError: no such file.
        FormatError: not JSON, another format, keypoints of several or unknown sets, an image that is not in
            the table or no frame, images of different sizes in a video, contradicting track numbers; the
            message names the entry.
        ValueError: ``image_size`` contradicts the images' sizes.
    """
    source = Document.open(path)
    document = source.parse()
    root: tuple[str, ...] = ("annotations",) if isinstance(document, dict) else ()
    if root:
        if options.images is not None:
            raise ValueError(f"{path}: has its own table of images; leave out --images")
        tables = check(_Annotated, document, path, expected="COCO's images and annotations")
        entries, tables_path = tables.annotations, path
    else:
        expected = "a list of COCO keypoint results: image_id, category_id, keypoints, score"
        entries, tables_path = check(_Results, document, path, expected=expected).root, options.images
        tables = None
        if tables_path is not None:
            expected = "an annotation file with a table 'images': id, file_name, width, height"
            tables = check(Tables, Document.open(tables_path).parse(), tables_path, expected=expected)
    if entries and not any(entry.keypoints for entry in entries):
        raise FormatError(f"{path}: no entry has keypoints; expected keypoint results or annotations")
    notes: list[str] = []
    used = {e.category_id for e in entries if e.category_id is not None and e.keypoints}
    wanted, reason = person_categories(used, tables)
    notes += [reason] if reason else []
    people = _people(entries, path, root, wanted, options, notes)
    where, sizes = places(people, path, tables, tables_path, options)
    videos: dict[str, Video] = {}
    place_people(videos, people, where, options.image_size)
    for name, video in videos.items():
        video.image_size = options.image_size or sizes.get(name)
    flags = bool(root) and _are_flags(people)
    skeleton = named_skeleton(people, wanted, tables, tables_path, options) or common_set(
        videos.values(), DETECTED, options, notes
    )
    if flags:
        videos = {name: _without_scores(video) for name, video in videos.items()}
    found = Detections(
        format="coco",
        path=path,
        documents={"": source},
        videos=videos.values(),
        skeleton=skeleton,
        put=_putter(flags),
        add=_adder({place: image for image, place in where.items()}, tables is None),
        notes=notes,
    )
    return pose_file(found, options)


def _people(
    entries: Sequence[_Entry],
    path: Path,
    root: tuple[str, ...],
    wanted: set[int],
    options: ReadOptions,
    notes: list[str],
) -> list[tuple[ImageId, Person]]:
    """The entries that are people, and a note on those that are not."""
    left_out, bare, people = 0, 0, []
    for i, entry in enumerate(entries):
        if entry.category_id is not None and entry.category_id not in wanted:
            left_out += 1
            continue
        if not entry.keypoints:
            bare += 1
            continue
        low = options.min_person_score
        if low is None or entry.score is None or entry.score >= low:
            people.append((entry.image_id, _person(entry, path, (*root, i), options)))
    if left_out:
        notes.append(f"{left_out} entries of other categories were left as they are")
    if bare:
        notes.append(f"{bare} entries without keypoints were left as they are")
    return people


def _person(entry: _Entry, path: Path, at: tuple[str | int, ...], options: ReadOptions) -> Person:
    where = place(path, at)
    keys = [key for key in _PARTS if getattr(entry, key)]
    rows = np.concatenate([triples(getattr(entry, key), where, key) for key in keys])
    scores = rows[:, 2]
    if entry.scores:  # PoseTrack's: the third number is a flag, the scores stand apart; none of annotations
        scores = numbers(entry.scores, f"{where}.scores", expected="a score of each keypoint")
        if len(scores) != len(rows):
            raise FormatError(f"{where}.scores: {len(scores)} scores, expected {len(rows)}")
    track = entry.track_id
    if track is None and entry.attributes is not None:  # CVAT's
        track = entry.attributes.get("track_id")
        track = track if type(track) is int and track >= 0 else None
    return Person(
        keypoints=rows[:, :2],
        scores=scores,
        box=corners(entry.bbox or None, where),
        track=track,
        where=where,
        at=at,
        min_score=options.min_score,
    )


def _are_flags(people: Sequence[tuple[ImageId, Person]]) -> bool:
    """Whether the third numbers are COCO's visibility: 0, 1 or 2 everywhere."""
    return all(p.scores is None or bool(np.isin(p.scores, (0, 1, 2)).all()) for _, p in people)


def _without_scores(video: Video) -> Video:
    frames = {frame: [replace(p, scores=None) for p in group] for frame, group in video.frames.items()}
    return Video(video.name, video.image_size, frames)


def _putter(flags: bool) -> Put:
    def put(entry: dict[str, Any], row: Row) -> None:
        """Write the joints into the body's list and those of feet, face and hands."""
        first = 0
        for key in _PARTS:
            if entry.get(key):
                count = len(entry[key]) // 3
                put_triples(entry[key], row, first=first, count=count, flag=flags)
                first += count

    return put


def _adder(images: Mapping[tuple[str, int], ImageId], made_up: bool) -> Add:
    def add(documents: dict[str, Any], addition: Addition) -> bool:
        """Write the person under the frame's image; without a table an image is named like the others."""
        document = documents[""]
        entries = document["annotations"] if isinstance(document, dict) else document
        index = addition.before.at[-1]
        assert isinstance(index, int)
        image = images.get((addition.video, addition.frame))
        if image is None and made_up:
            image = image_for(entries[index]["image_id"], addition.frame)
        if image is None:
            return False
        add_to_list(entries, addition, index=index, image=image)
        return True

    return add
