"""Stage ingest: convert raw files to ground-truth pose caches in data/poses/<dataset>, and check leakage."""

from __future__ import annotations

import sys

from hanet.datasets.common.ingest import write
from hanet.datasets.readers import content
from hanet.files.atomic import fresh_folder, write_json
from hanet.progress import console
from stages import workspace
from stages.graph.names import instance_of
from stages.params.load import load


def main(dataset: str) -> None:
    """Write the caches of every split, and a report of sequences read, sequences left out and checks."""
    with workspace.stage("ingest", dataset):
        described = load().dataset(dataset)
        with fresh_folder(workspace.POSES / dataset) as folder:
            raw = workspace.RAW / dataset
            scratch = workspace.SCRATCH / "ingest" / dataset
            report = write(content(raw, described, dataset, scratch=scratch), raw, folder, dataset)
            write_json(folder / "report.json", report)
        for name, row in report["splits"].items():
            console.print(f"  {name}: {row['sequences']} sequences, {row['frames']} frames")
        console.print(f"  {report['leakage']}")


if __name__ == "__main__":
    main(*instance_of(sys.argv[1:]))
