"""Tables in MLflow: one parent run per table, one child per row and seed.

The parent says what ran and what is missing.

They have an MLflow experiment of their own. Its runs hold few metrics, named for readers, so that MLflow's
page "Compare" shows just what the table compares, and every parameter, so that its "Show diff only" tells
what a row changed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from hanet.files.hashing import file_hash, json_hash
from stages.tracking.client import experiment_id, log_metrics, open_run

if TYPE_CHECKING:
    from mlflow import MlflowClient

METRICS = {
    "mpjpe_mm": "MPJPE mm",
    "accel_mm_per_frame2": "Accel mm per frame2",
    "accel_m_per_s2": "Accel m per s2",
    "pa_mpjpe_mm": "PA-MPJPE mm",
    "mpjpe_fast5_mm": "MPJPE of the fastest 5 percent mm",
    "mpvpe_mm": "MPVPE mm",
    "mpvpe_pelvis_mm": "MPVPE pelvis aligned mm",
    "pck_005": "PCK at 0.05",
    "pck_010": "PCK at 0.1",
    "pck_020": "PCK at 0.2",
    "accel_px_per_frame2": "Accel px per frame2",
    "map": "mAP",
}
"""A score's name in MLflow, which allows no brackets, no @ and no raised 2; PCK and mAP are shares of 1."""


class Published(Protocol):
    """What a child takes over from the result it shows."""

    @property
    def params(self) -> dict[str, Any]: ...
    @property
    def metrics(self) -> dict[str, float]: ...
    @property
    def tags(self) -> dict[str, str]: ...
    @property
    def lock_hash(self) -> str: ...


def publish_table(
    client: MlflowClient,
    path: Path,
    results: Mapping[str, Published],
    runs: Mapping[str, Mapping[str, str]],
    lock_hash: str,
) -> tuple[dict[str, Any], str]:
    """Make the table's runs, unless they are there.

    Args:
        client: where to.
        path: the table's JSON; CSV, Markdown and LaTeX of the same name lie beside it.
        results: the experiment's results by run name (a method, or a method and a seed).
        runs: their MLflow runs: ``run_id`` by the same names.
        lock_hash: of the stage that made the table.

    Returns:
        The ids of experiment, parent and children, and what was done.
    """
    table = json.loads(path.read_text())
    name = f"{table['experiment']} tables"
    where = experiment_id(client, name)
    cells = _cells(table)
    sources = [runs[cell]["run_id"] for _, cell in cells]
    state = json_hash([table, lock_hash, sources])
    parent = open_run(client, name, path.stem, f"{path.stem}:{state}", {}, lock_hash=lock_hash)
    if client.get_run(parent).data.tags.get("published") == state:
        found = client.search_runs([where], f"tags.mlflow.parentRunId = '{parent}'")
        children = {run.data.tags["cell"]: run.info.run_id for run in found}
        if set(children) == {cell for _, cell in cells}:
            return {"experiment_id": where, "run_id": parent, "children": children}, "there already"
    children = {
        cell: _child(client, name, parent, path.stem, row, cell, results[cell], runs[cell]["run_id"])
        for row, cell in cells
    }
    _complete(client, parent, path, table, results[cells[0][1]].tags, lock_hash, state)
    return {"experiment_id": where, "run_id": parent, "children": children}, "published"


def publish_summary(client: MlflowClient, path: Path) -> None:
    """Make the run of a table over experiments, unless it is there.

    Args:
        client: where to.
        path: the table's JSON; CSV, Markdown and LaTeX of the same name lie beside it.
    """
    table = json.loads(path.read_text())
    state = file_hash(path)
    run = open_run(client, "summaries", path.stem, f"{path.stem}:{state}", {}, lock_hash=state)
    if client.get_run(run).data.tags.get("published") == state:
        return
    tags = {key: table[key] for key in ("experiment", "protocol", "leak") if key in table}
    _complete(client, run, path, table, tags, state, state)


def _cells(table: Mapping[str, Any]) -> list[tuple[dict[str, Any], str]]:
    """Each row that was run, once for every seed, and the name of its run."""
    return [
        (row, f"{row['method']}-{seed}" if seed is not None else row["method"])
        for row in table["rows"]
        if row["status"] == "run"
        for seed in (row["seeds"] or [None])
    ]


def _child(
    client: MlflowClient,
    experiment: str,
    parent: str,
    table: str,
    row: Mapping[str, Any],
    cell: str,
    result: Published,
    source: str,
) -> str:
    """The run of a row and seed below its parent."""
    run = open_run(client, experiment, cell, f"{parent}:{cell}", {"row": row["label"], **result.params})
    metrics = {
        shown: result.metrics[f"test_{metric}"]
        for metric, shown in METRICS.items()
        if f"test_{metric}" in result.metrics
    }
    metrics["frames read percent"] = 100 * result.metrics["test_observed"]
    metrics["frames scored"] = result.metrics["test_frames"]
    metrics["sequences scored"] = result.metrics["test_sequences"]
    log_metrics(client, run, metrics)
    tags = result.tags | {
        "mlflow.parentRunId": parent,
        "table": table,
        "row": row["label"],
        "cell": cell,
        "lock_hash": result.lock_hash,
        "source_run": source,
    }
    for name, value in tags.items():
        client.set_tag(run, name, value)
    client.set_terminated(run, "FINISHED")
    return run


def _complete(
    client: MlflowClient,
    parent: str,
    path: Path,
    table: Mapping[str, Any],
    tags: Mapping[str, str],
    lock_hash: str,
    state: str,
) -> None:
    """The parent's description, artifacts and tags; the state last, so that an unfinished one is taken up."""
    missing = [row["method"] for row in table["rows"] if row["status"] == "missing"]
    ran = [row["method"] for row in table["rows"] if row["status"] == "run"]
    status = f"Ran: {', '.join(ran)}. Missing: {', '.join(missing) or 'nothing'}."
    client.log_table(parent, _as_columns(table), "table.json")
    for suffix in (".csv", ".md", ".tex"):
        client.log_artifact(parent, str(path.with_suffix(suffix)))
    log_metrics(client, parent, {"rows run": len(ran), "rows missing": len(missing)})
    shared = {key: tags[key] for key in tags if key not in ("method", "seed", "fingerprint", "trained_on")}
    note = f"{status}\n\n{path.with_suffix('.md').read_text()}"  # what is seen before "Show more"
    for name, value in (
        shared
        | {
            "table": path.stem,
            "missing": ", ".join(missing),
            "lock_hash": lock_hash,
            "mlflow.note.content": note,
            "published": state,
        }
    ).items():
        client.set_tag(parent, name, value)
    client.set_terminated(parent, "FINISHED")


def _as_columns(table: Mapping[str, Any]) -> dict[str, list[Any]]:
    """The table as MLflow's table artifact: a list a column."""
    columns: dict[str, list[Any]] = {"row": [row["label"] for row in table["rows"]]}
    for column in table["columns"]:
        cells = [row.get("cells", {}).get(column["key"], {}) for row in table["rows"]]
        name = f"{column['label']} {column['unit']}"
        for part in ("mean", "sd", "low", "high"):
            if any(part in cell for cell in cells):
                columns[f"{name} {part}"] = [cell.get(part) for cell in cells]
    above = [row.get("against_above") or {} for row in table["rows"]]
    compared = next(column for column in table["columns"] if column["key"] == table["compared"])
    columns[f"{compared['label']} against the row above"] = [found.get("difference") for found in above]
    columns["p"] = [found.get("p") for found in above]
    columns["frames read"] = [row.get("observed") for row in table["rows"]]
    columns["status"] = [row["status"] for row in table["rows"]]
    for key in sorted({key for row in table["rows"] for key in row["published"]}):
        columns[f"published {key}"] = [row["published"].get(key) for row in table["rows"]]
    return columns
