"""Compare the results of `make repro` with the committed reference; with `--write`, write the reference.

``make verify`` runs this on the experiments under `run` in params.yaml: one line per row, exit 1 if a fixed
row differs from the reference or a run of a trained row lies outside the published band.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hanet.files.atomic import write_json
from hanet.files.json_text import read_json
from hanet.progress import console
from hanet.results import records
from hanet.results.reference import LEAST_RUNS, Reference, build, compare
from stages import provenance, workspace
from stages.params.load import load

FOLDER = Path("docs/results/reference")


def main(arguments: Sequence[str] | None = None) -> int:
    """Verify or write; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m stages.verify", description=__doc__)
    parser.add_argument("experiments", nargs="*", help="names (default: those under run in params.yaml)")
    parser.add_argument("--write", action="store_true", help="write the reference from the results instead")
    parser.add_argument(
        "--runs",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="with --write: runs.json of other seeds, machines or processors, for bands of this run's rows; "
        "trained rows that have fewer than 5 runs are left out",
    )
    parser.add_argument(
        "--fixed-only",
        action="store_true",
        help="with --write: leave out trained rows, whose bands need 5 seeds",
    )
    asked = parser.parse_args(arguments)
    if (asked.runs or asked.fixed_only) and not asked.write:
        parser.error("--runs and --fixed-only are for --write")
    with workspace.user_errors():
        names = asked.experiments or load().run.experiments
        if asked.write:
            for name in names:
                write(name, asked.runs, fixed_only=asked.fixed_only)
            return 0
        agreed = [verify(name) for name in names]  # of every experiment, also after one that failed
        return 0 if all(agreed) else 1


def verify(experiment: str) -> bool:
    """Print a line for each row; False if any disagrees. Without a reference there is nothing to compare."""
    path = FOLDER / f"{experiment}.json"
    if not path.is_file():
        console.print(f"{experiment}: no reference at {path}, nothing to verify", markup=False)
        return True
    reference = records.read(path, Reference)
    console.print(f"{experiment}: {reference.metric} against {path}", markup=False)
    if provenance.params_hash(experiment) != reference.params_sha256:
        console.print("  the reference was made with other parameters; write it again if that is meant")
    verdicts = list(compare(reference, runs_of(experiment)))
    for verdict in verdicts:
        console.print(f"  {verdict.line(reference.unit)}", markup=False, soft_wrap=True)
    failed = sum(not verdict.ok for verdict in verdicts)
    console.print(f"  {len(verdicts) - failed} of {len(verdicts)} rows agree")
    return failed == 0


def write(experiment: str, others: Sequence[Path], *, fixed_only: bool = False) -> None:
    """Write the reference from this run and others; without trained rows if `fixed_only`."""
    runs = [run for run in runs_of(experiment) if run["seed"] is None or not fixed_only]
    if others:
        runs = with_others(runs, others)
    report = workspace.REPORTS / experiment
    reference = build(
        experiment,
        runs,
        read_json(report / "scores.json", dict, remedy="run dvc repro"),
        params_sha256=provenance.params_hash(experiment),
        provenance=provenance.of(experiment),
    )
    path = FOLDER / f"{experiment}.json"
    write_json(path, reference.model_dump(mode="json", exclude_none=True))
    console.print(f"{path}: {len(reference.rows)} rows", markup=False)


def with_others(runs: list[dict[str, Any]], others: Sequence[Path]) -> list[dict[str, Any]]:
    """Runs and those of the same trained rows elsewhere, each once; without trained rows of too few runs."""
    rows = {run["method"] for run in runs}
    found = [run for run in runs if run["seed"] is not None]
    for path in others:
        found += [
            run
            for run in read_json(path, list, remedy="name a runs.json")
            if run["seed"] is not None and run["method"] in rows
        ]
    # A seed that was trained twice on one machine has the same numbers to the last digit.
    each = {json.dumps([run["method"], run["seed"], run["metrics"]]): run for run in found}
    count = Counter(run["method"] for run in each.values())
    for row in sorted(row for row, number in count.items() if number < LEAST_RUNS):
        console.print(f"  left out: {row}, {count[row]} of {LEAST_RUNS} runs", markup=False)
    trained = [run for run in each.values() if count[run["method"]] >= LEAST_RUNS]
    return [run for run in runs if run["seed"] is None] + trained


def runs_of(experiment: str) -> list[dict[str, Any]]:
    """What stage evaluate wrote about each run."""
    return read_json(workspace.REPORTS / experiment / "runs.json", list, remedy="run dvc repro")


if __name__ == "__main__":
    sys.exit(main())
