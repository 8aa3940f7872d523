"""Labels of videos, stored with pose caches as JSON lines: what mean average precision needs in addition to
poses.

The first line has the SHA-256 of all others, so damage shows. A file of an earlier release has no such line
and is read as it is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from hanet.files.atomic import write_text
from hanet.files.explain import first_fault
from hanet.files.json_text import parse_json
from hanet.poses.video_labels import PoseTrackVideo


class LabelsError(ValueError):
    """A file of labels that cannot be used; the message names file, place and remedy."""


_LINE = TypeAdapter(PoseTrackVideo)
_SEAL = "sha256_of_lines"
_REMEDY = "write the file again from PoseTrack's annotations"


def write_labels(path: Path, videos: Iterable[PoseTrackVideo]) -> None:
    """Write videos as JSON lines, one per video, atomically.

    Raises:
        LabelsError: a video occurs twice; nothing is written.
    """
    lines: dict[str, str] = {}
    for video in videos:
        if video.name in lines:
            raise LabelsError(f"{path}: video {video.name} comes twice; write each once")
        lines[video.name] = json.dumps(_to_json(video), allow_nan=False) + "\n"
    text = "".join(lines.values())
    write_text(path, json.dumps({_SEAL: hashlib.sha256(text.encode()).hexdigest()}) + "\n" + text)


def read_labels(path: Path) -> Iterator[PoseTrackVideo]:
    """Read videos as `write_labels` wrote them, one at a time.

    Raises:
        LabelsError: no such file, bytes that changed after writing, or a line that does not describe a video.
    """
    if not path.is_file():
        raise LabelsError(f"{path}: no such file; {_REMEDY}")
    first, *lines = path.read_bytes().splitlines(keepends=True) or [b""]
    start = 1
    if _SEAL.encode() in first:
        start = 2
        if _line(path, 1, first).get(_SEAL) != hashlib.sha256(b"".join(lines)).hexdigest():
            raise LabelsError(f"{path}: damaged: its SHA-256 differs from what was written; {_REMEDY}")
    elif first:
        lines = [first, *lines]
    for number, line in enumerate(lines, start):
        values = _line(path, number, line)
        try:
            heads = {(track, frame): head for track, frame, head in values.pop("heads")}
            yield _LINE.validate_python({**values, "heads": heads})
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise _no_video(path, number, error) from error


def _line(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        return parse_json(line, dict, where="the line", remedy="it is damaged")
    except ValueError as error:
        raise _no_video(path, number, error) from error


def _no_video(path: Path, number: int, error: Exception) -> LabelsError:
    what = first_fault(error) if isinstance(error, ValidationError) else error
    return LabelsError(f"{path}:{number}: not the labels of a video ({what}); {_REMEDY}")


def _to_json(video: PoseTrackVideo) -> Mapping[str, object]:
    """JSON has no pairs as keys: head boxes are a list of track, frame and box."""
    return {
        "name": video.name,
        "images": video.images,
        "labelled": video.labelled,
        "heads": [(track, frame, head) for (track, frame), head in video.heads.items()],
        "ignore": video.ignore,
    }
