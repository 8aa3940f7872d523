"""What a run leaves to look at: a folder with its report, tables and metrics, and artifacts in Prefect.

The folder is below the main tree, so it outlives the run's work tree. It has the report and, for each
experiment, the tables, the metrics, and the receipt that names the MLflow runs it was published as.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Container, Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from prefect.artifacts import create_markdown_artifact

from hanet.results.columns import COLUMNS, Column
from pipeline.repository.environment import RESULTS, RESULTS_URL

_REPORT = Path("data/reports/index.html")
_FIGURES = Path("data/reports/index_files")
"""Figures of a report that has too many to hold them."""
_METRICS, _RECEIPT = "metrics.json", "receipt.json"
# For each group of stages its outputs to collect; {} is the experiment, the part of the stage after @.
_OUTPUTS = {
    "compare": ("data/reports/{}/tables", "data/reports/{}/metrics.json"),
    "publish": ("data/published/{}.json",),
}


def collect(main: Path, tree: Path, flow_run: str, stages: Iterable[str]) -> Path:
    """Copy the outputs of `stages` that people look at into the run's folder; return the folder."""
    folder = main / RESULTS / flow_run
    folder.mkdir(parents=True, exist_ok=True)
    if (tree / _REPORT).is_file() and "report" in stages:
        shutil.copy2(tree / _REPORT, folder / _REPORT.name)
        if (tree / _FIGURES).is_dir():
            shutil.copytree(tree / _FIGURES, folder / _FIGURES.name, dirs_exist_ok=True)
    for stage in stages:
        group, _, experiment = stage.partition("@")
        for output in _OUTPUTS.get(group, ()):
            source = tree / output.format(experiment)
            target = folder / experiment / (_RECEIPT if group == "publish" else source.name)
            target.parent.mkdir(exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, dirs_exist_ok=True)
            elif source.exists():
                shutil.copy2(source, target)
    return folder


def publish_results(folder: Path, *, saved_as: str | None) -> None:
    """Create one artifact per experiment: links to the report and the MLflow runs, then the tables.

    Args:
        folder: The run's folder, from `collect`.
        saved_as: The DVC experiment that a run in a work tree was saved as.
    """
    for experiment in experiments(folder):
        tables = sorted(
            (folder / experiment / "tables").glob("*.md"), key=lambda path: (path.stem != "comparison", path)
        )
        receipt = folder / experiment / _RECEIPT
        saved = f"Saved as the DVC experiment `{saved_as}`; restore it with `dvc exp apply {saved_as}`."
        parts = [
            report_link(folder),
            mlflow_links([read_json(receipt)]) if receipt.exists() else "",
            saved if saved_as else "",
            *(path.read_text().strip() for path in tables),
        ]
        create_artifact(f"results-{experiment}", parts, f"Tables, MLflow runs and report of {experiment}")


def publish_ablations(folders: Mapping[str, Path]) -> None:
    """Create one artifact per experiment: the metrics of ablations side by side, links to their MLflow runs.

    Args:
        folders: For each ablation the folder of its run. A run without metrics has no row.
    """
    for experiment in sorted({name for folder in folders.values() for name in experiments(folder)}):
        rows, receipts = {}, []
        for ablation, folder in folders.items():
            metrics, receipt = (folder / experiment / name for name in (_METRICS, _RECEIPT))
            if metrics.exists():
                rows |= {name: row for name, row in read_json(metrics).items() if name == ablation}
            if receipt.exists():
                receipts.append(read_json(receipt))
        parts = [markdown_table(rows), mlflow_links(receipts, only=folders)]
        create_artifact(
            f"ablations-{experiment}", parts, f"The ablations of this run side by side, on {experiment}"
        )


def experiments(folder: Path) -> list[str]:
    """Return the experiments that a run's folder has results of."""
    return sorted(path.name for path in folder.glob("*/") if path.name != _FIGURES.name)


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON file."""
    return json.loads(path.read_text())


def create_artifact(name: str, parts: Iterable[str], description: str) -> None:
    """Create a Markdown artifact of the parts that are not empty."""
    key = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    create_markdown_artifact("\n\n".join(filter(None, parts)), key=key, description=description)


def report_link(folder: Path) -> str:
    """Return a link to the run's report; empty if it made none."""
    report = folder / _REPORT.name
    if not report.exists():
        return ""
    served = os.environ.get(RESULTS_URL)
    address = f"{served.rstrip('/')}/{folder.name}/{report.name}" if served else report.as_uri()
    return f"**[The report]({address})**"


def mlflow_links(receipts: Iterable[Mapping[str, Any]], only: Container[str] | None = None) -> str:
    """Return links to MLflow: one that compares all runs in receipts of `stages.publish`, then one per run.

    Args:
        receipts: Their content.
        only: Methods to include. A run is named `<method>-<seed>`, or `<method>` if nothing is trained.
    """
    address, runs = "", {}
    for receipt in receipts:
        address = receipt["tracking_ui"].rstrip("/")
        runs |= {
            name: run
            for name, run in receipt["runs"].items()
            if only is None or name in only or name.rpartition("-")[0] in only
        }
    if not runs:
        return ""
    ids = ",".join(f'"{run["run_id"]}"' for run in runs.values())
    within = ",".join(f'"{number}"' for number in sorted({run["experiment_id"] for run in runs.values()}))
    links = [
        f"[{name}]({address}/#/experiments/{run['experiment_id']}/runs/{run['run_id']})"
        for name, run in sorted(runs.items())
    ]
    compared = f"{address}/#/compare-runs?{urlencode({'runs': f'[{ids}]', 'experiments': f'[{within}]'})}"
    return (
        f"In MLflow (start it with `make ui` if no server is set): "
        f"**[{len(runs)} runs compared]({compared})**, {', '.join(links)}"
    )


def markdown_table(rows: Mapping[str, Mapping[str, float]]) -> str:
    """Return a Markdown table with one column per metric and its unit; empty if there are no metrics.

    Args:
        rows: From `metrics.json` by method. Keys are those of `hanet.results.columns`, with `_percent` after
            shares; other keys are shown as they are.
    """
    columns = {f"{column.key}_percent" if column.unit == "%" else column.key: column for column in COLUMNS}
    found = dict.fromkeys(name for row in rows.values() for name in row)
    shown = [*(name for name in columns if name in found), *(name for name in found if name not in columns)]
    heads = [f"{columns[name].label} ({columns[name].unit})" if name in columns else name for name in shown]
    lines = [["", *heads], ["---", *("---:" for _ in shown)]]
    for method, row in rows.items():
        lines.append([method, *(_cell(row.get(name), columns.get(name)) for name in shown)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) if shown else ""


def _cell(value: float | None, column: Column | None) -> str:
    if value is None:
        return ""
    return str(value) if column is None else f"{value:.{column.digits}f}"
