"""The commands from a video to refined poses, MediaPipe stood in for: what they write, and how they fail."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from hanet.cache.files import CacheWriter, PoseCache
from hanet.cli.app import app
from hanet.download.unpack import ArchiveError
from hanet.estimators.mediapipe.engine import PYTHON_VARIABLE
from hanet.estimators.mediapipe.people import People
from hanet.estimators.mediapipe.video import Video
from hanet.figures.video import write_mp4
from hanet.models import checkpoints
from hanet.models.hanet import HANet, HANetConfig
from hanet.models.smoothnet import SmoothNet, SmoothNetConfig
from hanet.models.trained_on import KEY, PoseKind
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import COCO17, H36M17
from tests.support.mediapipe_stand_in import stand_in

KIND = PoseKind("h36m17", "3d", "m", "camera_root_relative", 50.0)
LEVELS = [0, *range(100, 110), 0, 0, *range(110, 120), *[0] * 12, *range(120, 126)]
"""Of 25 a second: a first frame without a person, gaps of 2 and of 12 frames."""

runner = CliRunner(env={"COLUMNS": "120", "NO_COLOR": "1"})


@pytest.fixture(autouse=True)
def python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PYTHON_VARIABLE, str(stand_in(tmp_path / "python")))


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "walk.mp4"
    write_mp4(path, (np.full((48, 64, 3), level, np.uint8) for level in LEVELS), fps=25.0)
    return path


@pytest.fixture
def poses(tmp_path: Path, film: Path) -> Path:
    run("estimate", film, "--out", tmp_path / "poses.parquet", "--keypoints", tmp_path / "flat.parquet")
    return tmp_path / "poses.parquet"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A HANet as it is before training."""
    torch.manual_seed(0)
    config = HANetConfig(channels=51, interval=5, window=11, hidden=8, layers=1)
    checkpoints.save(HANet(config), tmp_path / "hanet", metadata={KEY: KIND.to_dict()})
    return tmp_path / "hanet"


def run(*arguments: str | Path) -> str:
    result = runner.invoke(app, list(map(str, arguments)))
    assert result.exit_code == 0, result.output
    return result.stdout


def failure(*arguments: str | Path, code: int = 2) -> str:
    result = runner.invoke(app, list(map(str, arguments)))
    assert result.exit_code == code and "Traceback" not in result.output
    return result.stderr


# --- estimate


def test_estimate_writes_joints_and_keypoints(tmp_path, film):
    out, flat = tmp_path / "new" / "a.parquet", tmp_path / "new" / "b.parquet"
    text = run("estimate", film, "--out", out, "--keypoints", flat)
    assert "walk.mp4: 41 frames at 25 fps, a person in 63.4%" in text
    assert f"wrote {out}: 3d, h36m17, m" in text and f"wrote {flat}: 2d, coco17, px" in text
    cache = PoseCache.open(out)
    assert (cache.metadata.dataset, cache.metadata.estimator) == ("walk", "mediapipe")
    assert len(cache.metadata.provenance["video_sha256"]) == 64
    [track] = cache.sequences()
    assert np.isnan(track.values[0]).all() and len(track) == 41
    assert PoseCache.open(flat).metadata.representation == "2d"


def test_estimate_at_another_frame_rate(tmp_path, film):
    assert "21 frames at 12.5 fps" in run("estimate", film, "--out", tmp_path / "a.parquet", "--fps", "12.5")
    assert PoseCache.open(tmp_path / "a.parquet").metadata.fps == 12.5


def test_estimate_says_where_the_person_changes(tmp_path, film, monkeypatch):
    monkeypatch.setattr("hanet.estimators.mediapipe.pose.changes", lambda keypoints: [5, 30])
    text = run("estimate", film, "--out", tmp_path / "a.parquet", "--keypoints", tmp_path / "b.parquet")
    assert "switched to another person at frame 5, 30: tracks 0 to 2" in text
    assert [(s.track, s.start) for s in PoseCache.open(tmp_path / "a.parquet").sequences()] == [
        (0, 0), (1, 5), (2, 30),
    ]  # fmt: skip
    poses = ["--poses", f"input={tmp_path / 'a.parquet'}", "--video", film]
    flat = ["--keypoints", tmp_path / "b.parquet"]
    run("compare", *poses, *flat, "--out", tmp_path / "a.png", "--track", "2", "--start", "36")
    assert "no sequence walk, track 3" in failure(
        "compare", *poses, "--out", tmp_path / "b.png", "--track", "3"
    )


def test_estimate_fails_without_a_half_written_file(tmp_path, film, monkeypatch):
    out = tmp_path / "a.parquet"
    assert "no video that FFmpeg can read" in failure("estimate", tmp_path / "python", "--out", out)
    monkeypatch.setenv(PYTHON_VARIABLE, str(tmp_path / "absent"))
    assert "unset HANET_MEDIAPIPE_PYTHON" in failure("estimate", film, "--out", out)
    assert not out.exists()


def test_estimate_takes_the_model_that_is_named(tmp_path, film):
    out = tmp_path / "a.parquet"
    assert "has the full model alone, got heavy" in failure(
        "estimate", film, "--out", out, "--model", "heavy"
    )
    assert not out.exists()
    run("estimate", film, "--out", out, "--model", "full")
    assert PoseCache.open(out).metadata.provenance["model"] == "full"
    assert "Invalid value for '--model'" in failure("estimate", film, "--out", out, "--model", "lite")


def test_estimate_follows_several_people(tmp_path, film, monkeypatch):
    out, flat = tmp_path / "a.parquet", tmp_path / "b.parquet"
    several = ("estimate", film, "--out", out, "--keypoints", flat, "--people", "2")
    assert "follows one person: unset HANET_MEDIAPIPE_PYTHON" in failure(*several)
    assert not out.exists()
    monkeypatch.setattr("hanet.estimators.mediapipe.engine.find_python", lambda: None)
    monkeypatch.setattr("hanet.estimators.mediapipe.people.estimate_people", two_people)
    text = run(*several)
    assert "walk.mp4: 41 frames at 25 fps, tracks of people: 2" in text
    assert "walk.mp4: track 1: frames 5 to 40, seen in 100.0%" in text
    for path, skeleton in ((out, "h36m17"), (flat, "coco17")):
        stored = list(PoseCache.open(path).sequences())
        assert [(one.track, one.start, len(one), one.skeleton.name) for one in stored] == [
            (0, 0, 41, skeleton), (1, 5, 36, skeleton),
        ]  # fmt: skip


def two_people(video: Video, count: int, **options: Any) -> People:
    """Tracks of a person in all frames, and of another from frame 5 on."""
    spans = [(0, 41), (1, 36)]
    rng = np.random.default_rng(0)
    return People(
        joints=[
            PoseSequence.joints(
                "walk", rng.normal(size=(n, 17, 3)).astype(np.float32), H36M17, fps=25.0, track=track,
                start=41 - n, frame_of_reference="camera_root_relative",
            )
            for track, n in spans
        ],
        keypoints=[
            PoseSequence.keypoints(
                "walk", rng.uniform(0, 40, (n, 17, 2)).astype(np.float32), COCO17, fps=25.0, track=track,
                start=41 - n,
            )
            for track, n in spans
        ],
        seen=[1.0, 1.0],
        frames=41,
        provenance={"people": count},
    )  # fmt: skip


# --- refine


def test_refine_fills_short_gaps_and_leaves_long_ones(tmp_path, poses, model):
    out = tmp_path / "refined.parquet"
    text = run("refine", poses, "--model", model, "--out", out)
    assert "25 fps, refined at the model's 50" in text
    assert (
        "41 frames, 255 of 697 joint positions missing (34 filled, 221 left missing); mean acceleration"
        in text
    )
    cache = PoseCache.open(out)
    assert cache.metadata.estimator == "mediapipe+hanet" and cache.metadata.fps == 25.0
    parameters = cache.metadata.provenance["parameters"]
    assert {k: parameters[k] for k in ("stride", "mirror", "longest_gap", "trained_fps")} == {
        "stride": 5, "mirror": False, "longest_gap": 6, "trained_fps": 50.0,
    }  # fmt: skip
    assert cache.metadata.provenance["detected_sha256"] == PoseCache.open(poses).content_hash()
    [track] = cache.sequences()
    known = np.isfinite(track.values).all(axis=(1, 2))
    assert (~known).nonzero()[0].tolist() == [0, *range(23, 35)]
    assert track.labelled is not None and (~track.labelled[:, 0]).nonzero()[0].tolist() == [
        0, 11, 12, *range(23, 35),
    ]  # fmt: skip


def test_refine_with_its_options(tmp_path, poses, model):
    outs = [tmp_path / f"{i}.parquet" for i in range(3)]
    run("refine", poses, "--model", model, "--out", outs[0])
    run("refine", poses, "--model", model, "--out", outs[1], "--stride", "1", "--mirror", "--max-gap", "0")
    text = run("refine", poses, "--model", model, "--out", outs[2], "--max-gap", "1")
    assert "(238 filled, 17 left missing)" in text
    parameters = PoseCache.open(outs[1]).metadata.provenance["parameters"]
    assert (parameters["stride"], parameters["mirror"], parameters["longest_gap"]) == (1, True, 0)
    plain, other, filled = (next(PoseCache.open(out).sequences()).values for out in outs)
    assert np.isnan(other[11]).all() and np.isfinite(plain[11]).all() and np.isfinite(filled[30]).all()


def test_refine_with_smoothnet_at_its_own_rate(tmp_path, poses):
    torch.manual_seed(0)
    kind = replace(KIND, fps=25.0)
    network = SmoothNet(SmoothNetConfig(window=8, hidden=16, residual_hidden=8))
    checkpoints.save(network, tmp_path / "smoothnet", metadata={KEY: kind.to_dict()})
    text = run("refine", poses, "--model", tmp_path / "smoothnet", "--out", tmp_path / "a.parquet")
    assert "refined at" not in text
    assert PoseCache.open(tmp_path / "a.parquet").metadata.provenance["parameters"]["stride"] == 1


def test_refine_refuses_poses_of_another_kind(tmp_path, poses, model):
    message = failure("refine", tmp_path / "flat.parquet", "--model", model, "--out", tmp_path / "a.parquet")
    assert (
        "trained on poses of skeleton h36m17, got coco17; of representation 3d, got 2d; of unit m" in message
    )
    assert not (tmp_path / "a.parquet").exists()
    assert "is missing: a checkpoint is a folder" in failure(
        "refine", poses, "--model", tmp_path, "--out", tmp_path / "a.parquet"
    )


def test_refine_asks_what_a_silent_checkpoint_was_trained_on(tmp_path, poses, model):
    network = checkpoints.load(model)
    hashes = {"train": PoseCache.open(poses).content_hash()}
    checkpoints.save(network, model, metadata={"data_sha256": hashes})
    arguments = ["refine", poses, "--model", model, "--out", tmp_path / "a.parquet"]
    assert "lacks the kind of poses it was trained on" in failure(*arguments)
    run(*arguments, "--trained-on", poses)
    arguments.append("--force")
    other = tmp_path / "flat.parquet"
    assert f"was not trained on {other}" in failure(*arguments, "--trained-on", other)


def test_the_mirror_needs_a_camera(tmp_path, poses):
    cache = PoseCache.open(poses)
    world = replace(cache.metadata, frame_of_reference="world_root_relative")
    with CacheWriter(tmp_path / "world.parquet", world) as writer:
        for track in cache.sequences():
            writer.write(replace(track, frame_of_reference="world_root_relative"))
    network = SmoothNet(SmoothNetConfig(window=8, hidden=16, residual_hidden=8))
    kind = replace(KIND, frame_of_reference="world_root_relative")
    checkpoints.save(network, tmp_path / "world", metadata={KEY: kind.to_dict()})
    arguments = [
        "refine",
        tmp_path / "world.parquet",
        "--model",
        tmp_path / "world",
        "--out",
        tmp_path / "a.parquet",
    ]
    assert "--mirror needs 3D joints in a camera's frame" in failure(*arguments, "--mirror")
    run(*arguments)


# --- export


def test_export_writes_every_format(tmp_path, poses):
    for ending in ("json", "csv", "npz", "parquet", "trc"):
        out = tmp_path / f"out.{ending}"
        assert run("export", poses, "--to", out) == f"wrote {out}\n"
    assert json.loads((tmp_path / "out.json").read_text())["joints"] == list(H36M17.joints)
    assert "'up' is not one of" in failure("export", poses, "--to", tmp_path / "b.trc", "--up", "up")
    run("export", poses, "--to", tmp_path / "b.trc", "--up", "y", "--sequence", "walk", "--track", "0")
    assert "nothing to write" in failure("export", poses, "--to", tmp_path / "c.csv", "--sequence", "run")


# --- compare


def test_compare_writes_a_video_and_a_still(tmp_path, film, poses):
    both = ["--poses", f"input={poses}", "--poses", f"hanet={poses}", "--video", film]
    flat = ["--keypoints", tmp_path / "flat.parquet"]
    out = tmp_path / "a.mp4"
    assert run("compare", *both, *flat, "--out", out, "--start", "3", "--seconds", "0.2") == f"wrote {out}\n"
    with av.open(str(out)) as file:
        stream = file.streams.video[0]
        assert (stream.width, stream.frames, stream.average_rate) == (1280, 5, 25)
    run("compare", *both, *flat, "--crop", "--out", tmp_path / "a.png", "--start", "4")
    with Image.open(tmp_path / "a.png") as image:
        assert image.width == 1280


def test_compare_keypoints_on_blank(tmp_path, poses):
    out = tmp_path / "a.gif"
    run(
        "compare",
        "--poses",
        f"input={tmp_path / 'flat.parquet'}",
        "--out",
        out,
        "--seconds",
        "0.3",
        "--sequence",
        "walk",
    )
    assert out.stat().st_size > 0


def test_compare_refuses(tmp_path, film, poses):
    one = ["--poses", f"input={poses}"]
    assert "ends in .mp4 or .gif or .png" in failure("compare", *one, "--out", tmp_path / "a.avi")
    assert "no frames were chosen" in failure("compare", *one, "--out", tmp_path / "a.mp4", "--start", "99")
    assert "no sequence run" in failure("compare", *one, "--out", tmp_path / "a.mp4", "--sequence", "run")
    small = tmp_path / "small.mp4"
    write_mp4(small, [np.zeros((20, 20, 3), np.uint8)] * 50, fps=25.0)
    message = failure("compare", *one, "--video", small, "--out", tmp_path / "a.mp4")
    assert "is 20×20 pixels, the poses are of a video of 64×48" in message
    with CacheWriter(tmp_path / "empty.parquet", PoseCache.open(poses).metadata):
        pass
    empty = ["--poses", f"input={tmp_path / 'empty.parquet'}"]
    assert "holds no poses" in failure("compare", *empty, "--out", tmp_path / "a.mp4", code=1)


# --- demo videos


def test_demo_videos_are_listed_with_their_terms(tmp_path, monkeypatch):
    def fetch(folder: Path, *, progress: object) -> list[Path]:
        return [folder / f"{i}.mp4" for i in range(5)]

    monkeypatch.setattr("hanet.download.demo_videos.demo_videos", fetch)
    lines = run("demo-videos", tmp_path).splitlines()
    assert len(lines) == 5 and lines[4].startswith(f"{tmp_path}/4.mp4: one person")
    assert "sports2d==0.8.34, BSD-3-Clause" in lines[4]


def test_demo_videos_that_cannot_be_had(tmp_path, monkeypatch):
    def fetch(folder: Path, *, progress: object) -> list[Path]:
        raise ArchiveError("no index offers it")

    monkeypatch.setattr("hanet.download.demo_videos.demo_videos", fetch)
    assert "Error: no index offers it" in failure("demo-videos", tmp_path)
