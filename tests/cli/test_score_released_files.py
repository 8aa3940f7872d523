"""``hanet score --dataset``: frames are those of the images' names, millimetres are named, −1 is missing."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from hanet.cli.app import app
from tests.support.smpl_release_files import objects

runner = CliRunner(env={"COLUMNS": "120", "NO_COLOR": "1"})
FRAMES = 60


def truth() -> np.ndarray:
    """(FRAMES, 17, 3) metres, the root at 0: a body of about half a metre that walks."""
    rng = np.random.default_rng(0)
    body = rng.normal(0, 0.4, (1, 17, 3)) + np.cumsum(rng.normal(0, 0.01, (FRAMES, 17, 3)), axis=0)
    return body - body[:, :1]


def detected() -> np.ndarray:
    """Every joint but the root is 50 mm off, so that the mean over 17 joints is 47.06 mm."""
    shift = np.zeros((17, 3))
    shift[1:] = [0.03, 0.04, 0]
    return truth() + shift


def write(path: Path, poses: np.ndarray, frames: np.ndarray | None = None) -> Path:
    numbers = np.arange(FRAMES) if frames is None else frames
    names = np.array([f"seq0/image_{number:05}.jpg" for number in numbers])
    np.savez(path, imgname=objects([names]), joints_3d=objects([poses.reshape(FRAMES, -1)]))
    return path


def score(folder: Path, gt: Path, poses: Path) -> tuple[int, str]:
    arguments = ["score", "--gt", str(gt), "--detected", str(poses), "--dataset", "h36m", "--json"]
    result = runner.invoke(app, arguments)
    return result.exit_code, result.stdout if result.exit_code == 0 else result.stderr


def test_the_error_of_the_same_frames(tmp_path: Path):
    gt, poses = write(tmp_path / "gt.npz", truth()), write(tmp_path / "a.npz", detected())
    code, text = score(tmp_path, gt, poses)
    assert code == 0, text
    assert json.loads(text)["rows"]["input"]["means"]["mpjpe_mm"] == pytest.approx(50 * 16 / 17, abs=0.01)


@pytest.mark.parametrize(
    ("scale", "frames", "missing", "message"),
    [
        (1000.0, np.arange(FRAMES), 0, "divide millimetres by 1000"),
        (1.0, np.arange(FRAMES)[::-1], 0, "another order; give the same frames in the same order"),
        (1.0, np.arange(FRAMES) + 5, 0, "55 of 60 are in both"),
        (1.0, np.arange(FRAMES), 5, r"no pose \(NaN\) in 5 frames"),
        (100.0, np.arange(FRAMES), 0, "expected joints in metres"),
        (1.0, np.zeros(FRAMES, int), 0, "all have the name image_00000"),
        (1.0, np.r_[1, np.arange(1, FRAMES)], 0, "59 of 60 are in both"),
        (1.0, np.arange(FRAMES) // 2, 0, "30 of 60 are in both"),
    ],
)
def test_other_frames_and_units_are_refused(
    tmp_path: Path, scale: float, frames: np.ndarray, missing: int, message: str
):
    found = detected() * scale
    found[10 : 10 + missing] = -1
    gt, poses = write(tmp_path / "gt.npz", truth() * scale), write(tmp_path / "a.npz", found, frames)
    code, text = score(tmp_path, gt, poses)
    assert code == 2 and text.count("\n") == 1
    assert re.search(message, text), text


def test_a_frame_of_zeros_is_missing(tmp_path: Path):
    """The root alone may be in the origin."""
    found = detected()
    found[20:23] = 0
    gt, poses = write(tmp_path / "gt.npz", truth()), write(tmp_path / "a.npz", found)
    code, text = score(tmp_path, gt, poses)
    assert code == 2 and "no pose (NaN) in 3 frames that are to be scored, the first is 20" in text


@pytest.mark.parametrize(
    "name", ["/data/val/seq0/image_{:05}.jpg", "C:\\val\\seq0\\image_{:05}.PNG", "seq0/image_{:05}"]
)
def test_names_of_images_match_by_their_last_parts(tmp_path: Path, name: str):
    gt, poses = write(tmp_path / "gt.npz", truth()), tmp_path / "a.npz"
    names = np.array([name.format(number) for number in range(FRAMES)])
    np.savez(poses, imgname=objects([names]), joints_3d=objects([detected().reshape(FRAMES, -1)]))
    code, text = score(tmp_path, gt, poses)
    assert code == 0, text
    assert json.loads(text)["rows"]["input"]["means"]["mpjpe_mm"] == pytest.approx(50 * 16 / 17, abs=0.01)


def test_another_sequence_is_refused(tmp_path: Path):
    gt, poses = write(tmp_path / "gt.npz", truth()), tmp_path / "a.npz"
    names = np.array([f"val/xseq0/image_{number:05}.jpg" for number in range(FRAMES)])
    np.savez(poses, imgname=objects([names]), joints_3d=objects([detected().reshape(FRAMES, -1)]))
    code, text = score(tmp_path, gt, poses)
    assert code == 2 and "does not fit" in text
