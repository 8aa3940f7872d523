"""Stage estimate: run an experiment's estimator over its data set.

data/pairs/<experiment> then contains detected poses and their ground truth for each split: the input of
training, filters and evaluation.
"""

from __future__ import annotations

import sys

from hanet.cache.files import PoseCache
from hanet.estimators.registry import write_pairs
from hanet.files.atomic import fresh_folder
from hanet.options import SPLITS
from hanet.progress import console
from hanet.smpl.side_table import copy_cache
from stages import workspace
from stages.graph.names import instance_of
from stages.params.load import load


def main(experiment: str) -> None:
    """Write one cache of detected poses per split, and the estimator's weights if it is trained."""
    with workspace.stage("estimate", experiment):
        params = load()
        described = params.experiment(experiment)
        dataset = params.dataset(described.dataset)
        poses = workspace.POSES / described.dataset
        with fresh_folder(workspace.PAIRS / experiment) as folder:
            write_pairs(
                poses,
                folder,
                described.estimate,
                carried=dataset.carried,
                scratch=workspace.SCRATCH / "estimate" / experiment,
                weights=workspace.WEIGHTS,
            )
            splits = [split for split in SPLITS if (poses / f"gt-{split}.parquet").is_file()]
            for split in splits:
                if not (folder / f"gt-{split}.parquet").is_file():  # every track has an estimate
                    copy_cache(poses / f"gt-{split}.parquet", folder / f"gt-{split}.parquet")
        for split in splits:
            cache = PoseCache.open(workspace.detected_path(experiment, split))
            console.print(f"  {split}: {cache.num_frames} frames by {cache.metadata.estimator}")


if __name__ == "__main__":
    main(*instance_of(sys.argv[1:]))
