"""MMPose's predictions: ``[{"frame_id", "instances": [{"keypoints", "keypoint_scores", "bbox"}]}, …]``.

So its inferencer writes a video; its demo scripts put the list under ``instance_info`` and tell the names of
keypoints under ``meta_info``. With names COCO's 17 keypoints are taken from any set that has them (Halpe,
COCO-WholeBody); without, there must be 17.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, Field, FiniteFloat, NonNegativeInt, RootModel, field_validator

from hanet.formats.documents import KeypointFileError, check, load
from hanet.formats.linking import MAX_DISTANCE, Person, Video, sequences
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import COCO17

_Pair = Annotated[list[FiniteFloat], Field(min_length=2, max_length=2)]
_Box = Annotated[list[FiniteFloat], Field(min_length=4, max_length=4)]


class _Instance(BaseModel):
    keypoints: list[_Pair]
    keypoint_scores: list[FiniteFloat]
    bbox: _Box | None = None
    bbox_score: FiniteFloat | None = None
    track_id: int | None = None

    @field_validator("bbox", mode="before")
    @classmethod
    def _unwrap(cls, bbox: Any) -> Any:
        """The inferencer writes a list of one box."""
        return bbox[0] if isinstance(bbox, list) and len(bbox) == 1 else bbox


class _Frame(BaseModel):
    frame_id: NonNegativeInt
    instances: list[_Instance]


class _Meta(BaseModel):
    keypoint_id2name: dict[int, str] | None = None


class _Document(BaseModel):
    meta_info: _Meta = _Meta()
    instance_info: list[_Frame]


class _Frames(RootModel[list[_Frame]]):
    pass


def read_mmpose(
    path: Path,
    *,
    fps: float,
    name: str | None = None,
    image_size: tuple[int, int] | None = None,
    min_score: float = 0.0,
    max_distance: float = MAX_DISTANCE,
) -> list[PoseSequence]:
    """The people in a video's file of MMPose, on COCO17; frame numbers are the file's.

    Args:
        path: the predictions.
        fps: frames per second.
        name: the video; None for the file's name.
        image_size: (width, height) in pixels, which the file does not tell.
        min_score: people of a lower ``bbox_score`` are left out.
        max_distance: for people without ``track_id``, see `hanet.formats.linking.associate`.

    Raises:
        FileNotFoundError: no such file.
        KeypointFileError: not JSON, another format, a wrong count of keypoints, names without COCO's, a
            negative frame or one that comes twice; the message names the entry.
        ValueError: track numbers that are incomplete or come twice in a frame.
    """
    document = load(path)
    index: list[int] | None = None
    at = ""
    if isinstance(document, dict):
        at = "instance_info."
        expected = "MMPose's object with instance_info: frames of instances"
        checked = check(_Document, document, path, expected=expected)
        frames = checked.instance_info
        if checked.meta_info.keypoint_id2name is not None:
            index = _coco_joints(checked.meta_info.keypoint_id2name, path)
    else:
        expected = "MMPose's list of a video: frame_id and instances"
        frames = check(_Frames, document, path, expected=expected).root
    video, seen = Video(name or path.stem, image_size), set()
    for f, frame in enumerate(frames):
        where = f"{path}, entry {at}{f}"
        if frame.frame_id in seen:
            raise KeypointFileError(f"{where}: frame {frame.frame_id} comes twice; give one video's file")
        seen.add(frame.frame_id)
        for i, instance in enumerate(frame.instances):
            if instance.bbox_score is None or instance.bbox_score >= min_score:
                video.add(frame.frame_id, _person(instance, index, f"{where}.instances.{i}"))
    return sequences(video, COCO17, fps, max_distance=max_distance)


def _coco_joints(names: dict[int, str], path: Path) -> list[int]:
    """Where COCO's joints stand among named keypoints (``left_hip`` is our ``l_hip``)."""
    ours = {name.replace("left_", "l_").replace("right_", "r_"): i for i, name in names.items()}
    if missing := [joint for joint in COCO17.joints if joint not in ours]:
        raise KeypointFileError(
            f"{path}, entry meta_info.keypoint_id2name: no {', '.join(missing)} among {len(names)} names; "
            "run a model trained on COCO's"
        )
    return [ours[joint] for joint in COCO17.joints]


def _person(instance: _Instance, index: list[int] | None, where: str) -> Person:
    points, scores = len(instance.keypoints), len(instance.keypoint_scores)
    wanted = len(COCO17) if index is None else max(index) + 1
    if points != scores or points < wanted or (index is None and points != wanted):
        raise KeypointFileError(
            f"{where}: {points} keypoints and {scores} scores, expected {wanted}"
            f"{'' if index is None else ' or more'} of each; run a model trained on COCO's keypoints, or "
            "write the keypoints' names"
        )
    rows = slice(None) if index is None else index
    return Person(
        keypoints=np.asarray(instance.keypoints, dtype=np.float64)[rows],
        scores=np.asarray(instance.keypoint_scores, dtype=np.float64)[rows],
        box=None if instance.bbox is None else np.array(instance.bbox),
        track=instance.track_id,
        where=where,
    )
