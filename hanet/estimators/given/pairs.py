"""Pairs of estimates that the data set carries: recorded with it, or released by others."""

from __future__ import annotations

from pathlib import Path

from hanet.cache.files import PoseCache
from hanet.estimators.common.writing import write
from hanet.estimators.given.options import ReleasedEstimate
from hanet.options import SPLITS
from hanet.smpl.noted_body import note_body
from hanet.smpl.side_table import copy_cache


def recorded(poses: Path, folder: Path) -> None:
    """The Kinect's own skeletons, which the data set carries beside its ground truth."""
    for split in SPLITS:
        found = PoseCache.open(poses / f"kinect-{split}.parquet")
        write(
            folder / f"detected-{split}.parquet",
            list(found.sequences()),
            found.metadata,
            "kinect",
            dict(found.metadata.provenance),
        )


def released(poses: Path, folder: Path, estimator: str, options: ReleasedEstimate) -> None:
    """The release's detected poses, which the data set carries beside its ground truth."""
    for split in SPLITS:
        copy_cache(poses / f"{estimator}-{split}.parquet", folder / f"detected-{split}.parquet")
    if options.body is not None:
        note_body(options.body, folder)
