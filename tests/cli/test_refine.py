"""``hanet refine`` on files of other programs: same format back, nothing lost, one line per fault."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from typer.testing import CliRunner

from hanet.cache.files import CacheMetadata, CacheWriter, PoseCache
from hanet.cli.app import app
from hanet.formats import ReadOptions, read
from hanet.models import checkpoints
from hanet.models.smoothnet import SmoothNet, SmoothNetConfig
from hanet.models.trained_on import KEY, PoseKind
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import COCO17
from tests.support import keypoint_writers as writers

FRAMES = 60


def invoke(*arguments: str | Path) -> tuple[int, str, str]:
    runner = CliRunner(env={"COLUMNS": "200", "NO_COLOR": "1"})
    result = runner.invoke(app, list(map(str, arguments)))
    assert "Traceback" not in result.output and not isinstance(result.exception, (TypeError, KeyError))
    return result.exit_code, result.stdout, result.stderr


def people(frames: int = FRAMES, count: int = 2) -> np.ndarray:
    """Noisy, slowly walking people: (T, P, 17, 3) x, y and score."""
    rng = np.random.default_rng(5)
    body = np.stack([np.linspace(-40, 40, 17), np.linspace(-90, 90, 17)], axis=1)
    t = np.arange(frames)[:, None, None, None]
    place = np.array([[200.0, 200.0], [500.0, 220.0]])[None, :count, None]
    points = place + body + np.concatenate([1.5 * t, 3 * np.sin(t / 9)], axis=-1)
    points = points + rng.normal(0, 1.5, points.shape)
    scores = np.full((*points.shape[:3], 1), 0.75)
    return np.concatenate([np.round(points, 2), scores], axis=3)


def test_the_same_file_comes_back_refined(tmp_path):
    path = writers.write_coco(tmp_path / "walk.json", people(), bbox=[1, 2, 3, 4], note={"kept": [None, "é"]})
    code, text, _ = invoke("refine", path, "--out", tmp_path / "out.json", "--fps", 30)
    assert code == 0 and text.count("60 frames; mean acceleration") == 2
    assert "method: general refiner (trust 0.5)" in text
    before, after = (json.loads(p.read_text()) for p in (path, tmp_path / "out.json"))
    assert [{**e, "keypoints": 0} for e in before] == [{**e, "keypoints": 0} for e in after]
    one, other = (np.array([e["keypoints"] for e in d]).reshape(-1, 17, 3) for d in (before, after))
    np.testing.assert_array_equal(one[..., 2], other[..., 2])
    assert 0.1 < np.abs(one - other)[..., :2].mean() < 3
    rough, smooth = (np.abs(np.diff(x[::2, :, :2], n=2, axis=0)).mean() for x in (one, other))
    assert smooth < rough / 5


def test_the_rate_is_asked_for_by_name(tmp_path):
    path = writers.write_coco(tmp_path / "walk.json", people())
    code, _, error = invoke("refine", path, "--out", tmp_path / "out.json")
    assert code == 2 and error.strip().endswith("the file does not say its frame rate; give --fps")
    assert not (tmp_path / "out.json").exists()


def test_gaps_are_filled_by_seconds_and_marked(tmp_path):
    found = people(count=1)
    found[10:16, 0, 9] = 0  # 0.2 s
    found[30:42, 0, 10] = 0  # 0.4 s
    found[:, 0, 4] = 0
    path = writers.write_coco(tmp_path / "walk.json", found)
    code, text, _ = invoke("refine", path, "--out", tmp_path / "out.json", "--fps", 30)
    assert code == 0
    assert "78 of 1020 joint positions missing (6 filled, 72 left missing)" in text
    [track] = read(tmp_path / "out.json", ReadOptions(fps=30.0)).tracks
    assert np.isfinite(track.values[10:16, 9]).all() and np.isnan(track.values[30:42, 10]).all()
    assert (
        np.isnan(track.values[:, 4]).all() and np.isfinite(np.delete(track.values[30:42], [4, 10], 1)).all()
    )
    entries = json.loads((tmp_path / "out.json").read_text())
    assert [e["keypoints"][3 * 9 + 2] for e in entries[9:17]] == [0.75, *[0] * 6, 0.75]


def test_doubtful_keypoints_count_as_missing(tmp_path):
    found = people(count=1)
    found[20, 0, 3] = [999, 999, 0.05]
    path = writers.write_coco(tmp_path / "walk.json", found)
    _, text, _ = invoke("refine", path, "--out", tmp_path / "o.json", "--fps", 30, "--min-score", 0.1)
    assert "1 of 1020 joint positions missing (1 filled" in text
    [track] = read(tmp_path / "o.json", ReadOptions(fps=30.0)).tracks
    assert abs(track.values[20, 3, 0] - found[19, 0, 3, 0]) < 10


def test_a_method_with_parameters(tmp_path):
    path = writers.write_coco(tmp_path / "walk.json", people())
    out = tmp_path / "o.json"
    _, text, _ = invoke("refine", path, "--out", out, "--fps", 30, "--method", "gaussian:sigma=0.05")
    assert "method: gaussian (sigma 0.05 s)" in text
    for arguments, message in [
        (["--method", "gausian"], "unknown method 'gausian'; expected general or one of butterworth, "),
        (["--method", "butterworth:cutoff=20"], "cutoff must be below half of the frame rate, 15 Hz, got 20"),
        (["--max-gap", "inf"], "expected a finite number, got inf"),
        (["--max-gap", "nan"], "greater than or equal to 0"),
        (["--max-gap", "-1"], "greater than or equal to 0"),
        (["--image-size", "big"], "--image-size: expected WIDTHxHEIGHT as in 1920x1080, got 'big'"),
        (["--skeleton", "cat"], "unknown skeleton 'cat'"),
        (["--format", "cat"], "unknown format 'cat'"),
        (["--lag", "-1"], "greater than or equal to 0"),
        (["--lag", "33", "--method", "median"], "a lag is the general refiner's alone"),
        (["--lag", "33", "--model", str(tmp_path)], "--lag is the general refiner's; leave out --model"),
        (["--lag", "33", "--mend-swaps"], "--mend-swaps looks at all frames; leave out --lag"),
        (
            ["--model", str(tmp_path), "--report", "r.json"],
            "--mend-swaps, --report and --intervals do not go",
        ),
        (["--report", "r.txt"], "expected a name that ends in .json"),
        (["--intervals", "r.json"], "expected a name that ends in .parquet or .csv"),
        (
            ["--intervals", "r.csv", "--method", "median"],
            "intervals are the general refiner's and calibrations', with all frames",
        ),
        (
            ["--intervals", "r.csv", "--lag", "33"],
            "intervals are the general refiner's and calibrations', with all frames",
        ),
        (["--stride", "2"], "--stride, --mirror and --trained-on are a model's; give --model"),
        (["--model", str(tmp_path), "--method", "median"], "--model and --method: give one of them"),
    ]:
        code, _, error = invoke("refine", path, "--out", out, "--fps", 30, "--force", *arguments)
        assert code == 2 and message in error, arguments


def test_a_lag_uses_no_later_frames(tmp_path):
    poses = people(count=1)
    changed = poses.copy()
    changed[40:, ..., :2] += 30.0
    refined = []
    for name, given in (("a", poses), ("b", changed)):
        path = writers.write_coco(tmp_path / f"{name}.json", given)
        arguments = ("--out", tmp_path / f"{name}.out.json", "--fps", 30, "--lag", 66)
        code, text, _ = invoke("refine", path, *arguments)
        assert code == 0 and "method: general refiner at a lag of 66 ms" in text
        refined.append(read(tmp_path / f"{name}.out.json", ReadOptions(fps=30.0)).tracks[0].values)
    one, other = refined
    np.testing.assert_array_equal(one[:38], other[:38])
    assert np.abs(one[38:] - other[38:]).max() > 1


def test_swaps_are_mended_and_a_report_says_where(tmp_path):
    poses = people()
    left, right = COCO17.index("l_ankle"), COCO17.index("r_ankle")
    poses[20:30, 0, [left, right]] = poses[20:30, 0, [right, left]]
    folder = tmp_path / "in"
    writers.write_coco(folder / "walk.json", poses)
    arguments = ("--fps", 30, "--mend-swaps", "--report", tmp_path / "changes.json")
    code, text, _ = invoke("refine", folder / "walk.json", "--out", tmp_path / "out.json", *arguments)
    assert code == 0 and "method: 1 left-right swap mended, then general refiner" in text
    assert f"wrote {tmp_path / 'changes.json'}" in text
    (file,) = json.loads((tmp_path / "changes.json").read_text())["files"]
    assert [track["swapped"] for track in file["tracks"]] == [[{"what": "ankle", "frames": [20, 29]}], []]
    code, _, error = invoke("refine", folder, "--out", tmp_path / "many", *arguments)
    assert code == 2 and "changes.json exists; give --force" in error
    code, _, _ = invoke("refine", folder, "--out", tmp_path / "many", *arguments, "--force")
    assert code == 0 and len(json.loads((tmp_path / "changes.json").read_text())["files"]) == 1


@pytest.mark.parametrize("ending", [".parquet", ".csv"])
def test_intervals_are_a_table_beside_the_output(tmp_path, ending):
    found = people()
    found[5:40, 1, 3] = 0.0  # too long a gap to fill
    path = writers.write_coco(tmp_path / "walk.json", found)
    table = tmp_path / f"radii{ending}"
    arguments = ("--fps", 30, "--intervals", table, "--report", tmp_path / "changes.json")
    code, text, _ = invoke("refine", path, "--out", tmp_path / "o.json", *arguments)
    assert code == 0 and f"wrote {table}" in text
    rows = pd.read_csv(table) if ending == ".csv" else pd.read_parquet(table)
    assert list(rows) == ["file", "name", "track", "frame", "joint", "radius", "unit"]
    assert (rows.radius > 0).all() and set(rows.unit) == {"px"} and set(rows.file) == {str(path)}
    assert len(rows) == found.shape[0] * 2 * 17 - 35
    assert not (tmp_path / "o.json").read_text().count("radius")


def test_an_output_of_another_ending_is_refused(tmp_path):
    path = writers.write_coco(tmp_path / "walk.json", people())
    code, _, error = invoke("refine", path, "--out", tmp_path / "o.csv", "--fps", 30)
    assert code == 2 and "expected a name that ends in .json" in error
    code, _, error = invoke("refine", path, "--out", path, "--fps", 30, "--force")
    assert code == 2 and "named twice" in error


def test_a_batch_goes_on_after_a_fault(tmp_path):
    folder = tmp_path / "many"
    for name in ("a", "b"):
        writers.write_coco(folder / f"{name}.json", people())
    writers.write_openpose(folder / "c", people())
    (folder / "broken.json").write_text("[{")
    (folder / "clip.mp4").write_bytes(b"")
    code, text, error = invoke("refine", folder, "--out", tmp_path / "out", "--fps", 30)
    assert code == 1, error
    assert "3 of 4 files refined, 1 of other kinds left out; wrote" in text
    assert error.count("failed: ") == 1 and "broken.json" in error
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["a.json", "b.json", "c"]
    assert len(list((tmp_path / "out" / "c").iterdir())) == FRAMES
    code, text, _ = invoke("refine", str(folder / "[ab].json"), "--out", tmp_path / "two", "--fps", 30)
    assert code == 0 and "2 of 2 files refined" in text
    code, _, error = invoke("refine", folder, "--out", tmp_path / "out", "--fps", 30)
    assert code == 2 and "expected a new folder to write, got a folder that holds files" in error
    code, _, error = invoke("refine", str(folder / "x*.json"), "--out", tmp_path / "no", "--fps", 30)
    assert code == 2 and "no file has such a name" in error and not (tmp_path / "no").exists()


# --- caches


def cache(path: Path, *tracks: PoseSequence) -> Path:
    metadata = CacheMetadata.of(tracks[0], dataset="walk", split="test", estimator="some")
    with CacheWriter(path, metadata) as writer:
        for track in tracks:
            writer.write(track)
    return path


def track(number: int = 0, frames: int = FRAMES) -> PoseSequence:
    values = people(frames)[:, 0, :, :2].astype(np.float32)
    return PoseSequence.keypoints("walk", values, COCO17, fps=25.0, track=number, image_size=(640, 480))


@pytest.fixture
def network(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    kind = PoseKind("coco17", "2d", "px", "image", 25.0)
    network = SmoothNet(SmoothNetConfig(window=8, hidden=16, residual_hidden=8))
    checkpoints.save(network, tmp_path / "smoothnet", metadata={KEY: kind.to_dict()})
    return tmp_path / "smoothnet"


@pytest.mark.parametrize("trained", [False, True])
def test_a_missing_joint_costs_no_other(tmp_path, network, trained):
    """One ear for 20 frames, legs never, nobody at all: everything else is refined."""
    ear, legs, nobody = track(0), track(1), track(2)
    ear.values[20:40, 4] = np.nan
    legs.values[:, 13:] = np.nan
    nobody.values[:] = np.nan
    path = cache(tmp_path / "in.parquet", ear, legs, track(3), nobody)
    method = ["--model", network] if trained else []
    code, text, _ = invoke("refine", path, "--out", tmp_path / "o.parquet", *method)
    assert "walk, track 0: 60 frames, 20 of 1020 joint positions missing (0 filled, 20 left" in text, _
    assert "walk, track 1: 60 frames, 240 of 1020" in text and "walk, track 3: 60 frames; mean" in text
    assert code == (1 if trained else 0)
    assert ("track 2: 60 frames, not refined: no joint is known" in text) == trained
    found = {s.track: s.values for s in PoseCache.open(tmp_path / "o.parquet").sequences()}
    assert {n: int(np.isnan(v).any(axis=2).sum()) for n, v in found.items()} == {0: 20, 1: 240, 2: 1020, 3: 0}
    assert (np.abs(found[0] - ear.values)[20:40, 0] > 0).all()


def test_an_exported_model_refines_as_its_folder_does(network, tmp_path):
    path = cache(tmp_path / "in.parquet", track())
    exported = tmp_path / "model.onnx"
    code, text, error = invoke("export-onnx", network, "--out", exported)
    assert code == 0 and "differ from PyTorch's by" in text, error
    for model, out in ((network, "a.parquet"), (exported, "b.parquet")):
        code, _, error = invoke("refine", path, "--model", model, "--stride", 3, "--out", tmp_path / out)
        assert code == 0, error
    [[a], [b]] = [list(PoseCache.open(tmp_path / name).sequences()) for name in ("a.parquet", "b.parquet")]
    np.testing.assert_allclose(a.values, b.values, atol=1e-5 * 640)  # pixels of a picture of 640
    for arguments, message in (
        (["--trained-on", path], "says what it was trained on; leave out --trained-on"),
        (["--mirror"], "--mirror needs 3D joints in a camera's frame"),
        (["--stride", "99"], "stride must be from 1 to the window's"),
    ):
        code, _, error = invoke(
            "refine", path, "--model", exported, "--out", tmp_path / "c.parquet", *arguments
        )
        assert code == 2 and message in error


def test_an_export_goes_into_the_folder(network, tmp_path):
    folder = tmp_path / "walk"
    shutil.copytree(network, folder)
    code, _, error = invoke("export-onnx", folder)
    assert code == 0 and (folder / "model.onnx").is_file(), error
    code, _, error = invoke("export-onnx", folder)
    assert code == 2 and "--force" in error


def test_pieces_of_a_track_are_joined_before_gaps_count(tmp_path):
    whole = track()
    path = cache(tmp_path / "in.parquet", whole.part(slice(0, 20)), whole.part(slice(24, 60)))
    code, text, _ = invoke("refine", path, "--out", tmp_path / "o.parquet")
    assert code == 0 and "60 frames, 68 of 1020 joint positions missing (68 filled, 0 left" in text
    [found] = PoseCache.open(tmp_path / "o.parquet").sequences()
    assert found.labelled is not None and (~found.labelled).any(axis=1).nonzero()[0].tolist() == [
        20,
        21,
        22,
        23,
    ]
    assert PoseCache.open(tmp_path / "o.parquet").metadata.provenance["parameters"]["max_gap_seconds"] == 0.25
    invoke("refine", path, "--out", tmp_path / "p.parquet", "--max-gap", 0.1)
    assert [len(s) for s in PoseCache.open(tmp_path / "p.parquet").sequences()] == [20, 36]


def test_a_cache_as_a_format_comes_back_as_it_was(tmp_path):
    whole = replace(track(), scores=np.full((FRAMES, 17), 0.5, np.float32))
    path = cache(tmp_path / "in.parquet", whole.part(slice(0, 20)), whole.part(slice(24, 60)), track(1))
    poses = read(path)
    assert poses.format == "cache" and [len(t) for t in poses.tracks] == [60, 60]
    poses.write(tmp_path / "same.parquet", poses.tracks)
    one, other = (list(PoseCache.open(p).sequences()) for p in (path, tmp_path / "same.parquet"))
    assert [(s.key, s.start, len(s)) for s in one] == [(s.key, s.start, len(s)) for s in other]
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a.values, b.values)
    with pytest.raises(ValueError, match="the cache has fps 25"):
        read(path, ReadOptions(fps=30.0))
