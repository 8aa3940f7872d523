"""What a run leaves to look at: a folder of what its stages made, and artifacts on Prefect's pages.

The folder is below the main tree, so that it outlives the run's work tree. It has the report, and of each
experiment its tables, its metrics and the receipt of what was published as which MLflow run.
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

from pipeline.repository.work_trees import RESULTS, RESULTS_URL

_REPORT = Path("data/reports/index.html")
# By what comes before the @ of a stage: what it made for the experiment behind it.
_MADE = {
    "compare": ("data/reports/{}/tables", "data/reports/{}/metrics.json"),
    "publish": ("data/published/{}.json",),
}


def keep(main: Path, tree: Path, flow_run: str, stages: Iterable[str]) -> Path:
    """Copy what `stages` made to look at into the run's folder; returns that."""
    folder = main / RESULTS / flow_run
    folder.mkdir(parents=True, exist_ok=True)
    if (tree / _REPORT).is_file() and "report" in stages:
        shutil.copy2(tree / _REPORT, folder / _REPORT.name)
    for stage in stages:
        group, _, experiment = stage.partition("@")
        for made in _MADE.get(group, ()):
            source = tree / made.format(experiment)
            target = folder / experiment / ("receipt.json" if group == "publish" else source.name)
            target.parent.mkdir(exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, dirs_exist_ok=True)
            elif source.exists():
                shutil.copy2(source, target)
    return folder


def show(folder: Path, *, saved_as: str | None) -> None:
    """An artifact an experiment: tables, links to MLflow's runs and to the report.

    `saved_as` is the DVC experiment of a run whose work tree does not stay.
    """
    for experiment in experiments(folder):
        tables = sorted(
            (folder / experiment / "tables").glob("*.md"), key=lambda path: (path.stem != "comparison", path)
        )
        receipt = folder / experiment / "receipt.json"
        saved = (
            f"Saved as the DVC experiment `{saved_as}`: `dvc exp apply {saved_as}` brings it into the tree."
        )
        parts = [
            report_link(folder),
            mlflow_links([read(receipt)]) if receipt.exists() else "",
            saved if saved_as else "",
            *(path.read_text().strip() for path in tables),
        ]
        publish(f"results-{experiment}", parts, f"Tables, MLflow runs and report of {experiment}")


def experiments(folder: Path) -> list[str]:
    """The experiments that a run's folder has something of."""
    return sorted(path.name for path in folder.glob("*/"))


def read(path: Path) -> dict[str, Any]:
    """A JSON file."""
    return json.loads(path.read_text())


def publish(name: str, parts: Iterable[str], description: str) -> None:
    """One Markdown artifact of several paragraphs; empty ones are left out."""
    key = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    create_markdown_artifact("\n\n".join(filter(None, parts)), key=key, description=description)


def report_link(folder: Path) -> str:
    """The run's report, where it made one."""
    report = folder / _REPORT.name
    if not report.exists():
        return ""
    served = os.environ.get(RESULTS_URL)
    address = f"{served.rstrip('/')}/{folder.name}/{report.name}" if served else report.as_uri()
    return f"**[The report]({address})**"


def mlflow_links(receipts: Iterable[Mapping[str, Any]], only: Container[str] | None = None) -> str:
    """Runs that `stages.publish` wrote down: all of them side by side as one link, then each by its own.

    `only` names methods; a run is called `<method>-<seed>`, or by the method alone where nothing is trained.
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
        f"In MLflow (`make ui` serves it where no server is set): "
        f"**[{len(runs)} runs compared]({compared})**, {', '.join(links)}"
    )


def show_ablations(folders: Mapping[str, Path]) -> None:
    """An artifact an experiment: the metrics of each ablation, and their MLflow runs side by side.

    `folders` are those of the ablations' flow runs, by the ablations' names; what made nothing has no row.
    """
    for experiment in sorted({name for folder in folders.values() for name in experiments(folder)}):
        rows, receipts = {}, []
        for ablation, folder in folders.items():
            metrics, receipt = (folder / experiment / name for name in ("metrics.json", "receipt.json"))
            if metrics.exists():
                rows |= {name: row for name, row in read(metrics).items() if name == ablation}
            if receipt.exists():
                receipts.append(read(receipt))
        parts = [markdown_table(rows), mlflow_links(receipts, only=folders)]
        publish(f"ablations-{experiment}", parts, f"The ablations of this run side by side, on {experiment}")


def markdown_table(rows: Mapping[str, Mapping[str, float]]) -> str:
    """A line a row, a column a metric."""
    columns = sorted({name for row in rows.values() for name in row})
    lines = [["", *columns], ["---", *("---:" for _ in columns)]]
    lines += [[name, *(str(row.get(column, "")) for column in columns)] for name, row in rows.items()]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) if columns else ""
