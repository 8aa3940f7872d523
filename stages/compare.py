"""Stage compare: an experiment's tables, as JSON, CSV, Markdown and LaTeX, and what `dvc metrics` shows."""

from __future__ import annotations

import json
import sys
from typing import Any

import pandas as pd

from hanet import tables
from stages import _run, _tables
from stages.params import load


def main(experiment: str) -> None:
    """Write the tables of params.yaml of which two rows or more were run, and all methods by MPJPE."""
    with _run.stage("compare", experiment):
        report = _run.REPORTS / experiment
        scores = json.loads((report / "scores.json").read_text())
        provenance = json.loads((report / "provenance.json").read_text())
        tallies = _tables.Tallies(pd.read_parquet(report / "tallies.parquet"))
        methods = sorted(scores, key=lambda name: (name != "input", scores[name]["mpjpe_mm"]["mean"]))
        flat = pd.DataFrame([{"method": name, **_run.flatten(scores[name])} for name in methods])
        _run.write_text(report / "table.csv", flat.to_csv(index=False))
        _run.write_json(report / "metrics.json", {name: headline(scores[name]) for name in methods})
        params = load()
        with _run.fresh_folder(report / "tables") as folder:
            for name, described in params.tables.items():
                table = _tables.build(name, described, scores, tallies, provenance, params.evaluate)
                if table is None:
                    _run.console.print(f"  {described.title}: fewer than two of its rows were run")
                    continue
                _run.write_json(folder / f"{name}.json", table)
                _run.write_text(folder / f"{name}.csv", tables.as_csv(table))
                _run.write_text(folder / f"{name}.md", tables.markdown(table, provenance))
                _run.write_text(folder / f"{name}.tex", tables.latex(table, provenance))
                _run.console.print(tables.terminal(table))


def headline(row: dict[str, Any]) -> dict[str, float]:
    """The two numbers that `dvc metrics` shows and compares; all of them are in scores.json."""
    return {"mpjpe": row["mpjpe_mm"]["mean"], "accel": row["accel_mm_per_frame2"]["mean"]}


if __name__ == "__main__":
    main(*sys.argv[1:])
