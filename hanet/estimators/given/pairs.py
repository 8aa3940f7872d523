"""Pairs of estimates that are part of the data set: recorded with it, or released by others."""

from __future__ import annotations

from pathlib import Path

from hanet.cache.files import GROUND_TRUTH, PoseCache
from hanet.estimators.common.writing import write
from hanet.estimators.given.options import ReleasedEstimate
from hanet.options import SPLITS
from hanet.smpl.noted_body import note_body
from hanet.smpl.side_table import copy_cache


def recorded(poses: Path, folder: Path) -> None:
    """The poses of the estimator that was recorded with the data set's ground truth, such as the Kinect's.

    Raises:
        ValueError: the data set has no estimator's poses, or those of several.
    """
    for split in SPLITS:
        if not (poses / f"gt-{split}.parquet").is_file():
            continue
        caches = [PoseCache.open(path) for path in sorted(poses.glob(f"*-{split}.parquet"))]
        of = {one.metadata.estimator: one for one in caches if one.metadata.estimator != GROUND_TRUTH}
        if len(of) != 1:
            raise ValueError(
                f"{poses}: expected {split} poses of one recorded estimator, got {', '.join(of) or 'none'}; "
                "choose a data set with one, or another kind of estimate"
            )
        estimator, found = of.popitem()
        write(
            folder / f"detected-{split}.parquet",
            list(found.sequences()),
            found.metadata,
            estimator,
            dict(found.metadata.provenance),
        )


def released(poses: Path, folder: Path, estimator: str, options: ReleasedEstimate) -> None:
    """The release's detected poses, which accompany the data set's ground truth."""
    for split in SPLITS:
        copy_cache(poses / f"{estimator}-{split}.parquet", folder / f"detected-{split}.parquet")
    if options.body is not None:
        note_body(options.body, folder)
