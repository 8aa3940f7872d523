"""Annotations of a video in the layouts of PoseTrack2017 and of PoseTrack2018."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hanet.datasets.posetrack import year2017, year2018
from hanet.poses.sequence import PoseSequence
from hanet.poses.video_labels import PoseTrackVideo

NAMES17 = [
    *("right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle"),
    *("right_wrist", "right_elbow", "right_shoulder", "left_shoulder", "left_elbow", "left_wrist"),
    *("head_bottom", "nose", "head_top"),
]
"""PoseTrack2017's joints in the order of their ids."""
NAMES18 = [
    *("nose", "head_bottom", "head_top", "left_ear", "right_ear", "left_shoulder", "right_shoulder"),
    *("left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip"),
    *("left_knee", "right_knee", "left_ankle", "right_ankle"),
]
"""The order in PoseTrack2018's files."""

Keypoints = dict[str, tuple[float, float]]


@dataclass
class Scene:
    """A video as an annotator sees it: keypoints by name and a head box for each (track, frame)."""

    frames: list[int]
    labelled: set[int]
    people: dict[tuple[int, int], tuple[Keypoints, tuple[float, float, float, float]]]
    ignore: dict[int, list[list[tuple[float, float]]]] = field(default_factory=dict)


def write17(folder: Path, scene: Scene, name: str = "00522_mpii", *, code: float | None = None) -> Path:
    """MATLAB's lists of one; missing joints are left out, or with `code` written as that."""

    def rect(track: int, keypoints: Keypoints, head: tuple[float, ...]) -> dict[str, Any]:
        points = [
            {"id": [i], "x": [keypoints[joint][0]], "y": [keypoints[joint][1]], "is_visible": [i % 2]}
            if joint in keypoints
            else {"id": [i], "x": [code], "y": [code], "is_visible": [0]}
            for i, joint in enumerate(NAMES17)
            if joint in keypoints or code is not None
        ]
        return {
            **{key: [value] for key, value in zip(("x1", "y1", "x2", "y2"), head, strict=True)},
            "track_id": [track],
            "annopoints": [{"point": points}] if points else [],
        }

    def regions(frame: int) -> dict[str, Any]:
        polygons = scene.ignore.get(frame, [])
        listed = [{"point": [{"x": [x], "y": [y]} for x, y in polygon]} for polygon in polygons]
        return {"ignore_regions": listed} if listed else {}

    annolist = [
        {
            "image": [{"name": f"images/bonn_5sec/{name}/{frame:08}.jpg"}],
            "imgnum": [i],
            "is_labeled": [int(frame in scene.labelled)],
            "annorect": [rect(t, *person) for (t, f), person in scene.people.items() if f == frame],
            **regions(frame),
        }
        for i, frame in enumerate(scene.frames)
    ]
    path = folder / f"{name}.json"
    path.write_text(json.dumps({"annolist": annolist}))
    return path


def write18(folder: Path, scene: Scene, name: str = "000522_mpii_test", *, code: float | None = None) -> Path:
    """COCO-like; missing joints are coded 0, or `code`."""
    fill = 0.0 if code is None else code

    def flat(keypoints: Keypoints) -> list[float]:
        return [
            number
            for joint in NAMES18
            for number in (
                *keypoints.get(joint, (0 if joint.endswith("ear") else fill,) * 2),
                int(joint in keypoints),
            )
        ]

    def wide(box: tuple[float, float, float, float]) -> list[float]:
        x1, y1, x2, y2 = box
        return [x1, y1, x2 - x1, y2 - y1]

    images = [
        {
            "id": 10_000 + frame,
            "frame_id": 10_000 + frame,
            "file_name": f"images/val/{name}/{frame:06}.jpg",
            "vid_id": name[:6],
            "nframes": len(scene.frames),
            "is_labeled": frame in scene.labelled,
            **({"width": 640, "height": 480} if frame % 2 == 0 else {}),
            **(
                {
                    "ignore_regions_x": [[x for x, _ in p] for p in scene.ignore[frame]],
                    "ignore_regions_y": [[y for _, y in p] for p in scene.ignore[frame]],
                }
                if frame in scene.ignore
                else {}
            ),
        }
        for frame in scene.frames
    ]
    annotations = [
        {
            "id": i,
            "image_id": 10_000 + frame,
            "track_id": track,
            "category_id": 1,
            "keypoints": flat(keypoints),
            "scores": [],
            "bbox_head": wide(head),
            "bbox": wide((1.0, 2.0, 31.0, 42.0)),
        }
        for i, ((track, frame), (keypoints, head)) in enumerate(scene.people.items())
    ]
    path = folder / f"{name}.json"
    categories = [{"id": 1, "name": "person", "supercategory": "person", "keypoints": NAMES18}]
    path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories}))
    return path


Year = tuple[Callable[..., Path], Callable[[Path], tuple[PoseTrackVideo, tuple[PoseSequence, ...]]]]
YEARS: dict[str, Year] = {
    "2017": (write17, year2017.read_video),
    "2018": (write18, year2018.read_video),
}
"""The writer of each year's files, and what reads them."""

HEAD = (10.0, 20.0, 40.0, 60.0)
POSE: Keypoints = {joint: (8.0 * i + 1, 4.0 * i + 2) for i, joint in enumerate(NAMES17)}
WALL = [(0.0, 0.0), (9.0, 0.0), (9.0, 9.0)]


def scene() -> Scene:
    """Frames 4-9, labelled 4, 6, 8: track 3 in 4 and 8 but not in 6, track 0 in 6; frame 8 has a region."""
    people = {(3, 4): (POSE, HEAD), (3, 8): (POSE | {"nose": (-2.5, 7.0)}, HEAD), (0, 6): (POSE, HEAD)}
    return Scene(list(range(4, 10)), {4, 6, 8}, people, {8: [WALL, WALL[::-1]]})
