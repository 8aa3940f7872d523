"""Fill frames without a pose between an estimator and a refiner, which requires poses in all frames.

Coordinates (rotations as six numbers, then orthonormalised) are interpolated linearly in time within the
track; before the first and after the last pose they are constant. Scores are 0 and `labelled` is False there.
Metrics include those frames, and the cache marks them. Tracks without any pose are left out.

Axes: T frames, J joints, D numbers per joint.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Bool

from hanet.poses.gaps import interpolate
from hanet.poses.rotations import matrix_to_rotation_6d, rotation_6d_to_matrix
from hanet.poses.sequence import PoseSequence
from hanet.smpl.tracks import CACHE_LAYOUT


def posed(sequence: PoseSequence) -> Bool[np.ndarray, " T"]:
    """True for frames with a complete pose."""
    return np.asarray(np.isfinite(sequence.values).all(axis=(1, 2)))


def filled(sequence: PoseSequence) -> PoseSequence:
    """The sequence with poses in all frames, filled as described above.

    Raises:
        ValueError: no frame has a pose.
    """
    known = posed(sequence)
    if not known.any():
        raise ValueError(f"{sequence.name}, track {sequence.track}: no frame has a pose; leave it out")
    if known.all():
        return sequence
    T, J = sequence.values.shape[:2]
    rows = np.arange(T)
    flat = sequence.values.reshape(T, -1)[known].astype(np.float64)
    values = interpolate(flat, rows[known], rows).reshape(sequence.values.shape).astype(np.float32)
    if sequence.representation == "smpl":
        turned = rotation_6d_to_matrix(torch.from_numpy(values), layout=CACHE_LAYOUT)
        values = matrix_to_rotation_6d(turned, layout=CACHE_LAYOUT).numpy()
    values[known] = sequence.values[known]
    scores, labelled = sequence.scores, sequence.labelled
    return replace(
        sequence,
        values=values,
        scores=None if scores is None else np.where(known[:, None], scores, np.float32(0)),
        labelled=(np.ones((T, J), dtype=bool) if labelled is None else labelled) & known[:, None],
    )
