"""Copy an experiment's tables to docs/results, with what they stand on: the results that are committed.

``python -m stages.record clips-fcn --to docs/results/five-seeds``
"""

from __future__ import annotations

import argparse
import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from hanet.files.atomic import fresh_folder, write_json, write_text
from hanet.progress import console
from stages import provenance, workspace
from stages.params.load import load


def main(arguments: Sequence[str] | None = None) -> None:
    """Write `<to>/<experiment>`: tables as Markdown and CSV, and provenance.json."""
    parser = argparse.ArgumentParser(prog="python -m stages.record", description=__doc__)
    parser.add_argument("experiments", nargs="*", help="names (default: those under run in params.yaml)")
    parser.add_argument("--to", type=Path, required=True, help="folder below docs/results")
    asked = parser.parse_args(arguments)
    with workspace.user_errors():
        for name in asked.experiments or load().run.experiments:
            tables = workspace.REPORTS / name / "tables"
            found = sorted(tables.glob("*.csv"))
            if not found:
                raise ValueError(f"{tables} has no tables; run dvc repro")
            content = provenance.of(name)
            minutes = provenance.training_minutes(name)
            with fresh_folder(asked.to / name) as folder:
                for path in found:
                    rows, text = with_minutes(path.read_text(), path.with_suffix(".md").read_text(), minutes)
                    write_text(folder / path.name, rows)
                    write_text(folder / f"{path.stem}.md", text)
                write_json(folder / "provenance.json", content)
            console.print(f"{asked.to / name}: {len(found)} tables and provenance.json", markup=False)


def with_minutes(rows: str, text: str, minutes: Mapping[str, float]) -> tuple[str, str]:
    """A table's CSV and Markdown with a last column, the minutes of one training.

    The time is the clock's and no result: stages leave it out, so that equal results are equal files.
    """
    table = list(csv.reader(io.StringIO(rows)))
    added = [f"{minutes[row[0]]:.2f}" if row[0] in minutes else "" for row in table[1:]]
    if not any(added):
        return rows, text
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerows([*row, cell] for row, cell in zip(table, [provenance.MINUTES, *added], strict=True))
    cells = iter([" training minutes |", "---:|", *(f" {cell} |" for cell in added)])
    lines = [f"{line}{next(cells)}" if line.startswith("|") else line for line in text.splitlines()]
    return written.getvalue(), "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
