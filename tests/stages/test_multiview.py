"""From videos in a package to scores: a small stand-in for Pose2Sim's demo, and known errors.

The package has the demo's files in their format. The estimator's keypoints are a walker's as each camera sees
them; `full` swaps the legs in eight frames of one camera.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hanet.datasets.pose2sim import demo
from hanet.estimators.mediapipe.pose import Estimate
from hanet.estimators.mediapipe.video import Video
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import COCO17, H36M17, LIMBS12
from stages import multiview
from tests.support.pose2sim_files import FPS, NAMES, cameras, world, write_package

FRAMES = 40
SWAPPED = slice(16, 24)
LEGS = [(COCO17.index(f"l_{part}"), COCO17.index(f"r_{part}")) for part in ("hip", "knee", "ankle")]


def estimated(video: Video, python: Path | None, *, model: str) -> Estimate:
    """What the camera of the video's name sees, with the model's errors."""
    camera = cameras()[NAMES.index(video.path.stem)]
    inside = camera.to_camera(world(FRAMES))
    pixels = camera.project(inside).astype(np.float32)
    if model == "full" and camera.name == "cam03":
        for left, right in LEGS:
            pixels[SWAPPED, [left, right]] = pixels[SWAPPED, [right, left]]
    joints = np.zeros((FRAMES, len(H36M17), 3), np.float32)
    for joint in LIMBS12.joints:
        joints[:, H36M17.index(joint)] = inside[:, COCO17.index(joint)]
    scores = np.full((FRAMES, 17), 0.9, np.float32)
    return Estimate(
        joints=PoseSequence.joints("a", joints, H36M17, fps=FPS, frame_of_reference="camera", scores=scores),
        keypoints=PoseSequence.keypoints("a", pixels, COCO17, fps=FPS, scores=scores),
        seen=1.0,
        starts=[0],
        provenance={"models_sha256": {"pose.tflite": model}},
    )


@pytest.fixture
def numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    wheel = write_package(tmp_path / demo.ARCHIVE.filename, FRAMES)
    archive = replace(demo.ARCHIVE, sha256=hashlib.sha256(wheel.read_bytes()).hexdigest())
    monkeypatch.setattr(demo, "ARCHIVE", archive)
    monkeypatch.setattr(multiview, "estimate", estimated)
    multiview.main(["--to", str(tmp_path / "out"), "--folder", str(tmp_path)])
    return json.loads((tmp_path / "out" / "multiview.json").read_text())


def test_from_videos_to_scores(numbers: dict[str, Any], tmp_path: Path):
    assert numbers["cameras"] == list(NAMES) and numbers["frames"] == FRAMES
    heavy = numbers["models"]["heavy"]
    assert heavy["reprojection_px"] < 1e-3
    assert heavy["2d"]["input"]["pck_005"] == [1.0] * 5
    assert max(heavy["3d"]["input"]["mpjpe_mm"]) < 1e-2  # the truth is the other cameras'
    assert [one["swapped"] for one in heavy["swaps"]] == [0] * 4
    assert numbers["models"]["full"]["reprojection_px"] > 1
    page = (tmp_path / "out" / "multiview.md").read_text()
    assert "One person in 4 calibrated cameras, 40 frames" in page
    assert "| heavy | input | 100.0 (100.0, 100.0, 100.0, 100.0) |" in page
    assert "None" not in page and "nan" not in page


def test_swaps_are_counted_and_mended(numbers: dict[str, Any]):
    swaps = numbers["models"]["full"]["swaps"]
    assert [one["swapped"] > 0 for one in swaps] == [False, False, True, False]
    third = swaps[2]
    assert 0 < third["frames"] <= SWAPPED.stop - SWAPPED.start
    assert third["joints"]["shoulder"] == 0 < third["joints"]["ankle"]
    assert third["mended"] == third["swapped"] and third["wrongly"] == 0
    assert [span for span in third["spans"] if span[0] == "legs"] == [["legs", SWAPPED.start, SWAPPED.stop]]
    before, after = third["error_px"]
    assert before > 1 > 1e-2 > after
    scores = numbers["models"]["full"]["2d"]
    assert scores["input"]["pck_005"][3] < 1 == scores["swaps mended"]["pck_005"][3]


def test_videos_of_other_lengths_are_refused():
    found = {
        model: [estimated(video(name), None, model=model) for name in NAMES] for model in multiview.MODELS
    }
    found["full"][1] = replace(found["full"][1], keypoints=found["full"][1].keypoints.part(slice(0, 30)))
    with pytest.raises(ValueError, match="videos of equal length, got 30, 40 frames"):
        multiview.measured(cameras(), found)


def video(name: str) -> Any:
    """A video of that name alone."""
    return type("Named", (), {"path": Path(f"{name}.mp4")})()
