"""Copy an experiment's tables to docs/results, with what they stand on: the results that are committed.

``python -m stages.record clips-fcn --to docs/results/five-seeds``
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path

from hanet.files.atomic import fresh_folder, write_json
from hanet.progress import console
from stages import provenance, workspace
from stages.params.load import load

KINDS = ("*.md", "*.csv")


def main(arguments: Sequence[str] | None = None) -> None:
    """Write `<to>/<experiment>`: tables as Markdown and CSV, and provenance.json."""
    parser = argparse.ArgumentParser(prog="python -m stages.record", description=__doc__)
    parser.add_argument("experiments", nargs="*", help="names (default: those under run in params.yaml)")
    parser.add_argument("--to", type=Path, required=True, help="folder below docs/results")
    asked = parser.parse_args(arguments)
    with workspace.user_errors():
        for name in asked.experiments or load().run.experiments:
            tables = workspace.REPORTS / name / "tables"
            found = [path for kind in KINDS for path in sorted(tables.glob(kind))]
            if not found:
                raise ValueError(f"{tables} has no tables; run dvc repro")
            content = provenance.of(name)
            with fresh_folder(asked.to / name) as folder:
                for path in found:
                    shutil.copyfile(path, folder / path.name)
                write_json(folder / "provenance.json", content)
            console.print(f"{asked.to / name}: {len(found)} files and provenance.json", markup=False)


if __name__ == "__main__":
    main()
