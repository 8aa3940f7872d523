"""Files as the estimators write them, made from the same people; written apart from the readers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

# Names in the order of each set's own documentation.
_PAIRS = ["shoulder", "elbow", "wrist", "hip", "knee", "ankle"]
COCO_NAMES = ["nose", *(f"{side}_{part}" for part in ["eye", "ear", *_PAIRS] for side in ("left", "right"))]
OPENPOSE18_NAMES = [
    *(
        "nose",
        "neck",
        "right_shoulder",
        "right_elbow",
        "right_wrist",
        "left_shoulder",
        "left_elbow",
        "left_wrist",
    ),
    *("right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle"),
    *("right_eye", "left_eye", "right_ear", "left_ear"),
]
_FEET = [f"{side}_{part}" for side in ("left", "right") for part in ("big_toe", "small_toe", "heel")]
_HANDS = [f"{side}_hand_{i}" for side in ("left", "right") for i in range(21)]
_FACE = [f"face-{i}" for i in range(68)]
_HALPE = [
    *COCO_NAMES,
    *("head", "neck", "mid_hip", "left_big_toe", "right_big_toe", "left_small_toe", "right_small_toe"),
    *("left_heel", "right_heel"),
]
NAMES: dict[str, list[str]] = {
    "coco17": COCO_NAMES,
    "posetrack17": ["nose", "head_bottom", "head_top", *COCO_NAMES[3:]],
    "h36m17": [
        *("mid_hip", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle"),
        *("spine", "neck", "nose", "head", "left_shoulder", "left_elbow", "left_wrist"),
        *("right_shoulder", "right_elbow", "right_wrist"),
    ],
    "openpose18": OPENPOSE18_NAMES,
    "coco18": [*COCO_NAMES, "neck"],
    "mpi15": ["head", *OPENPOSE18_NAMES[1:14], "spine"],
    "body25": [
        *OPENPOSE18_NAMES[:8],
        "mid_hip",
        *OPENPOSE18_NAMES[8:],
        *_FEET,
    ],
    "body25b": [*COCO_NAMES, "neck", "head", *_FEET],
    "halpe26": _HALPE,
    "halpe68": [*_HALPE, *_HANDS],
    "halpe136": [*_HALPE, *_FACE, *_HANDS],
    "wholebody133": [*COCO_NAMES, *_FEET, *_FACE, *_HANDS],
}
_HEIGHT = 200.0
_PLACES: dict[str, tuple[float, float]] = {  # of a standing person of height 1, left is at positive x
    "nose": (0.0, 0.09),
    "eye": (0.02, 0.07),
    "ear": (0.04, 0.08),
    "head": (0.0, 0.0),
    "head_top": (0.0, 0.0),
    "head_bottom": (0.0, 0.15),
    "neck": (0.0, 0.18),
    "shoulder": (0.11, 0.18),
    "elbow": (0.16, 0.33),
    "wrist": (0.18, 0.47),
    "spine": (0.0, 0.35),
    "mid_hip": (0.0, 0.5),
    "hip": (0.07, 0.5),
    "knee": (0.08, 0.73),
    "ankle": (0.08, 0.95),
    "heel": (0.08, 0.98),
    "big_toe": (0.1, 1.0),
    "small_toe": (0.12, 0.99),
}


def _place(name: str) -> tuple[float, float]:
    if name.startswith("face"):
        i = int(name.rsplit("-", 1)[1])
        return 0.03 * np.cos(i), 0.08 + 0.03 * np.sin(i)
    side, _, part = name.partition("_")
    sign = {"left": 1.0, "right": -1.0}.get(side, 0.0)
    if part.startswith("hand"):
        i = int(part.rsplit("_", 1)[1])
        return sign * (0.18 + 0.01 * np.cos(i)), 0.49 + 0.02 * np.sin(i)
    x, y = _PLACES[part if sign else name]
    return (sign * x if sign else x), y


def bodies(names: str = "coco17", frames: int = 4, count: int = 2, seed: int = 0) -> np.ndarray:
    """(frames, count, joints, 3): people of 200 px, some way apart, who move by about a pixel per frame.

    The last numbers are scores.
    """
    rng = np.random.default_rng(seed)
    body = _HEIGHT * np.array([_place(name) for name in NAMES[names]])
    walk = np.cumsum(rng.normal(0, 1, (frames, count, 1, 2)), axis=0)
    place = np.array([200.0, 100.0]) + np.array([300.0, 20.0]) * np.arange(count)[None, :, None, None]
    shake = rng.uniform(-0.4, 0.4, (frames, count, len(body), 2))
    scores = rng.uniform(0.3, 1, (frames, count, len(body), 1))
    return np.concatenate([body + place + walk + shake, scores], axis=-1).round(3)


def people(frames: int = 4, count: int = 2, joints: int = 17, seed: int = 0) -> np.ndarray:
    """`bodies` of the usual set of so many keypoints, or `noise` where there is none."""
    names = {17: "coco17", 18: "openpose18", 25: "body25"}.get(joints)
    return noise(frames, count, joints, seed) if names is None else bodies(names, frames, count, seed)


def noise(frames: int = 4, count: int = 2, joints: int = 17, seed: int = 0) -> np.ndarray:
    """(frames, count, joints, 3): keypoints that do not lie as on a body, otherwise as `bodies`."""
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


def write_ultralytics_json(
    folder: Path, found: np.ndarray, *, size: tuple[int, int] = (1, 1), track_id: bool = False
) -> Path:
    """`Results.to_json` for each frame, `size` for its normalized form."""
    for t, group in enumerate(found):
        results = [
            {
                "name": "person",
                "class": 0,
                "confidence": 0.91,
                "box": {"x1": 1.5 / size[0], "y1": 2.5 / size[1], "x2": 3.5 / size[0], "y2": 4.5 / size[1]},
            }
            | ({"track_id": p + 1} if track_id else {})
            | {
                "keypoints": {
                    "x": (person[:, 0] / size[0]).tolist(),
                    "y": (person[:, 1] / size[1]).tolist(),
                    "visible": person[:, 2].tolist(),
                }
            }
            for p, person in enumerate(group)
        ]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"walk_{t + 1}.json").write_text(json.dumps(results, indent=2))
    return folder


def write_ultralytics_text(
    folder: Path,
    found: np.ndarray,
    *,
    size: tuple[int, int],
    confidence: bool = False,
    tracks: bool = False,
) -> Path:
    """`Results.save_txt` for each frame; images without people have no file."""
    folder.mkdir(parents=True, exist_ok=True)
    for t, group in enumerate(found):
        lines = [
            (0, 0.5, 0.5, 0.25, 0.75, *(person / [*size, 1]).ravel(), *[0.9] * confidence, *[p + 1] * tracks)
            for p, person in enumerate(group)
        ]
        if lines:
            text = "".join(("%g " * len(line)).rstrip() % line + "\n" for line in lines)
            (folder / f"walk_{t + 1}.txt").write_text(text)
    return folder
