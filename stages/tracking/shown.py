"""What MLflow's pages show first: the unit of every key, and a prepared view of each table.

MLflow's keys can hold no units such as mm/frame², so descriptions list them. A prepared view is what MLflow's
button *Share view* stores: columns, their order and the filter, in a tag of the experiment.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from stages import workspace
from stages.tracking.client import experiment_id

if TYPE_CHECKING:
    from mlflow import MlflowClient

NOTE = "mlflow.note.content"
"""Tag of the description of runs and experiments."""
COUNTS = ("parameters", "frames", "sequences", "epoch", "best_epoch", "rows run", "rows missing")
SHARES = ("observed", "no_harm", "bone_length_cv", "map", "pck")
"""Beginnings of keys whose values are between 0 and 1."""
_SUFFIXES = (
    ("_mm_per_frame2", "mm/frame²"),
    ("_px_per_frame2", "px/frame²"),
    ("_m_per_s2", "m/s²"),
    ("_mm_per_s", "mm/s"),
    ("_mm", "mm"),
    ("kflops_per_frame", "1,000 operations per frame"),
)
LONGEST = 20_000
"""Characters that MLflow keeps of an experiment's tag."""
_VIEW = "mlflow.sharedViewState."


def unit_of(key: str, validation_unit: str) -> str:
    """The unit of a metric's key, in words where it has none.

    Args:
        key: as MLflow shows it, such as ``test_accel_mm_per_frame2_low``.
        validation_unit: of the validation error, such as ``mm``.
    """
    bare = key.removeprefix("test_").removesuffix("_low").removesuffix("_high")
    if bare.startswith("validation_error"):
        return validation_unit
    if bare in COUNTS:
        return "count"
    if bare.startswith(SHARES):
        return "fraction, 0 to 1"
    return next((unit for suffix, unit in _SUFFIXES if bare.endswith(suffix)), "no unit")


def units_table(keys: Iterable[str], validation_unit: str) -> str:
    """Keys and their units in Markdown, keys of one unit in a row; ends of intervals are not named."""
    found: dict[str, list[str]] = {}
    for key in sorted(set(keys)):
        if not key.endswith(("_low", "_high")):
            found.setdefault(unit_of(key, validation_unit), []).append(f"`{key}`")
    rows = [f"| {unit} | {', '.join(names)} |" for unit, names in sorted(found.items())]
    return "\n".join(["| Unit | Metrics |", "|---|---|", *rows])


def view(table: str, metrics: Sequence[str]) -> tuple[str, str]:
    """The tag of an experiment, its name and value, that prepares the view of a table.

    Args:
        table: name of the table, which its runs have as tag ``table``.
        metrics: keys of the columns, from left to right; runs are sorted by the first.
    """
    columns = ["attributes.`Run Name`", "params.`row`", *(f"metrics.`{metric}`" for metric in metrics)]
    state = {
        "searchFilter": f"tags.table = '{table}' and tags.cell != ''",
        "orderByKey": columns[2],
        "orderByAsc": True,
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "selectedColumns": columns,
        "columnOrder": columns,
        "viewMaximized": True,
    }
    return f"{_VIEW}{table}", json.dumps(state)


def view_link(experiment_id: str, table: str) -> str:
    """Where MLflow shows a prepared view, from its own address, among the pages of *Model training*."""
    return f"#/experiments/{experiment_id}/runs?workflowType=machine_learning&viewStateShareKey={table}"


def describe(client: MlflowClient, experiment: str, keys: Iterable[str], validation: str) -> None:
    """Describe an experiment and that of its tables: what their runs are, units, tables and their views.

    Args:
        client: target.
        experiment: its name.
        keys: of its runs' metrics.
        validation: unit of the validation errors.
    """
    tables = sorted((workspace.REPORTS / experiment / "tables").glob("*.md"))
    if not tables:
        return
    where, beside = (experiment_id(client, name) for name in (experiment, f"{experiment} tables"))
    views = ", ".join(f"[{path.stem}]({view_link(beside, path.stem)})" for path in tables)
    units = units_table(keys, validation)
    # MLflow shows the first line before it is asked for more.
    first = f"Tables to compare: {views}. One run per training, use of a trained model and comparison method."
    client.set_experiment_tag(where, NOTE, with_tables(f"{first}\n\n{units}", tables))
    first = f"Views of the tables: {views}. One run per table, with one child per row and seed."
    client.set_experiment_tag(beside, NOTE, with_tables(first, tables))


def with_tables(text: str, tables: Sequence[Path]) -> str:
    """A description with the tables that MLflow has room for below it; the others are named."""
    left = []
    for path in tables:
        longer = f"{text}\n\n{path.read_text().rstrip()}"
        if len(longer) > LONGEST - 1000:
            left.append(path.stem)
        else:
            text = longer
    return (
        f"{text}\n\nToo long to show here: {', '.join(left)}; each is an artifact of its run."
        if left
        else text
    )


def validation_unit(histories: Iterable[Path | None]) -> str:
    """The unit of the validation errors in the first file of per-epoch numbers; mm without any."""
    for path in histories:
        if path is not None:
            with path.open(newline="") as file:
                return next(csv.DictReader(file))["unit"]
    return "mm"
