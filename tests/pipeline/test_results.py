"""What a run leaves to look at."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from pipeline import results
from pipeline.repository.environment import RESULTS, RESULTS_URL
from pipeline.repository.work_trees import remove_old

RUNS = {
    "kin-none-1": {"run_id": "a", "experiment_id": "7", "lock_hash": "x"},
    "kin-none-2": {"run_id": "b", "experiment_id": "7", "lock_hash": "x"},
    "hanet-paper-1": {"run_id": "c", "experiment_id": "7", "lock_hash": "x"},
    "input": {"run_id": "d", "experiment_id": "7", "lock_hash": "x"},
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree where everything was made."""
    reports = tmp_path / "tree" / "data" / "reports"
    (reports / "one" / "tables").mkdir(parents=True)
    (reports / "index.html").write_text("report")
    for table in ("budget", "comparison"):
        (reports / "one" / "tables" / f"{table}.md").write_text(f"# {table}\n")
    metrics = {
        "kin-none": {"mpjpe_mm": 2.0, "accel_mm_per_frame2": 1.504},
        "input": {"mpjpe_mm": 3.0, "accel_mm_per_frame2": 9.0},
    }
    (reports / "one" / "metrics.json").write_text(json.dumps(metrics))
    (tmp_path / "tree" / "data" / "published").mkdir()
    receipt = {"tracking_ui": "http://127.0.0.1:5000/", "runs": RUNS}
    (tmp_path / "tree" / "data" / "published" / "one.json").write_text(json.dumps(receipt))
    return tmp_path / "tree"


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Artifacts by key, without a server."""
    made: dict[str, str] = {}
    monkeypatch.setattr(
        "pipeline.results.create_markdown_artifact", lambda text, key, description: made.update({key: text})
    )
    return made


def test_only_what_the_run_made_is_kept(tmp_path: Path, tree: Path) -> None:
    nothing = results.collect(tmp_path, tree, "a", ["train@one-hanet-1", "compare@other"])
    assert [path for path in nothing.rglob("*") if path.is_file()] == []
    folder = results.collect(tmp_path, tree, "b", ["compare@one", "publish@one", "report"])
    assert folder == tmp_path / RESULTS / "b"
    assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()) == [
        "index.html",
        "one/metrics.json",
        "one/receipt.json",
        "one/tables/budget.md",
        "one/tables/comparison.md",
    ]
    assert results.collect(tmp_path, tree, "b", ["compare@one"]) == folder  # again, as a retry does


def test_artifact_of_an_experiment(
    tmp_path: Path, tree: Path, shown: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = results.collect(tmp_path, tree, "b", ["compare@one", "publish@one", "report"])
    monkeypatch.setenv(RESULTS_URL, "http://127.0.0.1:4201/")
    results.publish_results(folder, saved_as="mine")
    text = shown["results-one"]
    assert "[The report](http://127.0.0.1:4201/b/index.html)" in text
    assert "[4 runs compared]" in text
    assert "[kin-none-2](http://127.0.0.1:5000/#/experiments/7/runs/b)" in text
    assert "`dvc exp apply mine`" in text
    assert text.index("# comparison") < text.index("# budget")  # the comparison first
    monkeypatch.delenv(RESULTS_URL)
    results.publish_results(folder, saved_as=None)
    assert f"[The report](file://{folder}/index.html)" in shown["results-one"]
    assert "dvc exp apply" not in shown["results-one"]


def test_artifact_of_ablations(tmp_path: Path, tree: Path, shown: dict[str, str]) -> None:
    made = results.collect(tmp_path, tree, "b", ["compare@one", "publish@one"])
    failed = results.collect(tmp_path, tree, "c", [])
    results.publish_ablations({"kin-none": made, "kin-flow": failed})
    text = shown["ablations-one"]
    head = "|  | MPJPE (mm) | Accel (mm/frame²) |\n| --- | ---: | ---: |\n"
    assert f"{head}| kin-none | 2.00 | 1.50 |" in text
    assert "[2 runs compared](http://127.0.0.1:5000/#/compare-runs?runs=%5B%22a%22%2C%22b%22%5D" in text
    assert "hanet-paper" not in text


def test_every_metric_is_shown_with_its_unit() -> None:
    from hanet.results.columns import COLUMNS
    from stages.compare import HEADLINE, headline

    assert set(HEADLINE) <= {column.key for column in COLUMNS}
    metrics = headline({column.key: {"mean": 0.125} for column in COLUMNS})
    assert len(metrics) == len(HEADLINE)
    head, _, row = results.markdown_table({"a": metrics}).splitlines()
    assert head.count("(") == len(HEADLINE) and "| PCK@.1 (%) |" in head and "| Accel (px/frame²) |" in head
    assert results.markdown_table({"a": {"mm": 2.0}}).endswith("| a | 2.0 |")
    assert row.count("12.50") == 4 and row.count("0.12") == 4


def test_nothing_made_shows_nothing(tmp_path: Path, tree: Path, shown: dict[str, str]) -> None:
    folder = results.collect(tmp_path, tree, "c", [])
    results.publish_results(folder, saved_as=None)
    results.publish_ablations({"kin-none": folder, "never-started": tmp_path / "nowhere"})
    assert shown == {}
    assert results.mlflow_links([{"tracking_ui": "http://x", "runs": {}}]) == ""
    assert results.markdown_table({}) == ""


def test_old_results_are_removed(tmp_path: Path, tree: Path) -> None:
    old, new = (results.collect(tmp_path, tree, name, []) for name in ("old", "new"))
    week_ago = time.time() - 7.5 * 86400
    os.utime(old, (week_ago, week_ago))
    assert remove_old(tmp_path, days=7) == [old]
    assert not old.exists()
    assert new.exists()
