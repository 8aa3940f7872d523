"""How much poses shake, for videos without ground truth."""

from __future__ import annotations

import numpy as np

from hanet.poses.sequence import PoseSequence


def mean_acceleration(sequence: PoseSequence) -> float:
    """Mean length of the joints' accelerations, in the poses' unit per second², over joints and frames.

    Second differences of neighbouring frames times the square of the frame rate; frames next to an unknown
    joint are left out. NaN where no three neighbouring frames are known. It holds the motion itself as well
    as the jitter, and motion smoothed away lowers it as jitter does: lower is not proof of better.
    """
    second = np.diff(sequence.values.astype(np.float64), n=2, axis=0) * sequence.fps**2
    lengths = np.linalg.norm(second, axis=2)
    known = lengths[np.isfinite(lengths)]
    return float(known.mean()) if len(known) else float("nan")
