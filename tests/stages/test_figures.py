"""Stage figures: files, captions, the sequence it shows, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hanet.cache.files import CacheMetadata, CacheWriter
from hanet.figures import video
from hanet.figures.experiment import MAX_GIF_BYTES
from hanet.figures.settings import FigureSettings
from hanet.files.atomic import write_json, write_text
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import COCO17, H36M17
from stages import figures, workspace

METHODS = {"input": None, "gaussian": None, "hanet": 7, "hanet-variant": 7}
NOISE = {"input": 0.05, "gaussian": 0.04, "hanet": 0.01, "hanet-variant": 0.02}
COMMON = ("curves.svg", "motion.mp4", "motion.gif", "budget.svg", "comparison.svg")
SETTINGS = FigureSettings(methods=("input", "smoothnet", "hanet-variant"), seconds=0.2)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small videos: their content is tested elsewhere."""
    monkeypatch.setattr(video, "MP4_WIDTH", 240)
    monkeypatch.setattr(video, "GIF_WIDTH", 240)


def write(path: Path, sequences: list[PoseSequence]) -> None:
    with CacheWriter(
        path, CacheMetadata.of(sequences[0], dataset="d", split="test", estimator="e")
    ) as writer:
        for sequence in sequences:
            writer.write(sequence)


def people(representation: str) -> list[PoseSequence]:
    rng = np.random.default_rng(3)
    found = []
    for i in range(3):
        if representation == "3d":
            values = rng.normal(scale=0.4, size=(1, 17, 3)) + np.linspace(0, 0.1, 40)[:, None, None]
            sequence = PoseSequence(f"s{i}", values, H36M17, "3d", 30.0, "m", "camera_root_relative")
        else:
            values = rng.uniform(20, 200, size=(1, 17, 2)) + np.arange(40.0)[:, None, None]
            boxes = np.concatenate([values.min(axis=1), values.max(axis=1)], axis=1)
            sequence = PoseSequence(f"s{i}", values, COCO17, "2d", 30.0, "px", "image", boxes=boxes)
        found.append(sequence)
    return found


@pytest.fixture
def experiment(project: Path) -> Callable[[str], list[PoseSequence]]:
    """Make the inputs of the stage: caches and reports of three sequences, the first the worst detected."""

    def make(representation: str) -> list[PoseSequence]:
        truth = people(representation)
        rng = np.random.default_rng(5)
        write(workspace.truth_path("x", "test"), truth)
        scale = 1.0 if representation == "3d" else 200.0
        for method, seed in METHODS.items():
            folder = "filters" if seed is None else f"hanet-{seed}"
            refined = [
                s.with_values(s.values + rng.normal(scale=scale * NOISE[method] * size, size=s.values.shape))
                for s, size in zip(truth, (3.0, 1.0, 2.0), strict=True)
            ]
            write(workspace.REFINED / "x" / folder / f"{method}.parquet", refined)
            if method == "input":
                write(workspace.detected_path("x", "test"), refined)
        kind = ("mpjpe_mm", "accel_mm_per_frame2") if representation == "3d" else ("pck_005",)
        scores: dict[str, Any] = {
            m: {"observed": 1, **{name: {"mean": 2.0 + i, "low": 1.0, "high": 9.0} for name in kind}}
            for i, m in enumerate(METHODS)
        }
        report = workspace.REPORTS / "x"
        write_json(report / "scores.json", scores)
        seeds = [{"method": m, "seed": seed} for m, seed in METHODS.items()]
        write_json(report / "runs.json", [*seeds, {"method": "hanet-variant", "seed": 8}])
        write_json(report / "provenance.json", {"dataset": "d", "estimator": "e", "protocol": "full"})
        rows = [
            f"{m},{seed or ''},{j},{2.5}" for m, seed in METHODS.items() for j in truth[0].skeleton.joints
        ]
        write_text(report / "per_joint.csv", "\n".join(["method,seed,joint,mpjpe_mm", *rows]) + "\n")
        return truth

    return make


def manifest() -> dict[str, dict[str, str]]:
    return {row["file"]: row for row in json.loads((workspace.FIGURES / "x" / "manifest.json").read_text())}


def test_all_figures_of_3d_joints_twice_the_same(experiment):
    experiment("3d")
    figures.main("x", settings=SETTINGS)
    folder = workspace.FIGURES / "x"
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    rows = manifest()
    files = {
        "curves.svg",
        "views.png",
        "motion.mp4",
        "motion.gif",
        "budget.svg",
        "comparison.svg",
        "joints.svg",
    }
    assert set(rows) == files and set(first) == files | {"manifest.json"}
    for name, row in rows.items():
        assert row["kind"] == name.split(".")[1] and row["title"] and row["caption"].endswith(".")
    assert len(first["motion.gif"]) <= MAX_GIF_BYTES
    figures.main("x", settings=SETTINGS)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == first
    assert [path.name for path in workspace.FIGURES.iterdir()] == ["x"]


def test_captions_say_what_is_shown(experiment):
    experiment("3d")
    figures.main("x", settings=SETTINGS)
    rows = manifest()
    shown = "test sequence s2 (the one of 3 whose input error is the median; trained methods with seed 7)"
    for name in ("curves.svg", "views.png", "motion.mp4"):
        assert shown in rows[name]["caption"] and "input, hanet-variant" in rows[name]["caption"]
        assert "SmoothNet" not in rows[name]["caption"]
    assert "worst 20%" in rows["curves.svg"]["caption"]
    assert "more than 150 mm from the truth" in rows["views.png"]["caption"]
    for name in ("budget.svg", "comparison.svg"):
        assert "95% bootstrap intervals" in rows[name]["caption"] and "HANet" in rows[name]["caption"]
    assert "Data set d, estimator e, test split, protocol full." in rows["joints.svg"]["caption"]


def test_keypoints_have_skeletons_instead_of_views(experiment):
    experiment("2d")
    (workspace.REPORTS / "x" / "per_joint.csv").write_text("method,seed,joint,mpjpe_mm\n")
    figures.main("x", settings=replace(SETTINGS, methods=("gaussian",), sequence="s0"))
    rows = manifest()
    assert set(rows) == {
        "curves.svg",
        "skeletons.png",
        "motion.mp4",
        "motion.gif",
        "budget.svg",
        "comparison.svg",
    }
    assert "test sequence s0 (named in the parameters)" in rows["skeletons.png"]["caption"]
    assert "more than 0.1 of the box's longer side" in rows["skeletons.png"]["caption"]
    assert "Shaded" not in rows["curves.svg"]["caption"]
    assert "PCK@0.05" in rows["budget.svg"]["caption"]


def refused(settings: FigureSettings, capsys: pytest.CaptureFixture) -> str:
    with pytest.raises(SystemExit, match="2"):
        figures.main("x", settings=settings)
    return capsys.readouterr().err


def test_what_is_missing_is_named_and_old_figures_stay(experiment, capsys: pytest.CaptureFixture):
    experiment("3d")
    old = workspace.FIGURES / "x" / "curves.svg"
    old.parent.mkdir(parents=True)
    old.write_text("old")
    message = refused(replace(SETTINGS, methods=("smoothnet",)), capsys)
    assert "none of the methods smoothnet is in the run, which has input, gaussian, hanet" in message
    assert "no sequence s9; it has 3: s0 (track 0)" in refused(replace(SETTINGS, sequence="s9"), capsys)
    again = workspace.REFINED / "x" / "other-7" / "hanet-variant.parquet"
    again.parent.mkdir()
    again.touch()
    assert "expected one cache data/refined/x/*-7/hanet-variant.parquet, got" in refused(SETTINGS, capsys)
    (workspace.REFINED / "x" / "filters" / "input.parquet").unlink()
    assert "filters/input.parquet, got none; run dvc repro" in refused(SETTINGS, capsys)
    assert old.read_text() == "old" and len(list(workspace.FIGURES.iterdir())) == 1


def test_no_sequence_with_a_known_truth(experiment, capsys: pytest.CaptureFixture):
    truth = experiment("3d")
    unknown = [s.with_values(np.full_like(s.values, np.nan)) for s in truth]
    write(workspace.truth_path("x", "test"), unknown)
    assert "none of 3 sequences has an error" in refused(SETTINGS, capsys)
