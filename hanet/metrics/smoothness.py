"""How much poses shake, for videos without ground truth."""

from __future__ import annotations

import numpy as np

from hanet.poses.sequence import PoseSequence

_BLOCK = 10_000
"""Frames computed at a time."""


def mean_acceleration(sequence: PoseSequence) -> float:
    """Mean length of the joints' accelerations, in the poses' unit per second², over joints and frames.

    Second differences of neighbouring frames times the square of the frame rate; frames next to an unknown
    joint are left out. NaN where no three neighbouring frames are known. It holds the motion itself as well
    as the jitter, and motion smoothed away lowers it as jitter does: lower is not proof of better.
    """
    parts = []
    for first in range(0, max(len(sequence) - 2, 0), _BLOCK):  # all at once would take 8 times the poses
        block = sequence.values[first : first + _BLOCK + 2].astype(np.float64)
        parts.append(np.linalg.norm(np.diff(block, n=2, axis=0) * sequence.fps**2, axis=2))
    lengths = np.concatenate(parts) if parts else np.empty(0)
    known = lengths[np.isfinite(lengths)]
    return float(known.mean()) if len(known) else float("nan")
