"""Labels of videos, stored with pose caches as JSON lines: what mean average precision needs in addition to
poses.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from hanet.files.atomic import whole_file
from hanet.files.explain import first_fault
from hanet.files.json_text import parse_json
from hanet.poses.video_labels import PoseTrackVideo


class LabelsError(ValueError):
    """A file of labels that cannot be used; the message names file, place and remedy."""


_LINE = TypeAdapter(PoseTrackVideo)


def write_labels(path: Path, videos: Iterable[PoseTrackVideo]) -> None:
    """Write videos as JSON lines, one per video, atomically.

    Raises:
        LabelsError: a video occurs twice; nothing is written.
    """
    names: set[str] = set()
    with whole_file(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        for video in videos:
            if video.name in names:
                raise LabelsError(f"{path}: video {video.name} comes twice; write each once")
            names.add(video.name)
            file.write(json.dumps(_to_json(video), allow_nan=False) + "\n")


def read_labels(path: Path) -> Iterator[PoseTrackVideo]:
    """Read videos as `write_labels` wrote them, one at a time.

    Raises:
        LabelsError: no such file, or a line that does not describe a video.
    """
    if not path.is_file():
        raise LabelsError(f"{path}: no such file; write it from PoseTrack's annotations first")
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                values = parse_json(line, dict, where="the line", remedy="it is damaged")
                heads = {(track, frame): head for track, frame, head in values.pop("heads")}
                yield _LINE.validate_python({**values, "heads": heads})
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                what = first_fault(error) if isinstance(error, ValidationError) else error
                raise LabelsError(
                    f"{path}:{number}: not the labels of a video ({what}); write the file again from "
                    "PoseTrack's annotations"
                ) from error


def _to_json(video: PoseTrackVideo) -> Mapping[str, object]:
    """JSON has no pairs as keys: head boxes are a list of track, frame and box."""
    return {
        "name": video.name,
        "images": video.images,
        "labelled": video.labelled,
        "heads": [(track, frame, head) for (track, frame), head in video.heads.items()],
        "ignore": video.ignore,
    }
