"""Tables in MLflow: one parent run per table, one child per row and seed.

The parent lists what ran and what is missing.

They are in a separate MLflow experiment. Its runs have few metrics, with readable names, so MLflow's page
"Compare" shows only what the table compares, and all parameters, so its "Show diff only" shows what a row
changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from hanet.files.hashing import file_hash, json_hash
from hanet.files.json_text import read_json
from stages.tracking.client import experiment_id, log_metrics, open_run
from stages.tracking.shown import view

if TYPE_CHECKING:
    from mlflow import MlflowClient

METRICS = {
    "mpjpe_mm": "MPJPE mm",
    "accel_mm_per_frame2": "Accel mm per frame2",
    "accel_m_per_s2": "Accel m per s2",
    "pa_mpjpe_mm": "PA-MPJPE mm",
    "mpjpe_fast5_mm": "MPJPE of the fastest 5 percent mm",
    "bone_length_cv": "bone length CV fraction",
    "foot_slide_mm_per_s": "foot slide mm per s",
    "no_harm": "no harm fraction",
    "mpvpe_mm": "MPVPE mm",
    "mpvpe_pelvis_mm": "MPVPE pelvis aligned mm",
    "pck_005": "PCK at 0.05 fraction",
    "pck_010": "PCK at 0.1 fraction",
    "pck_020": "PCK at 0.2 fraction",
    "accel_px_per_frame2": "Accel px per frame2",
    "map": "mAP fraction",
    "parameters": "parameters",
    "kflops_per_frame": "kFLOPs per frame",
    "mpjpe_clean_mm": "MPJPE of clean frames mm",
    "mpjpe_jitter_mm": "MPJPE of jittery frames mm",
    "mpjpe_burst_mm": "MPJPE of frames with a lost limb mm",
    "mpjpe_swap_mm": "MPJPE of frames with a swap mm",
}
"""A number's name in MLflow, which does not allow brackets, @ and ²; shares are fractions."""


class Published(Protocol):
    """Fields that a child copies from the result that it shows."""

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
    """Create the table's runs, unless they exist.

    Args:
        client: target.
        path: the table's JSON; CSV, Markdown and LaTeX of the same name are in the same folder.
        results: the experiment's results by run name (a method, or a method and a seed).
        runs: their MLflow runs: ``run_id`` by the same names.
        lock_hash: hash of the lock entry of the stage that made the table.

    Returns:
        The ids of experiment, parent and children, and what was done.
    """
    table = read_json(path, dict, remedy="run dvc repro")
    name = f"{table['experiment']} tables"
    where = experiment_id(client, name)
    cells = _cells(table)
    shown = [METRICS[column["key"]] for column in table["columns"] if column["key"] in METRICS]
    client.set_experiment_tag(where, *view(path.stem, shown))
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
    """Create the run of a table over experiments, unless it exists.

    Args:
        client: target.
        path: the table's JSON; CSV, Markdown and LaTeX of the same name are in the same folder.
    """
    table = read_json(path, dict, remedy="run dvc repro")
    state = file_hash(path)
    run = open_run(client, "summaries", path.stem, f"{path.stem}:{state}", {}, lock_hash=state)
    if client.get_run(run).data.tags.get("published") == state:
        return
    tags = {key: table[key] for key in ("experiment", "protocol", "leak") if key in table}
    _complete(client, run, path, table, tags, state, state)


def _cells(table: Mapping[str, Any]) -> list[tuple[dict[str, Any], str]]:
    """Each row that was run, once per seed, and the name of its run."""
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
    """The run of a row and seed, a child of its table's run."""
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
    """Write the parent's description, artifacts and tags; the state last, so that an unfinished parent is
    completed later.
    """
    missing = [row["method"] for row in table["rows"] if row["status"] == "missing"]
    ran = [row["method"] for row in table["rows"] if row["status"] == "run"]
    status = f"Ran: {', '.join(ran)}. Missing: {', '.join(missing) or 'nothing'}."
    client.log_table(parent, _as_columns(table), "table.json")
    for suffix in (".csv", ".md", ".tex"):
        client.log_artifact(parent, str(path.with_suffix(suffix)))
    log_metrics(client, parent, {"rows run": len(ran), "rows missing": len(missing)})
    shared = {key: tags[key] for key in tags if key not in ("method", "seed", "fingerprint", "trained_on")}
    note = f"{status}\n\n{path.with_suffix('.md').read_text()}"  # visible before "Show more"
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
    """The table as MLflow's table artifact: one list per column."""
    columns: dict[str, list[Any]] = {"row": [row["label"] for row in table["rows"]]}
    for column in table["columns"]:
        cells = [row.get("cells", {}).get(column["key"], {}) for row in table["rows"]]
        name = f"{column['label']} {column['unit']}"
        for part in ("mean", "sd", "low", "high"):
            if any(part in cell for cell in cells):
                columns[f"{name} {part}"] = [cell.get(part) for cell in cells]
    against = [row.get("against") or {} for row in table["rows"]]
    compared = next(column for column in table["columns"] if column["key"] == table["compared"])
    if reference := table.get("reference"):
        name = f"{compared['label']} against {reference['label']}"
        columns[name] = [found.get("difference") for found in against]
        columns["p"] = [found.get("p") for found in against]
    columns["frames read"] = [row.get("observed") for row in table["rows"]]
    columns["status"] = [row["status"] for row in table["rows"]]
    for key in sorted({key for row in table["rows"] for key in row["published"]}):
        columns[f"published {key}"] = [row["published"].get(key) for row in table["rows"]]
    return columns
