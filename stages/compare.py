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
    """Write the tables of params.yaml of which two rows or more were run, and all methods, best first."""
    with _run.stage("compare", experiment):
        report = _run.REPORTS / experiment
        scores = json.loads((report / "scores.json").read_text())
        provenance = json.loads((report / "provenance.json").read_text())
        tallies = _tables.Tallies(pd.read_parquet(report / "tallies.parquet"))
        _, decides = _tables.measured(scores)
        sign = 1 if decides.lower_is_better else -1
        methods = sorted(scores, key=lambda name: (name != "input", sign * scores[name][decides.key]["mean"]))
        # One column of every kind of data set for `dvc plots`, and which metric it is.
        shown = {"metric": f"{decides.label} {decides.unit}"}
        flat = pd.DataFrame(
            [
                {"method": name, "score": decides.scale * scores[name][decides.key]["mean"], **shown}
                | _run.flatten(scores[name])
                for name in methods
            ]
        )
        _run.write_text(report / "table.csv", flat.to_csv(index=False))
        _run.write_json(report / "metrics.json", {name: headline(scores[name]) for name in methods})
        params = load()
        with _run.fresh_folder(report / "tables") as folder:
            for name, described in params.tables.items():
                if described.experiments is not None and experiment not in described.experiments:
                    continue
                table = _tables.build(name, described, scores, tallies, provenance, params.evaluate)
                if table is None:
                    _run.console.print(f"  {described.title}: fewer than two of its rows were run")
                    continue
                _run.write_json(folder / f"{name}.json", table)
                _run.write_text(folder / f"{name}.csv", tables.as_csv(table))
                _run.write_text(folder / f"{name}.md", tables.markdown(table, provenance))
                _run.write_text(folder / f"{name}.tex", tables.latex(table, provenance))
                _run.console.print(tables.terminal(table))


HEADLINE = {
    "mpjpe_mm": "mpjpe",
    "mpvpe_mm": "mpvpe",
    "accel_mm_per_frame2": "accel",
    "pck_005": "pck_005",
    "pck_010": "pck_010",
    "pck_020": "pck_020",
    "accel_px_per_frame2": "accel",
    "map": "map",
}


def headline(row: dict[str, Any]) -> dict[str, float]:
    """The numbers that `dvc metrics` shows and compares, PCK as shares; all of them are in scores.json."""
    return {name: row[key]["mean"] for key, name in HEADLINE.items() if key in row}


if __name__ == "__main__":
    main(*sys.argv[1:])
