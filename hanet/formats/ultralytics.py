"""Ultralytics' results: ``labels/*.txt`` of ``save_txt=True``, or ``Results.to_json()``, one file per image.

A line of text is a person: class, box (centre x, y, width, height), x, y and confidence of each keypoint,
then with ``save_conf`` the person's confidence and with tracking the track number; coordinates are shares of
the image's width and height. JSON is a list of ``{"name", "class", "confidence", "box", "track_id",
"keypoints": {"x", "y", "visible"}}`` in pixels, or normalized; a list of such lists is a video.
``predictions.json`` of a validation is COCO's format.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from pydantic import BaseModel, RootModel

from hanet.formats.base import FormatError, PoseFile, ReadOptions
from hanet.formats.documents import (
    Address,
    Document,
    Lines,
    Number,
    TrackId,
    check,
    numbers,
    open_folder,
    place,
)
from hanet.formats.entries import common_set, image_for, places_of_files
from hanet.formats.keypoint_sets import DETECTED
from hanet.formats.linking import Person, Video
from hanet.formats.people import Add, Addition, Detections, pose_file
from hanet.formats.rows import Put, Row, filled_score
from hanet.formats.source import Source
from hanet.formats.ultralytics_text import Found, from_lines, is_line


class _Points(BaseModel):
    x: list[Any]
    y: list[Any]
    visible: list[Any] | None = None


class _Result(BaseModel):
    box: dict[str, Any] | None = None
    confidence: Number = None
    track_id: TrackId = None
    keypoints: _Points | None = None


class _Results(RootModel[list[_Result]]):
    pass


def sniff(source: Source) -> bool:
    """Text of labels with keypoints, JSON of results with keypoints, or a folder of either."""
    if source.is_folder:
        inside = [s for s in source.files if s.path.suffix.lower() in (".txt", ".json")]
        return len({s.path.suffix.lower() for s in inside}) == 1 and any(
            _is_results(s) for s in inside if s.json != []
        )
    return _is_results(source)


def _is_results(source: Source) -> bool:
    if source.path.suffix.lower() == ".txt":
        first = source.head.decode("utf-8", "replace").splitlines()[:1]
        return bool(first) and is_line(first[0])
    people = source.json
    if isinstance(people, list) and people and isinstance(people[0], list):
        people = next((group for group in people if group), None)
    if not isinstance(people, list):
        return False
    return not people or any(
        isinstance(p, dict) and isinstance(p.get("keypoints"), dict) and "x" in p["keypoints"] for p in people
    )


def read(path: Path, options: ReadOptions) -> PoseFile:
    """The people in a file of one image or a video, or in a folder of images' files.

    Args:
        path: file or folder of one kind of files.
        options: ``image_size`` is needed for normalized coordinates. Frame numbers are those of the files'
            names, which Ultralytics counts from 1.

    Raises:
        FileNotFoundError: nothing there.
        FormatError: another format, keypoints of several or unknown sets, or contradicting track numbers; the
            message names file and entry.
        ValueError: the image size is needed.
    """
    documents = _documents(path)
    places = places_of_files(path, documents, options)
    text = isinstance(next(iter(documents.values())), Lines)
    found = (from_lines if text else _from_json)(documents, places, options)
    if found.normalized and options.image_size is None:
        raise ValueError(f"{path}: coordinates are shares of the image; give --image-size")
    scale = np.array(options.image_size if found.normalized else (1, 1), dtype=np.float64)
    videos: dict[str, Video] = {}
    for (video, frame), person in found.people:
        with np.errstate(over="ignore"):
            box = None if person.box is None else person.box * np.tile(scale, 2)
            in_pixels = replace(person, keypoints=person.keypoints * scale, box=box)
        videos.setdefault(video, Video(video, options.image_size)).add(frame, in_pixels)
    notes = [f"{found.other} entries that are not people were left as they are"] if found.other else []
    detections = Detections(
        format="ultralytics",
        path=path,
        documents=documents,
        videos=videos.values(),
        skeleton=common_set(videos.values(), DETECTED, options, notes),
        put=found.put(scale),
        add=_adder(places) if "" not in documents else None,
        unit="normalized" if found.normalized else "px",
        notes=notes,
    )
    return pose_file(detections, options)


def _documents(path: Path) -> dict[str, Document]:
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file; check the path")
    if path.is_file():
        return {"": _open(path)}
    documents = open_folder(path, path.glob("*.txt"), _open) or open_folder(path, path.glob("*.json"), _open)
    if not documents:
        raise FormatError(f"{path}: no .txt or .json file; give the folder of labels")
    return documents


def _open(path: Path) -> Document:
    return (Lines if path.suffix.lower() == ".txt" else Document).open(path)


def _from_json(
    documents: Mapping[str, Document], places: Mapping[str, tuple[str, int]], options: ReadOptions
) -> Found:
    people, other, largest = [], 0, 0.0
    for name, document in documents.items():
        video, first = places[name]
        content = document.parse()
        is_video = isinstance(content, list) and any(isinstance(group, list) for group in content)
        for frame, group in enumerate(content if is_video else [content]):
            expected = "Ultralytics' list of results: box, keypoints"
            for i, result in enumerate(check(_Results, group, document.path, expected=expected).root):
                at = (frame, i) if is_video else (i,)
                low = options.min_person_score
                if low is not None and result.confidence is not None and result.confidence < low:
                    continue
                if result.keypoints is None:
                    other += 1
                    continue
                person = _json_person(result, result.keypoints, document.path, name, at, options)
                if person.found.any():
                    largest = max(largest, float(np.abs(person.keypoints[person.found]).max()))
                people.append(((video, first + frame), person))
    return Found(people, bool(people) and largest <= 1.5, _put_json, other)


def _json_person(
    result: _Result, points: _Points, path: Path, name: str, at: Address, options: ReadOptions
) -> Person:
    where = place(path, at)
    x, y = (
        numbers(values, f"{where}.keypoints.{axis}", expected="a list of coordinates")
        for axis, values in (("x", points.x), ("y", points.y))
    )
    scores = None
    if points.visible is not None:
        scores = numbers(points.visible, f"{where}.keypoints.visible", expected="a list of scores")
    if not len(x) or len(x) != len(y) or (scores is not None and len(scores) != len(x)):
        counts = ", ".join(str(len(values)) for values in (x, y, scores) if values is not None)
        raise FormatError(f"{where}.keypoints: lists of {counts}, expected as many of x, y and visible")
    box = None
    if result.box is not None and {"x1", "y1", "x2", "y2"} <= set(result.box):
        corners = [result.box[key] for key in ("x1", "y1", "x2", "y2")]
        box = numbers(corners, f"{where}.box", expected="corners")
    return Person(
        keypoints=np.stack([x, y], axis=1),
        scores=scores,
        box=box,
        track=result.track_id,
        where=where,
        file=name,
        at=at,
        min_score=options.min_score,
    )


def _put_json(scale: Float[np.ndarray, " 2"]) -> Put:
    def put(entry: dict[str, Any], row: Row) -> None:
        points = entry["keypoints"]
        scores = points.get("visible")
        for j in np.flatnonzero(row.changed | row.dropped).tolist():
            found = [0.0, 0.0] if row.dropped[j] else (row.values[j] / scale).tolist()
            points["x"][j], points["y"][j] = found
            if scores is not None and (row.dropped[j] or row.filled[j]):
                scores[j] = 0.0 if row.dropped[j] else filled_score(scores[j])

    return put


def _adder(places: Mapping[str, tuple[str, int]]) -> Add:
    names = {place: name for name, place in places.items()}

    def add(documents: dict[str, Any], addition: Addition) -> bool:
        """Append the person to the image's file; an image without people has none, so it gets one."""
        name = names.get((addition.video, addition.frame))
        if name is None:
            before = Path(addition.before.file)
            stem = image_for(before.stem, addition.frame)
            if stem is None:
                return False
            name = f"{stem}{before.suffix}"
        documents.setdefault(name, []).append(addition.entry)
        return True

    return add
