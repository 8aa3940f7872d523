"""OpenPose's JSON: one file per frame, ``<video>_000000000000_keypoints.json``, in one folder.

``people`` lists ``pose_keypoints_2d`` (x, y and score of each keypoint) and ``person_id`` (``[-1]``, or with
tracking on the number). Other programs write the same layout under other names (Pose2Sim:
``cam01.0000.json``, ``cam01_000000.json``, one folder per camera) and with other keypoints (RTMLib:
Halpe-26, COCO-WholeBody).

Refined are the body's keypoints; face, hands and everything else are written back as they were.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel

from hanet.formats.base import FormatError, PoseFile, ReadOptions
from hanet.formats.documents import Document, check, open_folder, place, triples
from hanet.formats.entries import common_set, places_of_files
from hanet.formats.keypoint_sets import OPENPOSE_SETS as _SETS
from hanet.formats.linking import Person, Video
from hanet.formats.people import Add, Addition, Detections, pose_file
from hanet.formats.rows import Row, put_triples
from hanet.formats.source import Source

_EXPECTED = "OpenPose's 'people' with pose_keypoints_2d"
_KEYS = ("pose_keypoints_2d", "pose_keypoints")


class _Person(BaseModel):
    pose_keypoints_2d: list[Any] | None = None
    pose_keypoints: list[Any] | None = None
    person_id: Any = None


class _Frame(BaseModel):
    people: list[_Person]


def sniff(source: Source) -> bool:
    """A folder of objects with ``people``, a folder of such folders, or one such file."""
    if source.is_folder:
        inside = [s for s in source.files if s.path.suffix.lower() == ".json"]
        if inside:
            return any(map(_is_frame, inside[:3]))
        return any(
            _is_frame(file)
            for folder in source.folders
            for file in [s for s in folder.files if s.path.suffix.lower() == ".json"][:1]
        )
    return _is_frame(source)


def _is_frame(source: Source) -> bool:
    return isinstance(source.json, dict) and isinstance(source.json.get("people"), list)


def read(path: Path, options: ReadOptions) -> PoseFile:
    """The people in OpenPose's folder; several videos may share it, or have a folder each.

    Args:
        path: what ``--write_json`` named, a folder of such folders, or one file.
        options: ``fps`` and ``image_size`` are not in the files.

    Raises:
        FileNotFoundError: nothing there.
        FormatError: no JSON file, a name without frame number, a file that is no JSON or another format,
            keypoints of several or unknown sets, or coordinates that are not pixels.
    """
    documents = _documents(path)
    places = places_of_files(path, documents, options)
    videos: dict[str, Video] = {}
    for name, document in documents.items():
        video, frame = places[name]
        group = videos.setdefault(video, Video(video, options.image_size))
        content = check(_Frame, document.parse(), document.path, expected=_EXPECTED)
        for i, found in enumerate(content.people):
            person = _person(found, document.path, name, i, options)
            if person is not None:
                group.add(frame, person)
    notes: list[str] = []
    skeleton = common_set(videos.values(), _SETS, options, notes)
    for video in videos.values():
        _check_pixels(video, path)
    found = Detections(
        format="openpose",
        path=path,
        documents=documents,
        videos=videos.values(),
        skeleton=skeleton,
        put=_put,
        add=_adder({place: name for name, place in places.items()}),
        notes=notes,
    )
    return pose_file(found, options)


def _documents(path: Path) -> dict[str, Document]:
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such folder; check the path")
    if path.is_file():
        return {"": Document.open(path)}
    documents = open_folder(path, path.glob("*.json"), Document.open)
    documents = documents or open_folder(path, path.glob("*/*.json"), Document.open)
    if not documents:
        raise FormatError(
            f"{path}: no file <video>_000000000000_keypoints.json; give the folder of --write_json"
        )
    return documents


def _person(found: _Person, path: Path, name: str, i: int, options: ReadOptions) -> Person | None:
    """The person; None for an empty list, which stands for nobody."""
    at = ("people", i)
    key = _key(found.model_dump(exclude_none=True))
    where = place(path, at)
    if key is None:
        raise FormatError(f"{where}: pose_keypoints_2d is missing; expected {_EXPECTED}")
    values = getattr(found, key)
    if not values:
        return None
    rows = triples(values, where, key)
    return Person(
        keypoints=rows[:, :2],
        scores=rows[:, 2],
        box=None,
        track=_track(found.person_id),
        where=where,
        file=name,
        at=at,
        min_score=options.min_score,
    )


def _key(person: Mapping[str, Any]) -> str | None:
    return next((key for key in _KEYS if key in person), None)


def _track(person_id: Any) -> int | None:
    """``[7]`` or 7; −1 and anything else is not a number."""
    value = person_id[0] if isinstance(person_id, list) and person_id else person_id
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value // 1 or value < 0:
        return None
    return int(value)


def _check_pixels(video: Video, path: Path) -> None:
    """Refuse coordinates scaled to the image, as ``--keypoint_scale`` 3 or 4 writes them."""
    known = [person.known for person in video.people if person.found.any()]
    if known and all(np.nanmax(np.abs(keypoints)) <= 1 for keypoints in known):
        raise FormatError(
            f"{path}: all keypoints of {video.name} lie within ±1, so they are not pixels; run OpenPose "
            "with --keypoint_scale 0"
        )


def _put(entry: dict[str, Any], row: Row) -> None:
    key = _key(entry)
    if key is not None:
        put_triples(entry[key], row)


def _adder(names: Mapping[tuple[str, int], str]) -> Add:
    def add(documents: dict[str, Any], addition: Addition) -> bool:
        """Append the person to the frame's file, with face and hands empty; False where there is no file."""
        name = names.get((addition.video, addition.frame))
        if name is None:
            return False
        others = {key: [] for key in addition.entry if key.endswith(("_2d", "_3d")) and key not in _KEYS}
        documents[name]["people"].append(addition.entry | others)
        return True

    return add
