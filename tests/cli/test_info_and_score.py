"""``hanet info`` and ``hanet score`` on files of other programs."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import COCO17, H36M17
from tests.cli.test_refine import cache, invoke, people
from tests.support import keypoint_writers as writers


def test_info_says_what_is_in_a_file(tmp_path):
    found = people()
    found[10:16, 0, 9] = 0
    found[:, 1, 4] = 0
    found[30, 0, 5, :2] += 150
    path = writers.write_coco(tmp_path / "walk.json", found)
    code, text, _ = invoke("info", path)
    assert code == 0
    assert "coco17 (17 joints), unit px, rate not in the file (give --fps)" in text
    assert "2 tracks in 1 video, 60 frames" in text
    assert "track 0: frames 0 to 59, 0.6% of joint positions missing, 1 gap, the longest 6 frames" in text
    assert "1 leap (first at frame 30)" in text and "never seen: r_ear" in text
    _, text, _ = invoke("info", path, "--fps", 30)
    assert "unit px, 30 fps" in text and "the longest 6 frames (0.2 s)" in text


def test_info_suspects_units(tmp_path):
    found = people()
    found[..., :2] /= 1000
    _, text, _ = invoke("info", writers.write_coco(tmp_path / "walk.json", found))
    assert "suspicious unit: all coordinates lie within 1.5, as shares of the image do" in text
    body = np.random.default_rng(0).normal(0, 0.3, (20, 17, 3)).astype(np.float32)
    track = PoseSequence.joints("a", body * 1000, H36M17, fps=30.0, frame_of_reference="world")
    _, text, _ = invoke("info", cache(tmp_path / "mm.parquet", track))
    assert "suspicious unit: " in text and "divide millimetres by 1000" in text


def test_score_any_two_files(tmp_path):
    found = people(count=1)
    gt = writers.write_coco(tmp_path / "walk.json", found)
    moved = found.copy()
    moved[:, 0, :, 0] += 9  # of a box 180 high: beyond 5 %
    moved[::2, 0, 3] = 0
    shifted = writers.write_coco(tmp_path / "moved.json", moved)
    code, text, error = invoke(
        "score", "--gt", gt, "--detected", gt, "--detected", shifted, "--fps", 30, "--json"
    )
    assert code == 0, error
    rows = json.loads(text)["rows"]
    assert rows["walk.json"]["means"]["pck_005"] == 1 and rows["walk.json"]["means"]["found"] == 1
    assert rows["moved.json"]["means"]["found"] == pytest.approx(1 - 30 / 1020)
    assert rows["moved.json"]["means"]["pck_010"] == pytest.approx(1 - 30 / 1020)
    _, text, _ = invoke("score", "--gt", gt, "--detected", shifted, "--fps", 30)
    assert (
        "walk.json: 1 sequence, 60 frames" in " ".join(text.split()) and "[" not in text
    )  # no interval over one sequence
    assert "pck_010" in text and "moved.json" in text
    code, _, error = invoke("score", "--gt", gt, "--detected", gt)
    assert code == 2 and "give --fps" in error


def joints(frames: int = 60) -> PoseSequence:
    rng = np.random.default_rng(2)
    values = rng.normal(0, 0.3, (1, 17, 3)) + 0.01 * np.cumsum(rng.normal(size=(frames, 17, 3)), axis=0)
    return PoseSequence.joints(
        "walk", values.astype(np.float32), H36M17, fps=30.0, frame_of_reference="world"
    )


def test_score_matches_frames_by_number_and_refuses_what_does_not_fit(tmp_path):
    whole = joints()
    gt = cache(tmp_path / "gt.parquet", whole)

    def scored(track: PoseSequence) -> tuple[int, str]:
        path = cache(tmp_path / "x.parquet", track)
        code, text, error = invoke("score", "--gt", gt, "--detected", path, "--json")
        return code, text or error

    code, text = scored(whole.part(slice(20, 60)))
    means = json.loads(text)["rows"]["x.parquet"]["means"]
    assert code == 0 and means["mpjpe_mm"] == 0 and means["found"] == pytest.approx(2 / 3)
    code, text = scored(replace(whole, start=100))
    assert code == 2 and "has frames 100 to 159" in text and "none in common" in text
    code, text = scored(replace(whole, fps=60.0))
    assert code == 2 and "fps is 60.0, that of" in text
    code, text = scored(whole.with_values(whole.values * 1000))
    assert code == 2 and "divide millimetres by 1000" in text
    two = cache(tmp_path / "two.parquet", whole, replace(whole, track=1))
    code, _, error = invoke("score", "--gt", two, "--detected", gt)
    assert code == 2 and "no track walk (1) of" in error
    flat = PoseSequence.keypoints("walk", whole.values[..., :2] * 100, COCO17, fps=30.0)
    code, text = scored(flat)
    assert code == 2 and "representation is 2d" in text
