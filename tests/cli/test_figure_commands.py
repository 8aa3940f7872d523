"""The commands `hanet figure …`: files they write, and how they fail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from hanet.cli.app import app
from hanet.figures import video
from hanet.poses.sequence import PoseSequence

runner = CliRunner(env={"COLUMNS": "120", "NO_COLOR": "1"})


@pytest.fixture
def joints(tmp_path: Path, person: PoseSequence, noisy, write: Callable[..., Path]) -> list[str]:
    """Arguments that name caches of 3D joints and their sequence."""
    gt = write(tmp_path / "gt.parquet", person)
    poses = write(tmp_path / "in.parquet", noisy(person, 0.05), estimator="made")
    return ["--gt", str(gt), "--poses", f"input={poses}", "--poses", f"hanet={gt}", "--sequence", "walk"]


@pytest.fixture
def flat(tmp_path: Path, keypoints: PoseSequence, noisy, write: Callable[..., Path]) -> list[str]:
    """Arguments that name caches of keypoints and their sequence."""
    other = replace(keypoints, track=2)
    gt = write(tmp_path / "gt2.parquet", keypoints, other)
    poses = write(tmp_path / "in2.parquet", noisy(keypoints, 5.0), noisy(other, 5.0), estimator="made")
    return ["--gt", str(gt), "--poses", f"input={poses}", "--sequence", "dance"]


def run(command: str, *arguments: str | Path) -> str:
    result = runner.invoke(app, ["figure", command, *map(str, arguments)])
    assert result.exit_code == 0, result.output
    return result.stdout


def failure(command: str, *arguments: str | Path) -> str:
    result = runner.invoke(app, ["figure", command, *map(str, arguments)])
    assert result.exit_code == 2 and "Traceback" not in result.output
    return result.stderr


def test_curves_and_views(joints: list[str], tmp_path: Path):
    out = tmp_path / "new" / "a.svg"
    assert run("curves", *joints, "--out", out) == f"wrote {out}\n"
    assert out.read_text().startswith("<?xml")
    again = tmp_path / "b.svg"
    run("curves", *joints, "--out", again)
    assert out.read_bytes() == again.read_bytes()
    run("views", *joints, "--frames", "0,45", "--out", tmp_path / "v.png")
    run("views", *joints, "--out", tmp_path / "w.png")
    widths = [Image.open(tmp_path / name).width for name in ("v.png", "w.png")]
    assert widths == [1800, 1800]


def test_skeletons_and_people_on_images(flat: list[str], tmp_path: Path):
    images = tmp_path / "images"
    images.mkdir()
    for frame in (6, 7):
        Image.fromarray(np.full((240, 320, 3), 90, dtype=np.uint8)).save(images / f"{frame}.png")
    run("skeletons", *flat, "--track", 2, "--frames", "6,7", "--images", images, "--out", tmp_path / "s.png")
    run("skeletons", *flat, "--out", tmp_path / "blank.png")
    poses = [flat[1], "--sequence", "dance", "--frames", "6,7"]
    run("people", "--poses", *poses, "--images", images, "--out", tmp_path / "p.png")
    assert all((tmp_path / name).stat().st_size > 5000 for name in ("s.png", "blank.png", "p.png"))
    message = failure("people", "--poses", *poses[:3], "--frames", "8", "--images", images, "--out", "p.png")
    assert "no image of frame 8; there are 2 images, of frames 6 to 7" in message


def test_videos(joints: list[str], flat: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(video, "MP4_WIDTH", 240)
    monkeypatch.setattr(video, "GIF_WIDTH", 240)
    run("video", *joints, "--seconds", "0.1", "--out", tmp_path / "a.mp4")
    run("video", *flat, "--start", "20", "--seconds", "9", "--out", tmp_path / "a.gif")
    assert Image.open(tmp_path / "a.gif").n_frames == 3  # frames 20, 22 and 24, the last of the sequence
    message = failure("video", *flat, "--start", "25", "--out", tmp_path / "b.gif")
    assert "dance: expected frames within 5..24, got frame 25" in message


def test_what_a_user_can_mend_is_one_message(joints: list[str], flat: list[str], tmp_path: Path):
    out = ("--out", tmp_path / "a.svg")
    assert "no sequence run; it has 1: walk (track 0)" in failure("curves", *joints[:-1], "run", *out)
    gone = ["--gt", tmp_path / "gone.parquet", *joints[2:]]
    assert "gone.parquet: expected a pose cache, got no such file" in failure("curves", *gone, *out)
    other = [*joints[:2], *flat[2:4], *joints[-2:]]
    assert "in2.parquet: expected poses on h36m17" in failure("curves", *other, *out)
    assert "expected METHOD=FILE" in failure("curves", *joints, "--poses", "x", *out)
    assert "ends in .svg or .png" in failure("curves", *joints, "--out", "a.gif")
    assert "ends in .mp4 or .gif" in failure("video", *joints, "--out", "a.png")
    assert "as in 0,10,20, got '1;2'" in failure("views", *joints, "--frames", "1;2", *out)
    assert "expected 2d poses, got 3d" in failure(
        "people", "--poses", *joints[1:2], *joints[-2:], "--frames", "0", *out
    )
    assert not (tmp_path / "a.svg").exists()
