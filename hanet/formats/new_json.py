"""New files of COCO, OpenPose, AlphaPose, MMPose and Ultralytics from poses of other formats.

2D keypoints in pixels with a score each; a missing one is (0, 0) with score 0, as these programs write it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from hanet.files.atomic import fresh_folder, write_bytes
from hanet.formats.missing import present
from hanet.formats.new_file import NewFile
from hanet.formats.people import box_of
from hanet.poses.sequence import PoseSequence


def _numbers(track: PoseSequence, row: int) -> np.ndarray:
    """(J, 3): x, y, score; the score of a known joint is 1 where the source has none."""
    values = track.values[row].astype(np.float64)
    known = present(values)
    scores = np.ones(len(values)) if track.scores is None else track.scores[row].astype(np.float64)
    return np.where(known[:, None], np.column_stack([values, scores]), 0.0)


def _score(found: np.ndarray) -> float:
    """Mean score of the known keypoints."""
    known = found[(found[:, :2] != 0).any(axis=1)]
    return float(known[:, 2].mean()) if len(known) else 0.0


def _dump(path: Path, document: Any) -> None:
    write_bytes(path, (json.dumps(document, allow_nan=False) + "\n").encode())


def coco(path: Path, new: NewFile) -> list[str]:
    """Keypoint results; ``image_id`` is the frame number."""
    entries = []
    for frame, people in zip(new.frames, new.people(), strict=True):
        for track, row in people:
            found = _numbers(track, row)
            entry = {
                "image_id": frame,
                "category_id": 1,
                "keypoints": found.ravel().tolist(),
                "score": _score(found),
                "bbox": box_of(track.values[row].astype(np.float64)),
                "track_id": track.track,
            }
            entries.append(entry)
    _dump(path, entries)
    return []


def alphapose(path: Path, new: NewFile) -> list[str]:
    """``alphapose-results.json``; ``image_id`` is ``<frame>.jpg``."""
    entries = [
        {
            "image_id": f"{frame}.jpg",
            "category_id": 1,
            "keypoints": (found := _numbers(track, row)).ravel().tolist(),
            "score": _score(found),
            "box": box_of(track.values[row].astype(np.float64)),
            "idx": track.track,
        }
        for frame, people in zip(new.frames, new.people(), strict=True)
        for track, row in people
    ]
    _dump(path, entries)
    return []


def openpose(path: Path, new: NewFile) -> list[str]:
    """A folder with a file per frame, ``<video>_000000000000_keypoints.json``; empty frames too."""
    name = new.tracks[0].name.replace("/", "_")
    with fresh_folder(path) as folder:
        for frame, people in zip(new.frames, new.people(), strict=True):
            entries = [
                {"person_id": [track.track], "pose_keypoints_2d": _numbers(track, row).ravel().tolist()}
                for track, row in people
            ]
            document = {"version": 1.3, "people": entries}
            text = json.dumps(document, allow_nan=False) + "\n"
            (folder / f"{name}_{frame:012}_keypoints.json").write_text(text)
    return []


def mmpose(path: Path, new: NewFile) -> list[str]:
    """One file per video: ``meta_info`` with the joints' names, ``instance_info`` with a list per frame."""
    frames = []
    for frame, people in zip(new.frames, new.people(), strict=True):
        instances = []
        for track, row in people:
            found = _numbers(track, row)
            instance = {
                "keypoints": found[:, :2].tolist(),
                "keypoint_scores": found[:, 2].tolist(),
                "track_id": track.track,
            }
            instances.append(instance)
        frames.append({"frame_id": frame, "instances": instances})
    joints = new.skeleton.joints
    names = {
        "keypoint_id2name": dict(enumerate(joints)),
        "keypoint_name2id": {n: i for i, n in enumerate(joints)},
    }
    _dump(path, {"meta_info": {"dataset_name": new.skeleton.name, **names}, "instance_info": frames})
    return []


def ultralytics(path: Path, new: NewFile) -> list[str]:
    """A folder as ``save_txt=True, save_conf=True`` writes it: ``<video>_<frame>.txt`` per frame with people.

    Raises:
        ValueError: the size of the images is not known; coordinates are shares of it.
    """
    if any(track.image_size is None for track in new.tracks):
        raise ValueError(f"{path}: ultralytics holds shares of the image; give --image-size")
    name = new.tracks[0].name.replace("/", "_")
    with fresh_folder(path) as folder:
        for frame, people in zip(new.frames, new.people(), strict=True):
            lines = [_label(track, row) for track, row in people]
            if lines:
                (folder / f"{name}_{frame}.txt").write_text("".join(lines))
    return []


def _label(track: PoseSequence, row: int) -> str:
    """Class 0, box (centre, width, height), x, y and score of each joint, the person's score, the track."""
    size = np.asarray(track.image_size, dtype=np.float64)
    found = _numbers(track, row)
    left, top, width, height = box_of(track.values[row].astype(np.float64))
    box = np.array([left + width / 2, top + height / 2, width, height]) / np.tile(size, 2)
    points = np.column_stack([found[:, :2] / size, found[:, 2]])
    numbers = [*box.tolist(), *points.ravel().tolist(), _score(found)]
    return f"0 {' '.join(map(repr, numbers))} {track.track}\n"
