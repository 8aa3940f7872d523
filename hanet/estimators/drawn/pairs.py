"""Pairs of estimates of kind `drawn`: a data set's own keypoints with a detector's errors, not lifted.

A detector gives every joint a place, also one that is hidden. So a joint without a label is interpolated in
time before its errors are drawn; it isn't scored, as the truth does not know it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from hanet.cache.files import CacheMetadata, CacheWriter, PoseCache
from hanet.cache.frame_kinds import write_kinds
from hanet.estimators.drawn.options import DrawnEstimate
from hanet.estimators.fcn.detection import describe, detect, frame_kinds
from hanet.options import SPLITS
from hanet.poses.gaps import interpolate
from hanet.poses.sequence import PoseSequence

ESTIMATOR = "drawn"


def drawn(poses: Path, folder: Path, options: DrawnEstimate) -> None:
    """Detections of every split, and what befell each frame of the test split.

    Raises:
        ValueError: ground truth that is not 2D, has no boxes, or never shows a joint of a clip.
    """
    for split in SPLITS:
        path = poses / f"gt-{split}.parquet"
        if not path.is_file():
            continue
        truth = PoseCache.open(path, representation="2d")
        described = CacheMetadata.of(
            next(truth.sequences()),
            dataset=truth.metadata.dataset,
            split=split,
            estimator=ESTIMATOR,
            provenance={"detector": describe(options.detector), "seed": options.seed},
        )
        with CacheWriter(folder / f"detected-{split}.parquet", described) as writer:
            for sequence in complete(truth):
                writer.write(detect(sequence, options.detector, seed=options.seed))
    test = complete(PoseCache.open(poses / "gt-test.parquet", representation="2d"))
    kinds = ((one, frame_kinds(one, options.detector, seed=options.seed)) for one in test)
    write_kinds(folder / "kinds-test.parquet", kinds)


def complete(truth: PoseCache) -> Iterator[PoseSequence]:
    """Sequences with a place for every joint in every frame."""
    for sequence in truth.sequences():
        known = np.asarray(np.isfinite(sequence.values).all(axis=2))
        if sequence.labelled is not None:
            known &= sequence.labelled
        ever = np.asarray(known.any(axis=0))
        if not ever.all():
            joint = sequence.skeleton.joints[int(np.argmin(ever))]
            raise ValueError(
                f"{sequence.name}, track {sequence.track}: no frame shows {joint}, so no detection of it can "
                "be drawn; leave the sequence out"
            )
        rows, values = np.arange(len(sequence)), sequence.values.copy()
        for joint in np.flatnonzero(~known.all(axis=0)):
            here = known[:, joint]
            values[:, joint] = interpolate(values[here, joint].astype(np.float64), rows[here], rows)
        yield replace(sequence, values=values, labelled=None)
