"""Stage download: fetch a data set's raw files into data/raw/<dataset>."""

from __future__ import annotations

import sys

from hanet.datasets import downloads
from hanet.files.atomic import fresh_folder
from stages import workspace
from stages.graph.names import instance_of
from stages.params.load import load


def main(dataset: str) -> None:
    """Fetch the files that params.yaml describes, or copy them from the user's folder; verify them."""
    with workspace.stage("download", dataset):
        described = load().dataset(dataset)
        with fresh_folder(workspace.RAW / dataset) as folder:
            downloads.collect(
                described,
                folder,
                dataset=dataset,
                archives=workspace.SCRATCH / "archives",
                hashes=workspace.HASHES,
            )


if __name__ == "__main__":
    main(*instance_of(sys.argv[1:]))
