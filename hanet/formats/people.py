"""Detections in JSON documents as a `PoseFile`: linked into tracks, and written back entry by entry."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from hanet.files.atomic import fresh_folder, write_bytes
from hanet.formats.base import UNKNOWN_FPS, FormatError, PoseFile, ReadOptions, Update
from hanet.formats.documents import Document, entry_at
from hanet.formats.linking import MAX_JOINTS, Person, Track, Video, link
from hanet.formats.rows import Put, Row
from hanet.poses.skeletons import Skeleton


@dataclass(frozen=True, eq=False)
class Addition:
    """A person to be written into a frame where the file has nobody for the track.

    Attributes:
        video: of the track.
        frame: the frame.
        before: the track's last detection before it.
        entry: a copy of that detection's entry with the filled keypoints; their scores are 0.
        values: (J, 2) those keypoints, NaN for others.
    """

    video: str
    frame: int
    before: Person
    entry: Any
    values: np.ndarray


Add = Callable[[dict[str, Any], Addition], bool]
"""Write a person into the parsed documents, or into a new one; False where the frame has no place."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Detections:
    """What a reader found in its documents.

    Attributes:
        format: key in `hanet.formats.FORMATS`.
        path: the file or folder.
        documents: by name within the folder; of a file one under the empty name.
        videos: the people, by name of the video.
        skeleton: their joints.
        put: writes a person's numbers into the entry.
        add: writes a person into a frame, or None where the format has no place for one.
        unit: of the numbers in the file.
        notes: what was skipped or assumed.
    """

    format: str
    path: Path
    documents: Mapping[str, Document]
    videos: Iterable[Video]
    skeleton: Skeleton
    put: Put
    add: Add | None = None
    unit: str = "px"
    notes: Sequence[str] = field(default_factory=list)


def pose_file(found: Detections, options: ReadOptions) -> PoseFile:
    """Link the people of each video into tracks.

    Raises:
        FormatError: as `hanet.formats.linking.link`, or more joints than can be held.
    """
    fps = UNKNOWN_FPS if options.fps is None else options.fps
    tracks: list[Track] = []
    notes = list(found.notes)
    for video in found.videos:
        linked, assumed = link(
            video, found.skeleton, fps, max_distance=options.max_distance, max_gap=options.max_gap
        )
        tracks += linked
        notes += assumed + _outside(video)
        if sum(len(track.sequence) for track in tracks) * len(found.skeleton) > MAX_JOINTS:
            raise FormatError(f"{found.path}: tracks of more than {MAX_JOINTS} joints; give fewer videos")

    def save(out: Path, updates: Sequence[Update]) -> list[str]:
        return _save(found, tracks, out, updates)

    return PoseFile(
        format=found.format,
        path=found.path,
        tracks=tuple(track.sequence for track in tracks),
        fps=fps,
        fps_known=options.fps is not None,
        skeleton=found.skeleton,
        unit=found.unit,
        save=save,
        notes=tuple(notes),
    )


def _outside(video: Video) -> list[str]:
    """A note if most keypoints lie outside of their images, as those of images of another size do."""
    known = [person.keypoints[person.found] for person in video.people]
    if video.image_size is None or not known:
        return []
    points = np.concatenate(known)
    share = np.mean(((points < 0) | (points > video.image_size)).any(axis=1)) if len(points) else 0
    if share <= 0.5:
        return []
    width, height = video.image_size
    return [
        f"{video.name}: {share:.0%} of the keypoints lie outside of images of {width}×{height} pixels; check "
        "that they are of these images"
    ]


def _save(found: Detections, tracks: Sequence[Track], out: Path, updates: Sequence[Update]) -> list[str]:
    parsed: dict[str, Any] = {}
    left_out: list[tuple[Track, int, Row]] = []
    for track, update in zip(tracks, updates, strict=True):
        for t in np.flatnonzero(update.touched.any(axis=1)).tolist():
            row = Row(update.values[t], update.changed[t], update.filled[t], update.dropped[t])
            person = track.people.get(track.sequence.start + t)
            if person is None:
                left_out.append((track, track.sequence.start + t, row))
            else:
                found.put(entry_at(_document(found, parsed, person.file), person.at), row)
    notes = _add_people(found, parsed, left_out)
    like = next(iter(found.documents.values()))  # for the style of new files
    content = {name: document.raw for name, document in found.documents.items()}
    content |= {name: found.documents.get(name, like).dump(new) for name, new in parsed.items()}
    if "" in content:
        write_bytes(out, content[""])
        return notes
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"{out}: exists already; give the name of a new folder")
    with fresh_folder(out) as folder:
        for name, raw in content.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(raw)
    return notes


def _document(found: Detections, parsed: dict[str, Any], name: str) -> Any:
    if name not in parsed:
        parsed[name] = found.documents[name].parse()
    return parsed[name]


def _add_people(
    found: Detections, parsed: dict[str, Any], filled: Sequence[tuple[Track, int, Row]]
) -> list[str]:
    """Write people into frames without them, last first, so that places of earlier entries stay true."""
    additions = []
    for track, frame, row in filled:
        before = track.people[max(f for f in track.people if f < frame)]
        entry = deepcopy(entry_at(_document(found, parsed, before.file), before.at))
        every, none = np.ones(len(row.values), dtype=bool), np.zeros(len(row.values), dtype=bool)
        found.put(entry, Row(np.full_like(row.values, np.nan), none, none, every))
        found.put(entry, row)
        additions.append(Addition(track.sequence.name, frame, before, entry, row.values))
    additions.sort(key=lambda a: (a.before.file, a.before.at, a.frame), reverse=True)
    if found.add is not None:
        for name in found.documents if additions else ():
            _document(found, parsed, name)
    lost = [a for a in additions if found.add is None or not found.add(parsed, a)]
    if not lost:
        return []
    return [
        f"{len(lost)} filled frames were not written, because the file has no place for them: "
        f"{lost[-1].video}, frame {lost[-1].frame}{', …' if len(lost) > 1 else ''}"
    ]


def box_of(values: np.ndarray) -> list[float]:
    """x, y, width, height of the box around keypoints (J, 2), NaN for missing ones."""
    low, high = np.nanmin(values, axis=0), np.nanmax(values, axis=0)
    return [*low.tolist(), *(high - low).tolist()]
