"""filter, refine, evaluate, compare and publish: scores by hand, over seeds, and what is missing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from subprocess import PIPE
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from scipy import stats

from hanet.cache.files import PoseCache
from hanet.cache.frame_kinds import write_kinds
from hanet.files.atomic import write_json
from hanet.files.hashing import file_hash
from hanet.methods.known_filters import FILTERS
from hanet.methods.smoothing import General
from hanet.metrics import evaluate as score_sequences
from hanet.models import checkpoints
from hanet.models.hanet import HANet
from hanet.poses.skeletons import LIMBS12
from hanet.results import rendering as shown_tables
from hanet.results.scores import Entry, by_run, summary
from stages import compare, evaluate, filter, publish, refine, workspace
from stages.params.load import load
from tests.support import tiny
from tests.support.kinect_files import sequence, write

OUT = {"input": 0.004, "first-1": 0.001, "first-2": 0.002}
"""Metres that a method's poses are off in the first sequence; in the second three times that."""


@pytest.fixture
def experiment(project: Path, params: dict[str, Any]) -> Path:
    """The experiment `kinect` before evaluation: two seeds of one model, and the input."""
    params["run"] = {
        "datasets": ["uiprmd"], "estimates": {"kinect": "uiprmd"}, "experiments": ["kinect"],
        "models": ["first"], "ablations": [], "seeds": [1, 2],
    }  # fmt: skip
    (project / "params.yaml").write_text(tiny.as_yaml(params))
    for split in ("train", "val", "test"):
        write(workspace.truth_path("kinect", split), 0.0, "gt")
        write(workspace.detected_path("kinect", split), OUT["input"], "kinect")
    for name, off in OUT.items():
        place = "filters/input" if name == "input" else f"{name}/first"
        provenance = {"observed": 1.0 if name == "input" else 0.6}
        write(workspace.REFINED / "kinect" / f"{place}.parquet", off, name, provenance)
    return workspace.REPORTS / "kinect"


def test_scores_over_seeds_by_hand(experiment: Path) -> None:
    evaluate.main("kinect")
    scores = json.loads((experiment / "scores.json").read_text())
    # Every joint is off by `off` in 10 frames and by 3·off in another 10: 2·off on average.
    assert scores["input"]["mpjpe_mm"]["mean"] == pytest.approx(8.0, abs=1e-3)
    assert "sd" not in scores["input"]["mpjpe_mm"] and scores["input"]["seeds"] == []
    first = scores["first"]
    assert (first["frames"], first["sequences"], first["seeds"], first["observed"]) == (20, 2, [1, 2], 0.6)
    # Seeds 2 and 4 mm: mean 3, sample deviation √2. The two clips have means 1.5 and 4.5: variance 1.5² / 2,
    # times 2 / 1; that of the seeds' mean is 2 / 2.
    low, high = student(3.0, clusters=2.25, seeds=1.0)
    assert low < 0  # which no error can be
    expected = {"mean": 3.0, "sd": 2**0.5, "low": 0.0, "high": high}
    assert first["mpjpe_mm"] == pytest.approx(expected, abs=1e-3)
    assert first["accel_mm_per_frame2"]["mean"] == pytest.approx(0.0, abs=1e-3)  # off, but evenly


def student(mean: float, *, clusters: float, seeds: float) -> tuple[float, float]:
    """The 95 % interval of a mean with these variances, each of two things."""
    freedom = (clusters + seeds) ** 2 / (clusters**2 + seeds**2)
    half = stats.t.ppf(0.975, freedom) * (clusters + seeds) ** 0.5
    return mean - half, mean + half


def test_every_run_has_its_own_scores(experiment: Path) -> None:
    evaluate.main("kinect")
    runs = {(r["method"], r["seed"]): r for r in json.loads((experiment / "runs.json").read_text())}
    assert list(runs) == [("input", None), ("first", 1), ("first", 2)]
    for seed, mean in ((1, 2.0), (2, 4.0)):
        cell = runs["first", seed]["metrics"]["mpjpe_mm"]
        _, high = student(mean, clusters=(mean / 2) ** 2, seeds=0.0)
        assert cell == pytest.approx({"mean": mean, "low": 0.0, "high": high}, abs=1e-3)
    shown = publish.scores(runs["first", 2])
    assert shown["test_frames"] == 20 and shown["test_sequences"] == 2 and shown["test_observed"] == 0.6
    assert shown["test_mpjpe_mm"] == pytest.approx(4.0, abs=1e-3)
    assert shown["test_mpjpe_mm_low"] == 0.0
    assert shown["test_mpjpe_mm_high"] == pytest.approx(student(4.0, clusters=4.0, seeds=0.0)[1], abs=1e-3)


def test_scores_by_sequence_and_by_joint(experiment: Path) -> None:
    evaluate.main("kinect")
    rows = pd.read_csv(experiment / "per_sequence.csv").set_index(["method", "seed", "sequence"])
    assert rows.loc["first", 2, "m01_s10_e01"]["mpjpe_mm"] == pytest.approx(6.0, abs=1e-3)
    assert rows["frames"].tolist() == [10] * 6
    joints = pd.read_csv(experiment / "per_joint.csv")
    chosen = joints[(joints["method"] == "first") & (joints["seed"] == 1)]
    assert chosen["joint"].tolist() == list(LIMBS12.joints)
    assert chosen["mpjpe_mm"].tolist() == pytest.approx([2.0] * 12, abs=1e-2)


def test_the_share_of_sequences_that_are_not_harmed(experiment: Path) -> None:
    """Input errors 4 and 12 mm; 4.2 and 12.6 are 0.2 and 0.6 more: one of two is harmed."""
    path = workspace.REFINED / "kinect" / "first-1" / "first.parquet"
    cache = PoseCache.open(path)
    provenance = cache.metadata.provenance | {"cost": {"parameters": 10.0, "kflops_per_frame": 2.5}}
    write(path, 0.0042, "first", provenance)  # 4.2 and 12.6 mm
    evaluate.main("kinect")
    scores = json.loads((experiment / "scores.json").read_text())
    assert scores["input"]["no_harm"]["mean"] == 1.0
    assert scores["first"]["no_harm"]["mean"] == pytest.approx((0.5 + 1.0) / 2)  # two seeds
    # Costs are means over the seeds that have them.
    assert scores["first"]["parameters"] == {"mean": 10.0}
    runs = json.loads((experiment / "runs.json").read_text())
    assert runs[1]["cost"]["kflops_per_frame"] == 2.5 and runs[2]["cost"] == {}
    assert publish.scores(runs[1])["test_parameters"] == 10.0


def test_errors_by_kind_of_frame_where_it_is_known(experiment: Path) -> None:
    """Ten frames in each of two sequences; the second's, 12 mm off, are all swaps."""
    truth = list(PoseCache.open(workspace.truth_path("kinect", "test")).sequences())
    kinds = [(truth[0], np.zeros(10, dtype=int)), (truth[1], np.full(10, 3))]
    write_kinds(workspace.kinds_path("kinect"), kinds)
    evaluate.main("kinect")
    found = json.loads((experiment / "scores.json").read_text())["input"]
    assert found["mpjpe_clean_mm"]["mean"] == pytest.approx(4.0, abs=1e-3)
    assert found["mpjpe_swap_mm"]["mean"] == pytest.approx(12.0, abs=1e-3)
    assert found["mpjpe_burst_mm"] == {}
    params = tables(input="as it came", first="refined")
    params["tables"]["main"]["columns"] = ["mpjpe_clean_mm", "mpjpe_swap_mm"]
    Path("params.yaml").write_text(tiny.as_yaml(params))
    compare.main("kinect")
    table = json.loads((experiment / "tables" / "main.json").read_text())
    assert [column["key"] for column in table["columns"]] == ["mpjpe_mm", "mpjpe_clean_mm", "mpjpe_swap_mm"]


def test_a_reference_that_was_not_run_and_declared_deviations(experiment: Path) -> None:
    params = tables(input="as it came", second="never run", first="refined")
    params["tables"]["main"] |= {"reference": "second", "deviations": {"first": "half the width"}}
    Path("params.yaml").write_text(tiny.as_yaml(params))
    evaluate.main("kinect")
    compare.main("kinect")
    table = json.loads((experiment / "tables" / "main.json").read_text())
    assert all(row.get("against") is None for row in table["rows"])
    text = (experiment / "tables" / "main.md").read_text()
    assert "| deviations from the release |" in text and "| half the width |" in text
    assert pd.read_csv(experiment / "tables" / "main.csv")["deviations"].dropna().tolist() == [
        "half the width"
    ]


def test_what_the_numbers_stand_on(experiment: Path) -> None:
    evaluate.main("kinect")
    assert json.loads((experiment / "provenance.json").read_text()) == {
        "experiment": "kinect",
        "dataset": "uiprmd",
        "estimator": "kinect",
        "protocol": "full",
        "protocol_version": 2,
        "bootstrap": {"resamples": 100, "seed": 4321},
        "fps": 30.0,
        "skeleton": "limbs12",
        "leak": None,
        "data_sha256": {
            "ground_truth": file_hash(workspace.truth_path("kinect", "test")),
            "detected": file_hash(workspace.detected_path("kinect", "test")),
        },
    }


def test_one_seed_and_one_sequence_have_neither_deviation_nor_interval(experiment: Path) -> None:
    options = load().evaluate
    one = score_sequences([sequence("a")], [sequence("a", 0.002)])
    entry = Entry("first", 1, workspace.REFINED / "kinect" / "first-1" / "first.parquet")
    assert set(summary([(entry, one)], options)["first"]["mpjpe_mm"]) == {"mean"}
    assert set(by_run(entry, one)["metrics"]["mpjpe_mm"]) == {"mean"}


def test_refined_poses_that_are_missing(experiment: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (workspace.REFINED / "kinect" / "first-2" / "first.parquet").unlink()
    with pytest.raises(SystemExit):
        evaluate.main("kinect")
    assert capsys.readouterr().err == (
        "Error: refined poses are missing: data/refined/kinect/first-2/first.parquet; run dvc repro\n"
    )


def tables(**rows: str) -> dict[str, Any]:
    """Parameters with one table of these rows."""
    params = yaml.safe_load(Path("params.yaml").read_text())
    params["tables"] = {"main": {"title": "A table", "note": "A note.", "rows": rows}}
    Path("params.yaml").write_text(tiny.as_yaml(params))
    return params


def test_a_table_holds_rows_differences_and_what_is_missing(experiment: Path) -> None:
    tables(input="as it came", second="never run", first="refined")
    evaluate.main("kinect")
    compare.main("kinect")
    table = json.loads((experiment / "tables" / "main.json").read_text())
    first, second, third = table["rows"]
    assert (table["title"], table["note"], table["protocol"]) == ("A table", "A note.", "full")
    assert first["label"] == "as it came" and first["against"] is None and first["seeds"] == []
    assert second == {"method": "second", "label": "never run", "status": "missing", "published": {}}
    assert (third["seeds"], third["observed"], third["frames"], third["sequences"]) == ([1, 2], 0.6, 20, 2)
    # 3 mm on average of two seeds, against 8 mm of the reference. Off by 1.5 and 4.5 mm, it by 4 and 12, in
    # the two clips: -2.5 and -7.5, variance 2.5² / 2, times 2 / 1; that of the seeds' mean is 1.
    low, high = student(-5.0, clusters=6.25, seeds=1.0)
    assert third["against"] == {
        "difference": pytest.approx(-5, abs=1e-3), "low": pytest.approx(low, abs=2e-3),
        "high": pytest.approx(high, abs=2e-3), "no_p": "2 of 5 clips",
    }  # fmt: skip
    assert table["reference"] == {"method": "input", "label": "as it came"}
    assert table["over"] == "2 clips, 2 seeds"
    assert set(third["cells"]) == {column["key"] for column in table["columns"]}


def test_the_same_table_for_readers(experiment: Path, capsys: pytest.CaptureFixture[str]) -> None:
    params = tables(input="as it came", second="50% & more_of", first="refined")
    params["tables"]["main"]["published"] = {
        "on": "3DPW", "source": "Table 1 of a paper", "rows": {"first": {"mpjpe_mm": 74.6}},
    }  # fmt: skip
    Path("params.yaml").write_text(tiny.as_yaml(params))
    evaluate.main("kinect")
    capsys.readouterr()
    compare.main("kinect")
    shown = capsys.readouterr().out
    low, high = student(-5.0, clusters=6.25, seeds=1.0)
    for word in ("3.0 ± 1.4", "not run: 50% & more_of", f"-5.0 [{low:+.1f}, {high:+.1f}]", "60%"):
        assert word in shown
    assert "differences to as it came, 95% over 2 clips, 2 seeds" in shown
    assert max(len(line) for line in shown.splitlines()[1:]) <= 80
    text = (experiment / "tables" / "main.md").read_text()
    assert text.startswith("# A table\n\nA note.\n\n| row | MPJPE mm |")
    assert "published: MPJPE mm (3DPW)" in text and text.endswith("(3DPW): Table 1 of a paper.\n")
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in rows}) == 1
    ends = student(8.0, clusters=16.0, seeds=0.0)
    assert rows[2].startswith(f"| as it came | 8.00 [0.0, {ends[1]:.1f}] | ")
    assert rows[3].startswith("| 50% & more_of | not run |")
    assert rows[4].endswith(f"| -5.00 [{low:+.1f}, {high:+.1f}] | no p: 2 of 5 clips | 60% | 2 | 74.6 |")
    assert (
        "In brackets: 95% over 2 clips, 2 seeds" in text and "Differences are to the row as it came" in text
    )
    assert "Protocol full, 20 test frames in 2 sequences, 30 fps" in text
    assert file_hash(workspace.detected_path("kinect", "test"))[:12] in text
    latex = (experiment / "tables" / "main.tex").read_text()
    assert latex.count("\\\\\n") == 4 and r"50\% \& more\_of & not run" in latex and r"$\pm$ 1.41" in latex
    frame = pd.read_csv(experiment / "tables" / "main.csv").set_index("method")
    assert frame.loc["first", "mpjpe_mm.sd"] == pytest.approx(2**0.5, abs=1e-3)
    assert frame.loc["first", "seeds"] == "1 2" and frame.loc["first", "published.mpjpe_mm"] == 74.6
    assert frame["status"].tolist() == ["run", "missing", "run"]


def test_a_table_of_one_row_is_none(experiment: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tables(second="never run", first="refined")
    evaluate.main("kinect")
    compare.main("kinect")
    assert "A table: fewer than two of its rows were run" in capsys.readouterr().out
    assert not list((experiment / "tables").iterdir())


def test_methods_are_ordered_by_error_below_the_input(experiment: Path) -> None:
    evaluate.main("kinect")
    scores = json.loads((experiment / "scores.json").read_text())
    for name, value in {"worse": 99.0, "better": 1.0}.items():
        scores[name] = scores["first"] | {"mpjpe_mm": {"mean": value}}
    write_json(experiment / "scores.json", scores)
    compare.main("kinect")
    order = ["input", "better", "first", "worse"]
    flat = pd.read_csv(experiment / "table.csv")
    assert flat["method"].tolist() == order and set(flat["metric"]) == {"MPJPE mm"}
    assert flat["score"].tolist() == flat["mpjpe_mm.mean"].tolist()
    metrics = json.loads((experiment / "metrics.json").read_text())
    assert metrics["better"]["mpjpe_mm"] == 1.0


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"mean": 1.005, "sd": 0.5, "low": 0.04, "high": 2.0}, "1.00 ± 0.50 [0.0, 2.0]"),
        ({"mean": 12.345, "low": 1.0, "high": 20.0}, "12.35 [1.0, 20.0]"),
        ({"mean": 3.0, "sd": 0.25}, "3.00 ± 0.25"),
        ({"mean": 3.0}, "3.00"),
        (None, ""),
    ],
)
def test_cells(values: dict[str, float] | None, text: str) -> None:
    assert shown_tables.cell(values) == text


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"difference": 0.5, "low": -1.0, "high": 2.0, "p": 0.25}, ("+0.50 [-1.0, +2.0]", "0.250")),
        ({"difference": -3.0, "low": -4.0, "high": -2.0, "p": 0.0004}, ("-3.00 [-4.0, -2.0]", "<0.001")),
        ({"difference": -3.0}, ("-3.00", "")),
        ({}, ("", "")),
    ],
)
def test_differences(values: dict[str, float], text: tuple[str, str]) -> None:
    assert (shown_tables.difference(values), shown_tables.probability(values)) == text


# --- filter and refine


def test_filters_are_tuned_on_validation_and_write_what_they_are(experiment: Path) -> None:
    params = yaml.safe_load(Path("params.yaml").read_text())
    params["experiments"]["kinect"]["filters"] = {"input": {}, "gaussian": {"sigma": [0.5, 30.0]}}
    Path("params.yaml").write_text(tiny.as_yaml(params))
    filter.main("kinect")
    folder = workspace.REFINED / "kinect" / "filters"
    assert sorted(p.stem for p in folder.iterdir()) == ["constant_offset", "gaussian", "input"]
    gaussian = PoseCache.open(folder / "gaussian.parquet")
    # The error is constant, so smoothing only takes motion away: the least is best.
    assert gaussian.metadata.provenance == {
        "method": "gaussian",
        "cost": {"parameters": 0.0, "kflops_per_frame": 0.36},  # five frames of 36 channels
        "observed": 1.0,
        "parameters": {"sigma": 0.5},
        "detected_sha256": file_hash(workspace.detected_path("kinect", "test")),
    }
    assert gaussian.metadata.estimator == "kinect+gaussian"
    detected = next(PoseCache.open(workspace.detected_path("kinect", "test")).sequences())
    expected = FILTERS["gaussian"](sigma=0.5).refine(detected)
    np.testing.assert_array_equal(next(gaussian.sequences()).values, expected.values)
    # Off by 4 and 12 mm in training: the constant offset takes away 8 mm.
    offset = next(PoseCache.open(folder / "constant_offset.parquet").sequences())
    np.testing.assert_allclose(offset.values[:, 0, 0] - detected.values[:, 0, 0], -0.008, rtol=0, atol=1e-5)


def test_every_fitted_or_trained_row_has_one_with_a_filter(experiment: Path) -> None:
    params = yaml.safe_load(Path("params.yaml").read_text())
    comparators = {"ridge": {"alpha": [0.1]}, "post_filter": [0.0, 30.0], "general": True}
    params["experiments"]["kinect"]["comparators"] = comparators
    Path("params.yaml").write_text(tiny.as_yaml(params))
    filter.main("kinect")
    config = load().experiment("kinect").models["first"].config(36)
    for seed in ("1", "2"):
        folder = workspace.MODELS / "kinect" / f"first-{seed}"
        checkpoints.save(HANet(config).eval(), folder)
        refine.main("kinect", "first", seed)
    folder = workspace.REFINED / "kinect"
    fitted = ("constant_offset", "frame_ridge")
    names = {f"{row}{ending}" for row in fitted for ending in ("", "-filtered", "-general")} | {"general"}
    assert names <= {path.stem for path in (folder / "filters").iterdir()}
    ridge = PoseCache.open(folder / "filters" / "frame_ridge.parquet").metadata.provenance
    assert ridge["parameters"]["alpha"] == 0.1 and len(ridge["parameters"]["trials"]) == 1
    for path in (folder / "filters" / "frame_ridge.parquet", folder / "first-1" / "first.parquet"):
        plain, filtered = (
            PoseCache.open(path),
            PoseCache.open(path.with_name(f"{path.stem}-filtered.parquet")),
        )
        found, before = filtered.metadata.provenance, plain.metadata.provenance
        # Ridge's error is constant, so no filter is best; an untrained network's may be any.
        assert found["post_filter"]["sigma"] in ({0.0} if path.stem == "frame_ridge" else {0.0, 30.0})
        assert len(found["post_filter"]["trials"]) == 2
        assert (found["observed"], found["cost"]) == (before["observed"], before["cost"])
        assert filtered.metadata.estimator == f"kinect+{path.stem}-filtered"
        assert filtered.num_frames == plain.num_frames
    assert before["cost"]["kflops_per_frame"] > 0
    ridge, after = (
        next(PoseCache.open(folder / "filters" / f"{row}.parquet").sequences())
        for row in ("frame_ridge", "frame_ridge-general")
    )
    np.testing.assert_allclose(after.values, General().refine(ridge).values, rtol=0, atol=1e-6)
    evaluate.main("kinect")
    rows = json.loads((experiment / "scores.json").read_text())
    assert names | {"first", "first-filtered"} <= set(rows)
    assert rows["first-filtered"]["seeds"] == [1, 2] and rows["first-filtered"]["parameters"]["mean"] > 0


def test_refine_writes_what_refined(experiment: Path) -> None:
    config = load().experiment("kinect").models["first"].config(36)
    checkpoints.save(HANet(config).eval(), workspace.MODELS / "kinect" / "first-1")
    refine.main("kinect", "first", "1")
    cache = PoseCache.open(workspace.REFINED / "kinect" / "first-1" / "first.parquet")
    weights = file_hash(workspace.MODELS / "kinect" / "first-1" / "model.safetensors")
    assert cache.metadata.provenance["parameters"] == {
        "model": "first",
        "seed": 1,
        "stride": 2,
        "phases": [0],
        "mirror_axis": None,
        "weights_sha256": weights,
    }
    assert cache.metadata.estimator == "kinect+first" and cache.num_frames == 20


# --- publish


@pytest.mark.parametrize(
    ("lock", "message"),
    [
        (None, "dvc.lock is missing: nothing was reproduced yet; run dvc repro first"),
        ("stages: {}\n", "dvc.lock has no stage filter@kinect; run dvc repro first"),
    ],
)
def test_nothing_is_published_before_it_is_reproduced(
    experiment: Path, tracked: Path, capsys: pytest.CaptureFixture[str], lock: str | None, message: str
) -> None:
    evaluate.main("kinect")
    write(
        workspace.REFINED / "kinect" / "filters" / "input.parquet",
        0.0,
        "input",
        {"observed": 1.0, "parameters": {}},
    )
    if lock is not None:
        Path("dvc.lock").write_text(lock)
    capsys.readouterr()
    with pytest.raises(SystemExit):
        publish.main("kinect")
    assert capsys.readouterr().err == f"Error: {message}\n"


HOLD = """
import sqlite3, sys
database = sqlite3.connect("mlflow.db", isolation_level=None)
database.execute("begin exclusive")
print("locked", flush=True)
sys.stdin.read()
"""


def test_a_locked_database_is_named_and_publishing_goes_on_later(
    experiment: Path,
    tracked: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tracked}/mlflow.db?timeout=0.1")
    evaluate.main("kinect")
    runs = json.loads((experiment / "runs.json").read_text())
    write_json(experiment / "runs.json", [run for run in runs if run["seed"] is None])
    provenance = {"observed": 1.0, "parameters": {}}
    write(workspace.REFINED / "kinect" / "filters" / "input.parquet", 0.0, "input", provenance)
    Path("dvc.lock").write_text("stages: {filter@kinect: {}, compare@kinect: {}}\n")
    receipt = workspace.RECEIPTS / "kinect.json"
    capsys.readouterr()
    with subprocess.Popen([sys.executable, "-c", HOLD], stdin=PIPE, stdout=PIPE, text=True) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == "locked\n"
        with pytest.raises(SystemExit) as caught:
            publish.main("kinect")
        holder.communicate()
    assert caught.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("Error: MLflow failed: ") and "database is locked" in error
    assert error.count("\n") == 1 and "that no other program locks its database" in error
    assert not receipt.exists()
    publish.main("kinect")
    assert set(json.loads(receipt.read_text())["runs"]) == {"input"}
