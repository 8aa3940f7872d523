"""Stage compare: an experiment's tables, as JSON, CSV, Markdown and LaTeX, and numbers for `dvc metrics`."""

from __future__ import annotations

import sys
from typing import Any

import pandas as pd

from hanet.files.atomic import fresh_folder, write_json, write_text
from hanet.files.json_text import read_json
from hanet.options import flatten
from hanet.progress import console
from hanet.results import rendering
from hanet.results import tables as _tables
from hanet.results.columns import COLUMNS, measured
from hanet.results.tallies import Tallies
from stages import workspace
from stages.graph.names import instance_of
from stages.params.load import load


def main(experiment: str) -> None:
    """Write the tables of params.yaml with at least two rows that were run, and one of all methods, best
    first.
    """
    with workspace.stage("compare", experiment):
        report = workspace.REPORTS / experiment
        scores = read_json(report / "scores.json", dict, remedy="run dvc repro")
        provenance = read_json(report / "provenance.json", dict, remedy="run dvc repro")
        tallies = Tallies(report / "tallies.parquet")
        _, decides = measured(scores)
        sign = 1 if decides.lower_is_better else -1
        methods = sorted(scores, key=lambda name: (name != "input", sign * scores[name][decides.key]["mean"]))
        # One column for every kind of data set for `dvc plots`, and the metric it has.
        shown = {"metric": f"{decides.label} {decides.unit}"}
        flat = pd.DataFrame(
            [
                {"method": name, "score": decides.scale * scores[name][decides.key]["mean"], **shown}
                | flatten(scores[name])
                for name in methods
            ]
        )
        write_text(report / "table.csv", flat.to_csv(index=False))
        write_json(report / "metrics.json", {name: headline(scores[name]) for name in methods})
        params = load()
        with fresh_folder(report / "tables") as folder:
            for name, described in params.tables.items():
                if described.experiments is not None and experiment not in described.experiments:
                    continue
                table = _tables.build(name, described, scores, tallies, provenance, params.evaluate)
                if table is None:
                    console.print(f"  {described.title}: fewer than two of its rows were run")
                    continue
                write_json(folder / f"{name}.json", table)
                write_text(folder / f"{name}.csv", rendering.as_csv(table))
                write_text(folder / f"{name}.md", rendering.markdown(table, provenance))
                write_text(folder / f"{name}.tex", rendering.latex(table, provenance))
                console.print(rendering.terminal(table))


HEADLINE = (
    "mpjpe_mm",
    "mpvpe_mm",
    "accel_mm_per_frame2",
    "pck_005",
    "pck_010",
    "pck_020",
    "accel_px_per_frame2",
    "map",
)


def headline(row: dict[str, Any]) -> dict[str, float]:
    """The numbers that `dvc metrics` shows and compares, by name and unit, PCK and mAP in percent.

    `scores.json` has all.
    """
    return {
        f"{column.key}_percent" if column.unit == "%" else column.key: column.scale * row[column.key]["mean"]
        for column in COLUMNS
        if column.key in HEADLINE and column.key in row
    }


if __name__ == "__main__":
    main(*instance_of(sys.argv[1:]))
