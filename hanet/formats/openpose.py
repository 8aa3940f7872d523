"""OpenPose's folders: one file a frame, ``<video>_000000000000_keypoints.json``.

``people`` lists ``pose_keypoints_2d``: x, y and score of 25 keypoints (BODY_25), or 18 (its COCO model; the
neck is dropped), and ``person_id``: ``[-1]``, or the number with tracking on.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from pydantic import BaseModel, FiniteFloat

from hanet.formats.documents import OPENPOSE18_TO_COCO17, KeypointFileError, check, load, person
from hanet.formats.linking import MAX_DISTANCE, Person, Video, sequences
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import BODY25, COCO17, Skeleton

_FILE = re.compile(r"(.*?)_?(\d+)_keypoints\.json")
_NUMBERS = {75: BODY25, 54: COCO17}


class _Person(BaseModel):
    pose_keypoints_2d: list[FiniteFloat]
    person_id: list[int] = []


class _Frame(BaseModel):
    people: list[_Person]


def read_openpose(
    folder: Path,
    *,
    fps: float,
    image_size: tuple[int, int] | None = None,
    max_distance: float = MAX_DISTANCE,
) -> list[PoseSequence]:
    """The people in a folder that OpenPose wrote, on BODY25 or COCO17; several videos may share it.

    Args:
        folder: what ``--write_json`` named.
        fps: frames per second.
        image_size: (width, height) in pixels, which the files do not tell.
        max_distance: for people without number, see `hanet.formats.linking.associate`.

    Raises:
        FileNotFoundError: no such folder.
        KeypointFileError: no such file in it, a name without frame number, a file that is no JSON or another
            format, a wrong count of keypoints, or coordinates that are not pixels.
        ValueError: track numbers that are incomplete or come twice in a frame.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder; check the path")
    paths = sorted(folder.glob("*_keypoints.json"))
    if not paths:
        raise KeypointFileError(
            f"{folder}: no file <video>_000000000000_keypoints.json; give the folder of --write_json"
        )
    videos: dict[str, Video] = {}
    skeletons: dict[str, Skeleton] = {}
    for path in paths:
        match = _FILE.fullmatch(path.name)
        if match is None:
            raise KeypointFileError(
                f"{path}: no frame number in the name; expected <video>_<number>_keypoints.json"
            )
        name = match[1] or folder.name
        video = videos.setdefault(name, Video(name, image_size))
        people = check(_Frame, load(path), path, expected="OpenPose's 'people' with pose_keypoints_2d").people
        for i, found in enumerate(people):
            where = f"{path}, entry people.{i}"
            detected, skeleton = _person(found, where)
            if skeletons.setdefault(name, skeleton) is not skeleton:
                raise KeypointFileError(
                    f"{where}: {len(found.pose_keypoints_2d)} numbers, other people of {name} are on "
                    f"{skeletons[name].name}; run one model on a video"
                )
            video.add(int(match[2]), detected)
    for video in videos.values():
        _check_pixels(video, folder)
    return [
        sequence
        for name, video in videos.items()
        if video.frames
        for sequence in sequences(video, skeletons[name], fps, max_distance=max_distance)
    ]


def _person(found: _Person, where: str) -> tuple[Person, Skeleton]:
    numbers = found.pose_keypoints_2d
    if len(numbers) not in _NUMBERS:
        raise KeypointFileError(
            f"{where}: {len(numbers)} numbers, expected 75 (BODY_25) or 54 (COCO): x, y and score of each "
            "keypoint; run OpenPose with --model_pose BODY_25"
        )
    track = found.person_id[0] if found.person_id and found.person_id[0] >= 0 else None
    if len(numbers) == 54:
        numbers = np.reshape(numbers, (18, 3))[OPENPOSE18_TO_COCO17].ravel().tolist()
    skeleton = _NUMBERS[len(found.pose_keypoints_2d)]
    return person(numbers, where, joints=len(skeleton), box=None, track=track), skeleton


def _check_pixels(video: Video, folder: Path) -> None:
    """Refuse coordinates scaled to the image, as ``--keypoint_scale`` 3 or 4 writes them."""
    people = [person for group in video.frames.values() for person in group]
    if people and all(np.abs(person.keypoints).max() <= 1 for person in people):
        raise KeypointFileError(
            f"{folder}: all keypoints of {video.name} lie within ±1, so they are not pixels; run OpenPose "
            "with --keypoint_scale 0"
        )
