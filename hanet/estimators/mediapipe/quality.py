"""How well an estimator found a person: share of frames, and error in the picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hanet.cache.files import PoseCache
from hanet.estimators.common.gaps import posed
from hanet.poses.skeletons import conversion


def quality(detected: Path, truth: Path, frames: int) -> dict[str, int | float]:
    """Share of frames with a person; where there are true keypoints, the error of joints of equal names.

    Args:
        detected: cache of COCO's keypoints, NaN where nobody was detected.
        truth: cache of the true keypoints; may be missing.
        frames: of the ground truth, also of tracks in which nobody was detected.
    """
    found = {(*sequence.key, sequence.start): sequence for sequence in PoseCache.open(detected).sequences()}
    seen = sum(int(posed(sequence).sum()) for sequence in found.values())
    report: dict[str, int | float] = {"frames": frames, "found": seen / frames}
    if not truth.is_file():
        return report
    errors = []
    for gt in PoseCache.open(truth).sequences():
        if (sequence := found.get((*gt.key, gt.start))) is None:
            continue
        index, named = conversion(sequence.skeleton, gt.skeleton)
        off = np.linalg.norm(sequence.values[:, index[named]] - gt.values[:, named], axis=-1)
        errors.append(off[np.isfinite(off)])
    every = np.concatenate(errors)
    return report | {"error_px_mean": float(every.mean()), "error_px_median": float(np.median(every))}
