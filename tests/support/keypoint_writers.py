"""Files as the estimators write them, made from the same people; written apart from the readers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

COCO_NAMES = [
    "nose",
    "left_eye",
    "right_eye",
    "left_ear",
    "right_ear",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
    "left_hip",
    "right_hip",
    "left_knee",
    "right_knee",
    "left_ankle",
    "right_ankle",
]
# OpenPose's COCO order, by its documentation, with the neck that COCO has not.
OPENPOSE18_NAMES = [
    "nose",
    "neck",
    "right_shoulder",
    "right_elbow",
    "right_wrist",
    "left_shoulder",
    "left_elbow",
    "left_wrist",
    "right_hip",
    "right_knee",
    "right_ankle",
    "left_hip",
    "left_knee",
    "left_ankle",
    "right_eye",
    "left_eye",
    "right_ear",
    "left_ear",
]


def people(frames: int = 4, count: int = 2, joints: int = 17, seed: int = 0) -> np.ndarray:
    """(frames, count, joints, 3): people some way apart who move by about a pixel a frame, with scores."""
    rng = np.random.default_rng(seed)
    body = rng.uniform(0, 100, (1, 1, joints, 2))
    place = 200 + 300 * np.arange(count)[None, :, None, None]
    walk = np.cumsum(rng.normal(0, 1, (frames, count, 1, 2)), axis=0)
    scores = rng.uniform(0.3, 1, (frames, count, joints, 1))
    return np.concatenate([body + place + walk, scores], axis=-1).round(3)


def dump(path: Path, document: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))
    return path


def numbers(person: np.ndarray) -> list[float]:
    return person.ravel().tolist()


def write_coco(
    path: Path, found: np.ndarray, *, first_image: int = 0, tracks: bool = False, **extra: Any
) -> Path:
    entries = [
        {"image_id": first_image + t, "category_id": 1, "keypoints": numbers(person), "score": 0.9}
        | ({"track_id": 7 - p} if tracks else {})
        | extra
        for t, group in enumerate(found)
        for p, person in enumerate(group)
    ]
    return dump(path, entries)


def write_images(path: Path, names: list[str], *, first_image: int = 0, sizes: Any = (640, 480)) -> Path:
    images = []
    for i, name in enumerate(names):
        width, height = sizes[i] if isinstance(sizes, list) else sizes
        images.append({"id": first_image + i, "file_name": name, "width": width, "height": height})
    return dump(path, {"images": images, "annotations": [{"id": 1, "unknown": True}], "categories": []})


def write_openpose(
    folder: Path, found: np.ndarray, *, video: str = "walk", ids: list[int] | None = None
) -> Path:
    for t, group in enumerate(found):
        entries = [
            {
                "person_id": [-1 if ids is None else ids[p]],
                "pose_keypoints_2d": numbers(person),
                "face_keypoints_2d": [],
                "hand_left_keypoints_2d": [],
                "pose_keypoints_3d": [],
            }
            for p, person in enumerate(group)
        ]
        dump(folder / f"{video}_{t:012}_keypoints.json", {"version": 1.3, "people": entries})
    return folder


def write_alphapose(
    path: Path, found: np.ndarray, *, image: str = "{}.jpg", idx: list[Any] | None = None
) -> Path:
    entries = [
        {
            "image_id": image.format(t),
            "category_id": 1,
            "keypoints": numbers(person),
            "score": 2.5,
            "box": [10.0 * p, 20.0, 30.0, 40.0],
        }
        | ({} if idx is None else {"idx": idx[p]})
        for t, group in enumerate(found)
        for p, person in enumerate(group)
    ]
    return dump(path, entries)


def write_alphapose_form(path: Path, found: np.ndarray, form: str) -> Path:
    """The cmu or open form: 18 keypoints, the neck in the middle of the shoulders."""
    outer, inner = {"cmu": ("bodies", "joints"), "open": ("people", "pose_keypoints_2d")}[form]

    def eighteen(person: np.ndarray) -> list[float]:
        named = dict(zip(COCO_NAMES, person, strict=True))
        named["neck"] = (named["left_shoulder"] + named["right_shoulder"]) / 2
        return numbers(np.stack([named[name] for name in OPENPOSE18_NAMES]))

    return dump(
        path,
        {
            f"{t}.jpg": {"version": "AlphaPose v0.3", outer: [{inner: eighteen(person)} for person in group]}
            for t, group in enumerate(found)
        },
    )


def write_mmpose(
    path: Path, found: np.ndarray, *, names: list[str] | None = None, first: int = 0, **extra: Any
) -> Path:
    frames = [
        {
            "frame_id": first + t,
            "instances": [
                {
                    "keypoints": person[:, :2].tolist(),
                    "keypoint_scores": person[:, 2].tolist(),
                    "bbox": [[1.0, 2.0, 3.0, 4.0 + p]],
                    "bbox_score": 0.8,
                }
                | extra
                for p, person in enumerate(group)
            ],
        }
        for t, group in enumerate(found)
    ]
    if names is None:
        return dump(path, frames)
    meta = {"dataset_name": "coco", "keypoint_id2name": {str(i): name for i, name in enumerate(names)}}
    return dump(path, {"meta_info": meta, "instance_info": frames})
