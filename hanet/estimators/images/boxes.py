"""Person boxes per frame: from poses, from a file, or chosen among detections.

Boxes are x1, y1, x2, y2 in pixels as stored, pixel centres at whole numbers; NaN for no person.

Axes: T frames, N people found in one frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from hanet.files.json_text import read_json
from hanet.poses.boxes import BOX_MARGIN
from hanet.poses.gaps import interpolate
from hanet.poses.sequence import PoseSequence

COLUMNS = ("sequence", "track", "frame", "x1", "y1", "x2", "y2")
LEAST_OVERLAP = 0.3
"""Minimum intersection over union of a detected person with the expected box."""


def of_poses(sequence: PoseSequence) -> Float[np.ndarray, "T 4"]:
    """A sequence's boxes, or else the extent of its labelled keypoints, enlarged by 20 %.

    Raises:
        ValueError: poses that are not keypoints in the image.
    """
    if sequence.frame_of_reference != "image":
        raise ValueError(
            f"{sequence.name}: boxes come from keypoints in the image, got {sequence.representation} poses "
            f"in {sequence.frame_of_reference}; name a cache of keypoints as boxes.source"
        )
    values = sequence.values.astype(np.float64)
    known = np.asarray(np.isfinite(values).all(axis=2))
    if sequence.labelled is not None:
        known &= sequence.labelled
    low = np.where(known[..., None], values, np.inf).min(axis=1)
    high = np.where(known[..., None], values, -np.inf).max(axis=1)
    seen = np.asarray((high > low).all(axis=1))
    low[~seen], high[~seen] = np.nan, np.nan
    centre, half = (low + high) / 2, (high - low) / 2 * BOX_MARGIN
    boxes = np.concatenate([centre - half, centre + half], axis=1)
    if sequence.boxes is not None:
        boxes = np.where(_is_box(sequence.boxes)[:, None], sequence.boxes, boxes)
    return boxes.astype(np.float32)


def _is_box(boxes: Float[np.ndarray, "*B 4"]) -> Bool[np.ndarray, "*B"]:
    whole = np.isfinite(boxes).all(axis=-1)
    return np.asarray(whole & (boxes[..., 2] > boxes[..., 0]) & (boxes[..., 3] > boxes[..., 1]))


def without_gaps(boxes: Float[np.ndarray, "T 4"]) -> Float[np.ndarray, "T 4"]:
    """Interpolate boxes linearly in time; constant before the first and after the last.

    A track without any box stays NaN.
    """
    kept = np.where(_is_box(boxes)[:, None], boxes, np.nan)
    rows = np.arange(len(boxes))
    return interpolate(kept.astype(np.float64), rows, rows).astype(np.float32)


@dataclass(frozen=True)
class BoxFile:
    """The boxes of a file, by sequence, track and frame."""

    path: Path
    tracks: dict[tuple[str, int], dict[int, tuple[float, float, float, float]]]

    def of(self, sequence: PoseSequence) -> Float[np.ndarray, "T 4"]:
        """The boxes of a sequence's frames; NaN for frames that the file lacks.

        Raises:
            ValueError: the file has no box of that track.
        """
        track = self.tracks.get(sequence.key)
        if track is None:
            raise ValueError(
                f"{self.path} has no box of {sequence.name}, track {sequence.track}; name sequences and "
                "tracks as the data set does, or take another source of boxes"
            )
        rows = [track.get(frame, (np.nan,) * 4) for frame in sequence.frames.tolist()]
        return np.array(rows, dtype=np.float32)


def read_boxes(path: Path) -> BoxFile:
    """Read boxes from CSV, or from JSON (a list of objects), with these columns or keys: sequence, track,
    frame, x1, y1, x2, y2.

    Raises:
        FileNotFoundError: no such file.
        ValueError: another kind of file, missing columns, an empty box, or a repeated one.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file of boxes")
    try:
        csv = path.suffix != ".json"
        table = pd.read_csv(path) if csv else pd.DataFrame(read_json(path, list, remedy="write it again"))
        missing = [name for name in COLUMNS if name not in table]
        if missing:
            raise ValueError(f"it lacks {', '.join(missing)}")
        table = table.astype(
            {"sequence": str, "track": int, "frame": int, **dict.fromkeys(COLUMNS[3:], float)}
        )
    except (ValueError, TypeError, UnicodeError, OverflowError, pd.errors.ParserError) as error:
        raise ValueError(
            f"{path}: expected a table of boxes with {', '.join(COLUMNS)}, as CSV or JSON: {error}"
        ) from error
    empty = table[~_is_box(table[list(COLUMNS[3:])].to_numpy())]
    twice = table[table.duplicated(list(COLUMNS[:3]))]
    for wrong, what in ((empty, "a box that is empty"), (twice, "a second box")):
        if len(wrong):
            name, track, frame = wrong.iloc[0][list(COLUMNS[:3])]
            raise ValueError(f"{path}: {what} of {name}, track {track}, frame {frame}; correct it")
    tracks: dict[tuple[str, int], dict[int, tuple[float, float, float, float]]] = {}
    for name, track, frame, *box in table[list(COLUMNS)].itertuples(index=False):
        tracks.setdefault((name, track), {})[frame] = (box[0], box[1], box[2], box[3])
    return BoxFile(path, tracks)


def chosen(
    found: Float[np.ndarray, "N 4"], scores: Float[np.ndarray, " N"], near: Float[np.ndarray, " 4"] | None
) -> Float[np.ndarray, " 4"]:
    """The detection that overlaps most with the expected box; NaN for none.

    It uses the data set's boxes, so it is an oracle for the person's identity, not for the position. Without
    `near`, the detection with the highest score is chosen; where `near` is NaN, none.
    """
    nobody = np.full(4, np.nan, dtype=np.float32)
    if not len(found):
        return nobody
    if near is None:
        return found[int(scores.argmax())].astype(np.float32)
    if not _is_box(near):
        return nobody
    low, high = np.maximum(found[:, :2], near[:2]), np.minimum(found[:, 2:], near[2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=1)
    area = np.prod(found[:, 2:] - found[:, :2], axis=1) + np.prod(near[2:] - near[:2])
    overlap = shared / (area - shared)
    best = int(overlap.argmax())
    return found[best].astype(np.float32) if overlap[best] >= LEAST_OVERLAP else nobody
