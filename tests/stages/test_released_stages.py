"""A release of keypoints through the pipeline: collected, split, trained on, refined, scored and compared."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from html import escape
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from hanet.cache.files import CacheMetadata, CacheWriter, PoseCache
from hanet.cache.video_labels import write_labels
from hanet.datasets.common.leakage import Leak, check_leakage
from hanet.datasets.pose_files import content as _released
from hanet.datasets.pose_files.options import HeldOut, Released
from hanet.files.atomic import write_json, write_text
from hanet.files.hashing import file_hash
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import JHMDB15, POSETRACK15
from hanet.poses.video_labels import Box, PoseTrackVideo
from hanet.results import columns
from hanet.results import rendering as shown_tables
from hanet.results import scores as written_scores
from stages import (
    compare,
    download,
    estimate,
    evaluate,
    filter,
    ingest,
    publish,
    refine,
    report,
    train,
    workspace,
)
from stages.tracking.model import Refiner
from stages.tracking.tables import METRICS
from tests.support import tiny
from tests.support.dataset_files import failure
from tests.support.smpl_release_files import objects

REASON = "Three official splits are pooled: test clips are training clips too"
LEAK = f"{REASON} (train and test share a clip: 1 of 2 clips, 50.0% of test's frames)"
MODEL = {
    "network": "hanet",
    "model": {"interval": 2, "window": 5, "hidden": 8, "layers": 1},
    "training": {
        "epochs": 1, "batch": 8, "stride": 2, "learning_rate": 0.001, "loss_weight": 1.0, "warmup_epochs": 1,
    },
    "refine": {"stride": 2},
}  # fmt: skip
Stderr = pytest.CaptureFixture[str]
FRAMES = 6


def poses(seed: int) -> np.ndarray:
    """True keypoints (T, 15, 2), whole pixels."""
    rng = np.random.default_rng(seed)
    return (rng.integers(40, 200, size=(1, 15, 2)) + np.arange(FRAMES)[:, None, None]).astype(np.float64)


def release(folder: Path, split: str, entries: dict[str, tuple[np.ndarray, np.ndarray]]) -> None:
    """Ground truth and detections of a split as DeciWatch released Sub-JHMDB's; boxes are 100 × 50."""
    truth = folder / "groundtruth_poses" / "jhmdb" / f"jhmdb_gt_{split}.npz"
    found = folder / "detected_poses" / "jhmdb" / "simplepose" / f"jhmdb_simplepose_{split}.npz"
    names = objects([np.array([f"{name}/{t:05}.png" for t in range(FRAMES)]) for name in entries])
    for path, part in ((truth, 0), (found, 1)):
        path.parent.mkdir(parents=True, exist_ok=True)
        fields = {
            "imgname": names,
            "joints_2d": objects([pair[part].reshape(FRAMES, 30) for pair in entries.values()]),
        }
        if part == 0:
            fields["bbox"] = objects([np.tile([50.0, 60.0, 150.0, 110.0], (FRAMES, 1)) for _ in entries])
            fields["imgshape"] = objects([np.array([240, 320, 3]) for _ in entries])
        np.savez(path, allow_pickle=True, **fields)


def off(truth: np.ndarray, pixels: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
    """(truth, the truth moved along x)."""
    found = truth.copy()
    found[..., 0] += pixels
    return truth, found


@pytest.fixture
def settings(project: Path, params: dict[str, Any]) -> dict[str, Any]:
    """Parameters of one experiment on a release whose test clip `walk` is a training clip too."""
    release(
        project / "files",
        "train",
        {name: off(poses(k), 4.0) for k, name in enumerate(("walk", "a", "b", "c"))},
    )
    # Joint j is off by j pixels in `walk`, all joints by 30 in `run`.
    release(project / "files", "test", {"walk": off(poses(0), np.arange(15.0)), "run": off(poses(9), 30.0)})
    params["run"] = {
        "datasets": ["pooled"], "estimates": {"sub": "pooled"}, "experiments": ["sub"],
        "models": ["hanet-paper"], "ablations": [], "seeds": [1],
    }  # fmt: skip
    params["datasets"]["pooled"] = {
        "kind": "released",
        "download": {"folder": "files", "dataset": "jhmdb", "estimator": "simplepose"},
        "ingest": {"val": ["b"], "leak": REASON},
    }
    params["experiments"]["sub"] = {
        "dataset": "pooled",
        "estimate": {"kind": "released"},
        "filters": {"input": {}, "gaussian": {"sigma": [0.5, 5.0]}},
        "models": {"hanet-paper": MODEL},
    }
    rows = {"input": "input", "gaussian": "Gaussian", "hanet-paper": "HANet"}
    published = {
        "on": "Sub-JHMDB",
        "source": "a paper",
        "same_data": True,
        "rows": {"input": {"pck_005": 57.3}},
    }
    params["tables"] = {
        "main": {"title": "Main", "rows": rows, "published": published, "experiments": ["sub"]},
        "other": {"title": "Of another experiment", "rows": rows, "experiments": ["tiny"]},
    }
    return params


@pytest.fixture
def write(settings: dict[str, Any]) -> Callable[[], None]:
    """Writes the parameters as they are then."""
    return lambda: write_text(Path("params.yaml"), tiny.as_yaml(settings))


def test_a_release_goes_from_its_files_to_a_table(write: Callable[[], None], capsys: Stderr) -> None:
    write()
    download.main("pooled")
    ingest.main("pooled")
    described = json.loads((workspace.POSES / "pooled" / "report.json").read_text())
    counts = {split: (row["sequences"], row["frames"]) for split, row in described["splits"].items()}
    assert counts == {"train": (3, 18), "val": (1, 6), "test": (2, 12)}
    assert described["leak"] == LEAK
    assert "train → test, sequence: 6 of 12 frames (50.00%)" in described["leakage"]
    estimate.main("sub")
    detected = PoseCache.open(workspace.detected_path("sub", "val"))
    name = "detected_poses/jhmdb/simplepose/jhmdb_simplepose_train.npz"
    assert detected.metadata.provenance["sources_sha256"][name] == file_hash(Path("files") / name)
    assert (detected.metadata.estimator, detected.metadata.split) == ("simplepose", "val")
    (held_out,) = detected.sequences()
    np.testing.assert_array_equal(held_out.values, off(poses(2), 4.0)[1])
    assert held_out.image_size == (320, 240)
    train.main("sub", "hanet-paper", "1")
    refine.main("sub", "hanet-paper", "1")
    filter.main("sub")
    evaluate.main("sub")
    capsys.readouterr()
    compare.main("sub")
    shown = " ".join(capsys.readouterr().out.split())
    assert_scores(workspace.REPORTS / "sub")
    assert_tables(workspace.REPORTS / "sub", shown)
    assert_the_logged_model_takes_shares_of_the_image()
    # Also where numbers are published, and on the page of them all.
    lock = {f"{stage}@sub{rest}": {} for stage, rest in (("filter", ""), ("train", "-hanet-paper-1"))}
    assert {result.tags["leak"] for result in publish.results("sub", lock, [])} == {LEAK}
    page = report.render(
        [report.experiment("sub", report.load().model_dump(mode="json"))], [], {"run": {"seeds": [1]}}
    )
    assert f"<strong>Declared leak.</strong> {escape(LEAK).replace('&#x27;', '&#39;')}" in page
    assert "PCK@.1" in page


def assert_scores(folder: Path) -> None:
    """By hand: within 5, 10 and 20 of 100 px are 6, 11 and 15 of 15 joints of `walk`, of `run` none."""
    scores = json.loads((folder / "scores.json").read_text())
    means = {metric: cell["mean"] for metric, cell in scores["input"].items() if isinstance(cell, dict)}
    assert [means[f"pck_{a}"] for a in ("005", "010", "020")] == pytest.approx(
        [6 / 30, 11 / 30, 0.5], abs=1e-4
    )
    assert [means[f"pck_{a}_per_frame"] for a in ("005", "010")] == pytest.approx([6 / 30, 11 / 30], abs=1e-4)
    assert means["accel_px_per_frame2"] == 0  # off, but evenly
    assert "mpjpe_mm" not in means and "map" not in means
    assert json.loads((folder / "provenance.json").read_text())["leak"] == LEAK
    joints = pd.read_csv(folder / "per_joint.csv")
    first = joints[joints["method"] == "input"].set_index("joint")
    assert list(first.index) == list(JHMDB15.joints)
    # Index 0 is the neck, which others print as the head.
    assert first.loc[["neck", "r_hip", "l_hip"], "pck_005"].tolist() == [0.5, 0.5, 0.0]
    assert first.loc[["l_knee", "r_wrist"], "pck_010"].tolist() == [0.5, 0.0]


def assert_tables(folder: Path, shown: str) -> None:
    """The leak and PCK in percent in every form of the table; the other experiment's table is not made."""
    assert {path.name for path in (folder / "tables").iterdir()} == {
        f"main.{x}" for x in ("json", "csv", "md", "tex")
    }
    table = json.loads((folder / "tables" / "main.json").read_text())
    labels = ["PCK@.05", "PCK@.1", "PCK@.2", "Accel", "parameters", "FLOPs per frame"]
    assert [column["label"] for column in table["columns"]] == labels
    assert (table["compared"], table["leak"]) == ("pck_010", LEAK)
    assert table["rows"][0]["cells"]["pck_010"]["mean"] == pytest.approx(36.67)
    text = (folder / "tables" / "main.md").read_text()
    assert text.startswith(
        f"# Main\n\n**Declared leak: {LEAK}**\n\n| row | PCK@.05 % | PCK@.1 % | PCK@.2 % | Accel px/frame² |"
    )
    assert "| PCK@.1 against input |" in text and "published: PCK@.05 % (Sub-JHMDB)" in text
    assert text.endswith("Published figures are others', on the same files (Sub-JHMDB): a paper.\n")
    assert f"% Declared leak: {LEAK}\n" in (folder / "tables" / "main.tex").read_text()
    assert set(pd.read_csv(folder / "tables" / "main.csv")["leak"]) == {LEAK}
    assert f"Declared leak: {LEAK}" in shown
    wide = Console(width=200, record=True, file=io.StringIO())
    wide.print(shown_tables.terminal(table))
    lines = [" ".join(line.split()) for line in wide.export_text().splitlines()]
    assert any(line.startswith("PCK@.05 PCK@.1 ") for line in lines)
    assert "input 20.00 36.67 0.00 100%" in lines
    metrics = json.loads((folder / "metrics.json").read_text())
    percent = {"pck_005_percent": 20.0, "pck_010_percent": 36.67, "pck_020_percent": 50.0}
    assert metrics["input"] == pytest.approx(percent | {"accel_px_per_frame2": 0.0})
    flat = pd.read_csv(folder / "table.csv")
    decides = flat["pck_010.mean"].tolist()[1:]
    assert flat["method"].tolist()[0] == "input" and decides == sorted(decides, reverse=True)
    assert flat["score"].tolist() == pytest.approx(100 * flat["pck_010.mean"])
    assert set(flat["metric"]) == {"PCK@.1 %"}


def assert_the_logged_model_takes_shares_of_the_image() -> None:
    """What MLflow would load refines as the stage did."""
    settings = Path("settings.json")
    write_json(settings, {"stride": 2, "representation": "2d"})
    artifacts = {"checkpoint": str(workspace.MODELS / "sub" / "hanet-paper-1"), "settings": str(settings)}
    context: Any = SimpleNamespace(artifacts=artifacts)
    refiner = Refiner()
    refiner.load_context(context)
    path = workspace.REFINED / "sub" / "hanet-paper-1" / "hanet-paper.parquet"
    detected = PoseCache.open(workspace.detected_path("sub", "test")).sequences()
    for found, refined in zip(detected, PoseCache.open(path).sequences(), strict=True):
        shares = (found.values / [320, 240]).reshape(FRAMES, 30)
        result = refiner.predict(context, shares).reshape(FRAMES, 15, 2) * [320, 240]
        np.testing.assert_allclose(result, refined.values, rtol=0, atol=1e-3)


def test_a_release_that_leaks_must_say_why(
    write: Callable[[], None], settings: dict[str, Any], capsys: Stderr
) -> None:
    del settings["datasets"]["pooled"]["ingest"]["leak"]
    write()
    download.main("pooled")
    message = failure(capsys, ingest.main, "pooled")
    assert "train → test, clip: 6 of 12 frames (50.00%) of test belong to clips that train has" in message
    assert "declare the leak with its reason" in message


def test_a_declaration_without_a_leak_is_not_printed(
    project: Path, write: Callable[[], None], settings: dict[str, Any]
) -> None:
    release(project / "files", "test", {"new": off(poses(11), 1.0), "run": off(poses(9), 30.0)})
    write()
    download.main("pooled")
    ingest.main("pooled")
    assert json.loads((workspace.POSES / "pooled" / "report.json").read_text())["leak"] is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"folder": "nowhere"}, "nowhere: no such folder; unpack the release there, or name its folder"),
        (
            {"estimator": "fcn"},
            "jhmdb_fcn_train.npz: no such file; below files there is detected_poses/jhmdb/",
        ),
        ({"layout": "smoothnet"}, "jhmdb_gt_2D_train.npz: no such file"),
        ({"layout": "smoothnet", "estimator": "fcn"}, "no 2d poses of 'fcn' on jhmdb in SmoothNet's layout"),
        ({"representation": "3d"}, "jhmdb is released in 2d only, not 3d"),
        (
            {"sha256": {"other.npz": "0" * 64}},
            "sha256 names other.npz; the files are groundtruth_poses/jhmdb/",
        ),
        (
            {"sha256": {"groundtruth_poses/jhmdb/jhmdb_gt_test.npz": "0" * 64}},
            "jhmdb_gt_test.npz has SHA-256 ",
        ),
    ],
)
def test_files_that_are_not_there(
    write: Callable[[], None], settings: dict[str, Any], capsys: Stderr, changes: dict[str, Any], message: str
) -> None:
    settings["datasets"]["pooled"]["download"] |= changes
    write()
    assert message in failure(capsys, download.main, "pooled")
    assert not (workspace.RAW / "pooled").exists()


def test_files_of_another_data_set(project: Path, write: Callable[[], None], capsys: Stderr) -> None:
    write()
    path = project / "files" / "groundtruth_poses" / "jhmdb" / "jhmdb_gt_train.npz"
    fields = dict(np.load(path, allow_pickle=True))
    np.savez(path, imgname=fields["imgname"], joints_3d=fields["joints_2d"])
    download.main("pooled")
    assert "no field 'joints_2d', it has imgname, joints_3d" in failure(capsys, ingest.main, "pooled")


@pytest.mark.parametrize(
    ("val", "expected"),
    [
        (["b"], {"b"}),
        (["S8_*", "b"], {"b", "S8_c1", "S8_c2"}),
        (HeldOut(share=0.1, seed=1), 1),
        (HeldOut(share=0.5, seed=1), 2),
    ],
)
def test_what_validates(val: Any, expected: Any) -> None:
    names = ["S8_c1", "a", "b", "S8_c2", "a", "S8_c1"]
    found = _released.held_out(names, val)
    assert found == expected if isinstance(expected, set) else len(found) == expected and found < set(names)
    assert found == _released.held_out(names[::-1], val)


@pytest.mark.parametrize(
    ("val", "message"),
    [
        (["a", "S9*"], r"ingest\.val: 'S9\*' fits none of train's 6 sequences, which are a, b, c, d, e, …"),
        (["*"], r"ingest\.val takes all 6 sequences of train; leave some"),
        (HeldOut(share=0.99, seed=1), r"ingest\.val takes all 6"),
    ],
)
def test_what_cannot_validate(val: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        _released.held_out("fedcba", val)


def test_numbered_sequences_of_smoothnets_files_are_compared_by_content(
    settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def named(name: str, seed: int) -> tuple[PoseSequence, PoseSequence]:
        truth = PoseSequence(
            name=name, values=poses(seed).astype(np.float32), skeleton=JHMDB15, representation="2d", fps=25.0,
            unit="px", frame_of_reference="image",
        )  # fmt: skip
        return truth, truth

    def leaks(layout: str) -> list[Leak]:
        """What the guard finds between the splits of a release of that layout."""
        download = {"folder": "x", "dataset": "jhmdb", "estimator": "simplepose", "layout": layout}
        described = Released(kind="released", download=download, ingest={"val": ["0001"]})
        monkeypatch.setattr(_released, "splits", lambda *_: found)
        content = _released.content(Path("raw"), described)
        compared = {
            split: [t for item in items for t in item.compared] for split, items in content.splits.items()
        }
        return check_leakage(compared, group=content.group, declared=content.declared)

    found = {"train": [named("0000", 0)], "val": [named("0001", 1)], "test": [named("0000", 2)]}
    assert leaks("smoothnet") == []
    with pytest.raises(ValueError, match="train → test, clip"):
        leaks("deciwatch")
    found["test"] = [named("0005", 0)]
    with pytest.raises(ValueError, match="train → test, sequence"):
        leaks("smoothnet")


# --- PoseTrack


def person(track: int, x: float, score: float | None, name: str = "video") -> PoseSequence:
    """Three frames of a person whose joints lie on a line of 14 px from x on."""
    values = np.zeros((3, 15, 2), dtype=np.float32)
    values[..., 0] = x + np.arange(15)
    values[..., 1] = 100.0
    return PoseSequence(
        name=name,
        values=values,
        skeleton=POSETRACK15,
        representation="2d",
        fps=25.0,
        unit="px",
        frame_of_reference="image",
        track=track,
        scores=None if score is None else np.full((3, 15), score, dtype=np.float32),
        boxes=np.tile(np.array([0, 0, 100, 100], dtype=np.float32), (3, 1)),
        image_size=(640, 480),
    )


def cache(path: Path, people: list[PoseSequence], provenance: dict[str, Any] | None = None) -> None:
    described = CacheMetadata.of(
        people[0], dataset="pooled", split="test", estimator="dcpose", provenance=provenance
    )
    with CacheWriter(path, described) as writer:
        for one in people:
            writer.write(one)


def test_map_where_the_data_set_has_labels(write: Callable[[], None], settings: dict[str, Any]) -> None:
    write()
    cache(workspace.truth_path("sub", "test"), [person(0, 100.0, None), person(1, 300.0, None)])
    # The first is found, the second 200 px off with less confidence.
    cache(workspace.detected_path("sub", "test"), [person(0, 100.0, 0.9), person(1, 500.0, 0.5)])
    # Refined poses have no scores of their own: they rank as detected. Both are right now.
    refined = [person(0, 100.0, None), person(1, 300.0, None)]
    cache(workspace.REFINED / "sub" / "hanet-paper-1" / "hanet-paper.parquet", refined, {"observed": 0.6})
    found = [person(0, 100.0, None), person(1, 500.0, None)]
    cache(workspace.REFINED / "sub" / "filters" / "input.parquet", found, {"observed": 1.0})
    head = (0.0, 0.0, 30.0, 40.0)
    heads: dict[tuple[int, int], Box | None] = {
        (track, frame): head for track in (0, 1) for frame in range(3)
    }
    video = PoseTrackVideo("video", {0: "0.jpg", 1: "1.jpg", 2: "2.jpg"}, (0, 1, 2), heads, {})
    write_labels(workspace.POSES / "pooled" / evaluate.LABELS, [video])
    evaluate.main("sub")
    report = workspace.REPORTS / "sub"
    scores = json.loads((report / "scores.json").read_text())
    # Of two people one: precision 1 up to recall 0.5, nothing beyond.
    assert (scores["input"]["map"], scores["hanet-paper"]["map"]) == ({"mean": 0.5}, {"mean": 1.0})
    assert json.loads((report / "provenance.json").read_text())["leak"] is None
    compare.main("sub")
    table = json.loads((report / "tables" / "main.json").read_text())
    assert [row.get("cells", {}).get("map") for row in table["rows"]] == [
        {"mean": 50.0},
        None,
        {"mean": 100.0},
    ]
    assert table["columns"][-1]["label"] == "mAP" and "leak" not in table
    text = (report / "tables" / "main.md").read_text()
    assert "| mAP % |" in text and "leak" not in text
    metrics = json.loads((report / "metrics.json").read_text())
    assert metrics["hanet-paper"]["map_percent"] == 100.0
    assert publish.scores(json.loads((report / "runs.json").read_text())[1])["test_map"] == 1.0


def test_the_interval_of_map_draws_videos(
    write: Callable[[], None], settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The input finds the person of one video of two; so its resamples are 0, 1/2 or 1. HANet finds both."""
    monkeypatch.setattr(written_scores, "possible", lambda _, low, high: (low, high))  # not cut at 0 and 1
    write()
    truth = [person(0, 100.0, None, name) for name in ("a", "b")]
    cache(workspace.truth_path("sub", "test"), truth)
    cache(workspace.detected_path("sub", "test"), [person(0, 100.0, 0.9, "a"), person(0, 500.0, 0.5, "b")])
    refined = [person(0, 100.0, None, "a"), person(0, 100.0, None, "b")]
    cache(workspace.REFINED / "sub" / "hanet-paper-1" / "hanet-paper.parquet", refined, {"observed": 0.6})
    found = [person(0, 100.0, None, "a"), person(0, 500.0, None, "b")]
    cache(workspace.REFINED / "sub" / "filters" / "input.parquet", found, {"observed": 1.0})
    heads: dict[tuple[int, int], Box | None] = {(0, frame): (0.0, 0.0, 30.0, 40.0) for frame in range(3)}
    videos = [
        PoseTrackVideo(name, {0: "0.jpg", 1: "1.jpg", 2: "2.jpg"}, (0, 1, 2), heads, {}) for name in "ab"
    ]
    write_labels(workspace.POSES / "pooled" / evaluate.LABELS, videos)
    evaluate.main("sub")
    scores = json.loads((workspace.REPORTS / "sub" / "scores.json").read_text())
    # Two videos: resamples of 0, 0.5 and 1, about 1/4, 1/2 and 1/4 of them; one degree of freedom.
    half = 12.706 * (2 * 0.125) ** 0.5
    assert scores["input"]["map"] == pytest.approx(
        {"mean": 0.5, "low": 0.5 - half, "high": 0.5 + half}, rel=0.2
    )
    assert scores["hanet-paper"]["map"] == {"mean": 1.0, "low": 1.0, "high": 1.0}
    runs = json.loads((workspace.REPORTS / "sub" / "runs.json").read_text())
    assert runs[0]["metrics"]["map"] == scores["input"]["map"]
    compare.main("sub")
    table = json.loads((workspace.REPORTS / "sub" / "tables" / "main.json").read_text())
    assert table["rows"][0]["cells"]["map"]["mean"] == 50.0


def test_every_column_has_a_name_in_mlflow() -> None:
    assert {c.key for c in (*columns.COLUMNS, *columns.COSTS, *columns.BY_KIND)} == set(METRICS)
