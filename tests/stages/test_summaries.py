"""Sub-JHMDB by its official splits and pooled: from files in the true format to one table."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
import pytest
from scipy.io import loadmat

from hanet.cache.files import PoseCache
from hanet.files.atomic import write_json, write_text
from hanet.results import summaries
from stages import (
    compare,
    download,
    estimate,
    evaluate,
    filter,
    ingest,
    refine,
    report,
    summarise,
    train,
    workspace,
)
from stages.params.load import ParamsError, load
from stages.tracking.client import mlflow_client
from tests.support import dataset_files, tiny
from tests.support.html_tree import parse

NAMES = ("one", "two", "three", "pool")
SUMMARY = {
    "title": "Splits",
    "over": {"three splits": ["one", "two", "three"], "pooled": ["pool"]},
    "rows": {"input": "input", "hanet-paper": "HANet"},
    "published": {
        "group": "pooled",
        "on": "Sub-JHMDB",
        "source": "a paper",
        "rows": {"hanet-paper": {"pck_020": 99.6}},
    },
}


def write_keypoints(made: Path) -> dict[str, Any]:
    """Every clip's true keypoints, some pixels off, as COCO results; the section that names them."""
    images, results = [], []
    for path in sorted((made / "joint_positions").rglob("*.mat")):
        values = loadmat(path)["pos_img"].transpose(2, 1, 0) - 1
        rng = np.random.default_rng(len(images))
        for t, pose in enumerate(values):
            keypoints = np.ones((17, 3))
            keypoints[:, :2] = pose[np.arange(17) % 15] + rng.normal(scale=3, size=(17, 2))
            image = {"id": len(images), "file_name": f"{path.parent.name}/{t + 1:05}.png"}
            images.append(image)
            results.append(
                {"image_id": image["id"], "category_id": 1, "keypoints": keypoints.ravel().tolist()}
            )
            results[-1]["score"] = 0.9
    Path("images.json").write_text(json.dumps({"images": images}))
    Path("results.json").write_text(json.dumps(results))
    return {
        "kind": "keypoints",
        "format": "coco",
        "files": ["results.json"],
        "images": "images.json",
        "first_frame": 1,
        "max_distance": 100.0,  # the poses are made up: no body is so
    }


@pytest.fixture
def splits(project: Path, params: dict[str, Any], tmp_path: Path) -> dict[str, Any]:
    """Parameters of four experiments, not yet written."""
    section = dataset_files.jhmdb(tmp_path)
    kinect = params["experiments"]["kinect"] | {"estimate": write_keypoints(tmp_path / "made")}
    kinect["models"] = {"hanet-paper": tiny.MODEL}
    for k, name in enumerate(NAMES, 1):
        protocol = {"protocol": "three_split", "split": k} if k < 4 else {"protocol": "pooled"}
        params["datasets"][name] = {
            "kind": "sub_jhmdb",
            "download": section,
            "ingest": protocol | {"seed": 1},
        }
        params["experiments"][name] = kinect | {"dataset": name}
    params["run"] = {
        "datasets": list(NAMES), "estimates": {name: name for name in NAMES}, "experiments": list(NAMES),
        "models": ["hanet-paper"], "ablations": [], "seeds": [1],
    }  # fmt: skip
    params["tables"] = {"main": {"title": "Main", "rows": {"input": "input", "hanet-paper": "HANet"}}}
    params["summaries"] = {"jhmdb": SUMMARY}
    return params


def write(params: dict[str, Any]) -> None:
    write_text(Path("params.yaml"), tiny.as_yaml(params))


def test_the_official_splits_and_the_pool_in_one_table(
    splits: dict[str, Any], tracked: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(splits)
    for name in NAMES:
        download.main(name)
        ingest.main(name)
        estimate.main(name)
        train.main(name, "hanet-paper", "1")
        refine.main(name, "hanet-paper", "1")
        filter.main(name)
        evaluate.main(name)
        compare.main(name)
    # The pool trains on ten clips, each listed twice; either time it has its own detections.
    listed = [
        sequence.key for sequence in PoseCache.open(workspace.detected_path("pool", "train")).sequences()
    ]
    assert len(listed) == 20 and len({name for name, _ in listed}) == 10
    capsys.readouterr()
    summarise.main()
    folder = workspace.REPORTS / "summaries"
    table = json.loads((folder / "tables" / "jhmdb.json").read_text())
    scores = {
        name: json.loads((workspace.REPORTS / name / "scores.json").read_text())["hanet-paper"]["pck_020"][
            "mean"
        ]
        for name in NAMES
    }
    _, _, honest, leaking = table["rows"]
    assert honest["label"] == "HANet, three splits" and leaking["label"] == "HANet, pooled (leaks)"
    three = [100 * scores[name] for name in NAMES[:3]]
    assert honest["cells"]["pck_020"] == pytest.approx({"mean": mean(three), "sd": stdev(three)}, abs=2e-4)
    assert leaking["cells"]["pck_020"] == pytest.approx({"mean": 100 * scores["pool"]}, abs=2e-4)
    # Of 12 clips tested in the pool, one of each action is held out of training for validation.
    assert honest["cells"]["test_clips_seen"] == {"mean": 0.0, "sd": 0.0}
    assert leaking["cells"]["test_clips_seen"]["mean"] == pytest.approx(100 * 10 / 12, abs=1e-3)
    # Three splits of four test clips; the pool lists each of the twelve once, of three frames.
    assert (honest["sequences"], leaking["sequences"], leaking["frames"]) == (12, 12, 36)
    assert (honest["published"], leaking["published"]) == ({}, {"pck_020": 99.6})
    assert (
        "leak" not in honest
        and "83.3% of the test entries are clips that training has seen" in leaking["leak"]
    )
    text = (folder / "tables" / "jhmdb.md").read_text()
    assert "**Declared leak: pooled: Sub-JHMDB's three official splits pooled" in text
    assert "± is the standard deviation between experiments" in text and "against the row above" not in text
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| HANet")]
    assert [row[0] for row in rows] == ["| HANet, three splits", "| HANet, pooled (leaks)"]
    assert rows[1][-1].startswith("99.6") and "83.3" in rows[1]
    lines = (folder / "tables" / "jhmdb.csv").read_text().splitlines()
    assert len(lines) == 5 and "pooled, as published" not in lines[1] and "pooled, as published" in lines[2]
    assert json.loads((folder / "missing.json").read_text()) == {"jhmdb": {}}
    shown(table)
    in_mlflow(text)


def shown(table: dict[str, Any]) -> None:
    """On the page: leaking rows are marked and never the best."""
    report.main()
    page = parse(report.PAGE.read_text())
    (rows,) = [body for body in page.all("table") if "HANet, three splits" in body.text]
    leaking = [row for row in rows.all("tr") if "leaks" in row.classes]
    assert [row.one("th").text for row in leaking] == [row["label"] for row in table["rows"] if "leak" in row]
    assert not any("best" in cell.classes for row in leaking for cell in row.all("td"))
    assert any("best" in cell.classes for row in rows.all("tr") for cell in row.all("td"))
    (warning,) = [p for p in page.all("p") if "pooled: Sub-JHMDB" in p.text]
    assert warning.text.startswith("Declared leak.")


def in_mlflow(text: str) -> None:
    """One run, also after a second time."""
    summarise.main()
    client = mlflow_client()
    experiment = client.get_experiment_by_name("summaries")
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.run_name == "jhmdb" and run.data.tags["leak"].startswith("pooled: ")
    assert text in run.data.tags["mlflow.note.content"]


# --- what is not run, or does not fit


def result(
    score: float, protocol: str = "full", leak: str | None = None, methods: tuple[str, ...] = ("input",)
):
    row = {
        "seeds": [], "observed": 1.0, "frames": 10, "sequences": 2, "pck_010": {"mean": score, "low": 0.1},
    }  # fmt: skip
    provenance = {
        "protocol": protocol, "leak": leak, "estimator": "e", "data_sha256": {"ground_truth": "0" * 64},
    }  # fmt: skip
    return summaries.Result(dict.fromkeys(methods, row), provenance, None)


def test_mean_and_deviation_by_hand(splits: dict[str, Any]) -> None:
    write(splits)
    params = load()
    results = {"one": result(0.5), "two": result(0.6), "three": result(0.7)}
    table = summaries.build("jhmdb", params.summaries["jhmdb"], results)
    first, second, *others = table["rows"]
    assert first["cells"] == {"pck_010": {"mean": 60.0, "sd": 10.0}}  # nobody counted what training has seen
    assert first["frames"] == 30
    assert second["status"] == "missing" and [row["status"] for row in others] == ["missing"] * 2
    assert "leak" not in table and table["experiment"] == "one, two, three"


def test_scores_of_two_protocols(splits: dict[str, Any]) -> None:
    write(splits)
    params = load()
    results = {"one": result(0.5), "two": result(0.6, "smoothnet"), "three": result(0.7)}
    with pytest.raises(ValueError, match="summary jhmdb: scored under full and smoothnet; run dvc repro"):
        summaries.build("jhmdb", params.summaries["jhmdb"], results)


@pytest.mark.parametrize("alone", [False, True])
def test_a_summary_of_less_than_two_experiments_is_not_made(
    splits: dict[str, Any], capsys: pytest.CaptureFixture[str], *, alone: bool
) -> None:
    """Nor where the one that is run is a group of its own."""
    if alone:
        splits["summaries"]["jhmdb"]["over"]["first"] = ["one"]
    splits["run"] |= {"datasets": ["one"], "estimates": {"one": "one"}, "experiments": ["one"]}
    write(splits)
    for name in ("scores.json", "provenance.json"):
        write_json(workspace.REPORTS / "one" / name, {})
    with pytest.raises(SystemExit):
        summarise.main()
    assert "report.json missing; run dvc repro" in capsys.readouterr().err
    write_json(workspace.POSES / "one" / "report.json", {})
    summarise.main()
    assert "Splits: no two experiments of whole groups are run" in capsys.readouterr().out
    folder = workspace.REPORTS / "summaries"
    assert json.loads((folder / "missing.json").read_text()) == {
        "jhmdb": {"three splits": ["two", "three"], "pooled": ["pool"]}
    }
    assert not (folder / "tables").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"over": {"a": ["one", "four"]}, "published": None}, "summaries.jhmdb.over.a: four is not defined"),
        ({"over": {"a": ["one"]}}, "published.group: expected one of the groups a, got 'pooled'"),
        (
            {"rows": {"input": "input"}},
            "published.rows: the table has no row hanet-paper; its rows are input",
        ),
    ],
)
def test_summaries_that_do_not_fit(splits: dict[str, Any], change: dict[str, Any], message: str) -> None:
    splits["summaries"]["jhmdb"] = SUMMARY | change
    write(splits)
    with pytest.raises(ParamsError, match=message):
        load()
