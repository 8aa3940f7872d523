"""MMPose's predictions, of its inferencer or demo scripts: one file per video, or one per image in a folder.

A person is ``{"keypoints": [[x, y], …], "keypoint_scores", "bbox", "bbox_score"}``. A video is a list of
``{"frame_id", "instances"}``, an image a list of people. Demo scripts put either list under ``instance_info``
and the names of the keypoints under ``meta_info``; without names their count tells the set.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, Field, RootModel, StrictInt, field_validator

from hanet.formats.base import FormatError, PoseFile, ReadOptions
from hanet.formats.documents import (
    Address,
    Document,
    Number,
    TrackId,
    check,
    entry_at,
    numbers,
    open_folder,
    place,
)
from hanet.formats.entries import common_set, places_of_files
from hanet.formats.image_names import MAX_FRAME, default_video
from hanet.formats.keypoint_sets import DETECTED, KEYPOINT_SETS, from_names
from hanet.formats.linking import Person, Video
from hanet.formats.people import Add, Addition, Detections, pose_file
from hanet.formats.rows import Row, filled_score
from hanet.formats.source import Source
from hanet.poses.skeletons import Skeleton


class _Instance(BaseModel):
    keypoints: list[Any]
    keypoint_scores: list[Any]
    bbox: list[Any] | None = None
    bbox_score: Number = None
    track_id: TrackId = None

    @field_validator("bbox", mode="before")
    @classmethod
    def _unwrap(cls, bbox: Any) -> Any:
        """The inferencer writes a list of one box."""
        return bbox[0] if isinstance(bbox, list) and len(bbox) == 1 else bbox


class _Frame(BaseModel):
    frame_id: Annotated[StrictInt, Field(ge=0, lt=MAX_FRAME)]
    instances: list[_Instance]


class _Meta(BaseModel):
    keypoint_id2name: dict[int, str] | None = None


class _Head(BaseModel):
    meta_info: _Meta = _Meta()
    instance_info: list[Any]


_Found = tuple[str, int, Address, list[_Instance]]
"""Video, frame, address of the list of people, people."""


class _Frames(RootModel[list[_Frame]]):
    pass


class _Instances(RootModel[list[_Instance]]):
    pass


def sniff(source: Source) -> bool:
    """A list of frames or people, perhaps under ``instance_info``; or a folder of files of one image each."""
    if source.is_folder:
        inside = [s for s in source.files if s.path.suffix.lower() == ".json"]
        kinds = [_kind(s.json) for s in inside]
        return "image" in kinds and set(kinds) <= {"image", "nobody"}
    return _kind(source.json) is not None


def _kind(document: Any) -> str | None:
    """``video``, ``image``, ``nobody`` for an empty list, or None for another format."""
    if isinstance(document, dict):
        document = document.get("instance_info")
    if not isinstance(document, list):
        return None
    if not document:
        return "nobody"
    first = document[0]
    if not isinstance(first, dict):
        return None
    if "instances" in first:
        return "video"
    return "image" if {"keypoints", "keypoint_scores"} <= set(first) else None


def read(path: Path, options: ReadOptions) -> PoseFile:
    """The people in a video's file, whose frame numbers are kept, or in a folder of images' files.

    Args:
        path: the predictions.
        options: ``name`` is the video, by default the file's or folder's name; ``image_size`` is not in the
            files.

    Raises:
        FileNotFoundError: nothing there.
        FormatError: not JSON, another format, 3D keypoints, keypoints of several or unknown sets, a negative
            frame or one that comes twice, contradicting track numbers; the message names the entry.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file; check the path")
    if path.is_file():
        documents = {"": Document.open(path)}
    else:
        documents = open_folder(path, path.glob("*.json"), Document.open)
        if not documents:
            raise FormatError(f"{path}: no .json file; give the folder of predictions")
    parsed = {name: document.parse() for name, document in documents.items()}
    videos: dict[str, Video] = {}
    frames: dict[tuple[str, int], tuple[str, Address]] = {}
    images = {} if "" in documents else places_of_files(path, documents, options)
    for name, document in parsed.items():
        for video, frame, at, instances in _frames(document, documents[name].path, images.get(name), options):
            frames[video, frame] = name, at
            group = videos.setdefault(video, Video(video, options.image_size))
            for i, instance in enumerate(instances):
                low = options.min_person_score
                if low is None or instance.bbox_score is None or instance.bbox_score >= low:
                    group.add(frame, _person(instance, documents[name].path, name, (*at, i), options))
    notes: list[str] = []
    skeleton = _named(parsed, documents, options) or common_set(videos.values(), DETECTED, options, notes)
    for video in videos.values():
        _check_count(video, skeleton)
    found = Detections(
        format="mmpose",
        path=path,
        documents=documents,
        videos=videos.values(),
        skeleton=skeleton,
        put=_put,
        add=_adder(frames),
        notes=notes,
    )
    return pose_file(found, options)


def _frames(document: Any, path: Path, image: tuple[str, int] | None, options: ReadOptions) -> list[_Found]:
    """Video, frame, address of the list of people, and the people, of each frame in a document."""
    root: Address = ()
    if isinstance(document, dict):
        document = check(
            _Head, document, path, expected="MMPose's object with instance_info: frames of instances"
        ).instance_info
        root = ("instance_info",)
    if image is not None or _kind(document) == "image":
        video, frame = image or (options.name or default_video(path), 0)
        people = check(_Instances, document, path, expected="MMPose's list of people").root
        return [(video, frame, root, people)]
    frames = check(_Frames, document, path, expected="MMPose's list of a video: frame_id and instances").root
    video, seen, result = options.name or default_video(path), set(), []
    for f, frame in enumerate(frames):
        if frame.frame_id in seen:
            raise FormatError(
                f"{place(path, (*root, f))}: frame {frame.frame_id} comes twice; give one video's file"
            )
        seen.add(frame.frame_id)
        result.append((video, frame.frame_id, (*root, f, "instances"), frame.instances))
    return result


def _person(instance: _Instance, path: Path, name: str, at: Address, options: ReadOptions) -> Person:
    where = place(path, at)
    scores = numbers(instance.keypoint_scores, f"{where}.keypoint_scores", expected="a list of scores")
    points, count = instance.keypoints, len(instance.keypoints)
    if any(isinstance(point, list) and len(point) == 3 for point in points):
        raise FormatError(
            f"{where}: keypoints of 3 coordinates, expected pixels x and y; give 2D predictions"
        )
    for j, point in enumerate(points):
        if not isinstance(point, list) or len(point) != 2:
            raise FormatError(f"{where}.keypoints.{j}: expected x and y, got {point!r}")
    if count != len(scores) or not count:
        raise FormatError(f"{where}: {count} keypoints and {len(scores)} scores, expected as many of each")
    flat = [number for point in points for number in point]
    return Person(
        keypoints=numbers(flat, f"{where}.keypoints", expected="x and y").reshape(-1, 2),
        scores=scores,
        box=_box(instance.bbox, where),
        track=instance.track_id,
        where=where,
        file=name,
        at=at,
        min_score=options.min_score,
    )


def _box(bbox: list[Any] | None, where: str) -> np.ndarray | None:
    if bbox is None:
        return None
    found = numbers(bbox, f"{where}.bbox", expected="x1, y1, x2, y2")
    if len(found) != 4:
        raise FormatError(f"{where}.bbox: {len(found)} numbers, expected x1, y1, x2, y2")
    return found


def _named(
    parsed: Mapping[str, Any], documents: Mapping[str, Document], options: ReadOptions
) -> Skeleton | None:
    """The keypoints by their names in ``meta_info``, the same in all files; None without names."""
    found: dict[str, tuple[str, ...]] = {}
    for name, document in parsed.items():
        if not isinstance(document, dict):
            continue
        where = documents[name].path
        head = check(_Head, document, where, expected="MMPose's object with instance_info")
        names = head.meta_info.keypoint_id2name
        if names is not None:
            if sorted(names) != list(range(len(names))):
                raise FormatError(f"{where}, entry meta_info.keypoint_id2name: expected names of 0, 1, 2, …")
            found[name] = tuple(names[i] for i in sorted(names))
    if not found:
        return None
    if len(set(found.values())) > 1:
        raise FormatError(f"{documents[list(found)[-1]].path}: names other keypoints than the files before")
    (names,) = set(found.values())
    try:
        skeleton = from_names(names, "mmpose")
    except ValueError as error:
        raise FormatError(f"{documents[next(iter(found))].path}, entry meta_info: {error}") from None
    if options.skeleton is not None and KEYPOINT_SETS.get(options.skeleton) != skeleton:
        raise ValueError(
            f"--skeleton {options.skeleton} contradicts the names of keypoints in the file; leave it out"
        )
    return skeleton


def _check_count(video: Video, skeleton: Skeleton) -> None:
    for person in video.people:
        if len(person.keypoints) != len(skeleton):
            raise FormatError(
                f"{person.where}: {len(person.keypoints)} keypoints, expected {len(skeleton)} of "
                f"{skeleton.name}"
            )


def _put(entry: dict[str, Any], row: Row) -> None:
    points, scores = entry["keypoints"], entry["keypoint_scores"]
    for j in np.flatnonzero(row.changed | row.dropped).tolist():
        if row.dropped[j]:
            points[j], scores[j] = [0, 0], 0
        else:
            points[j] = row.values[j].tolist()
            scores[j] = filled_score(scores[j]) if row.filled[j] else scores[j]


def _adder(frames: Mapping[tuple[str, int], tuple[str, Address]]) -> Add:
    def add(documents: dict[str, Any], addition: Addition) -> bool:
        """Append the person to the frame's list of people; a video's frame without entry gets one."""
        entry = addition.entry
        if "bbox_score" in entry:
            entry["bbox_score"] = 0.0
        if isinstance(entry.get("bbox"), list):
            corners = [*np.nanmin(addition.values, axis=0), *np.nanmax(addition.values, axis=0)]
            box = [float(number) for number in corners]
            entry["bbox"] = [box] if isinstance(entry["bbox"][0], list) else box
        if "instances" in addition.before.at:
            return _into_video(documents[addition.before.file], addition)
        name, at = frames.get((addition.video, addition.frame), (None, ()))
        if name is None:
            return False
        entry_at(documents[name], at).append(entry)
        return True

    return add


def _into_video(document: Any, addition: Addition) -> bool:
    frames: list[dict[str, Any]] = entry_at(document, addition.before.at[:-3])
    frame = next((f for f in frames if f["frame_id"] == addition.frame), None)
    if frame is None:
        frame = {"frame_id": addition.frame, "instances": []}
        later = [i for i, f in enumerate(frames) if f["frame_id"] > addition.frame]
        frames.insert(later[0] if later else len(frames), frame)
    frame["instances"].append(addition.entry)
    return True
