"""What is missing in a track, and where joints leap. Axes: T frames, J joints."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from hanet.formats.missing import present
from hanet.poses.gaps import runs
from hanet.poses.sequence import PoseSequence

LEAP = 0.3
"""A joint that moves by this share of the person's size from frame to frame and back again leaps."""


@dataclass(frozen=True)
class Gaps:
    """Missing joints and leaps of a track.

    Attributes:
        missing: share of its joint positions.
        count: gaps between known frames of a joint, over joints.
        longest: frames of the longest of them.
        never: joints that are known in no frame.
        leaps: joint positions that leap, see `LEAP`.
        first_leap: frame of the first one, or None.
    """

    missing: float
    count: int
    longest: int
    never: tuple[str, ...]
    leaps: int
    first_leap: int | None


def gaps(track: PoseSequence) -> Gaps:
    """Count gaps and leaps."""
    known = present(track.values)
    lengths = [
        run.stop - run.start
        for column in known.T
        for run in runs(~column)
        if column.any() and run.start > 0 and run.stop < len(column)
    ]
    never = tuple(np.array(track.skeleton.joints)[~known.any(axis=0)].tolist())
    leaping = leaps(track)
    frames = np.flatnonzero(leaping.any(axis=1))
    return Gaps(
        missing=float(1 - known.mean()) if known.size else 0.0,
        count=len(lengths),
        longest=max(lengths, default=0),
        never=never,
        leaps=int(leaping.sum()),
        first_leap=int(track.start + frames[0]) if len(frames) else None,
    )


def leaps(track: PoseSequence) -> Bool[np.ndarray, "T J"]:
    """Joints far from where they are before and after."""
    values = track.values.astype(np.float64)
    result = np.zeros(values.shape[:2], dtype=bool)
    known = present(values)
    whole = known.sum(axis=1) >= 2
    if len(values) < 3 or not whole.any():
        return result
    extent = np.nanmax(values[whole], axis=1) - np.nanmin(values[whole], axis=1)
    size = np.median(extent.max(axis=1))
    with np.errstate(invalid="ignore"):
        away = np.linalg.norm(values[1:-1] - values[:-2], axis=2)
        back = np.linalg.norm(values[1:-1] - values[2:], axis=2)
        across = np.linalg.norm(values[2:] - values[:-2], axis=2)
        result[1:-1] = (np.minimum(away, back) > LEAP * size) & (across < np.minimum(away, back))
    return result
