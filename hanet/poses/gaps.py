"""Missing frames: runs of known ones, and interpolation."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float, Int

from hanet.poses.sequence import PoseSequence


def interpolate(
    values: Float[np.ndarray, "K C"], at: Int[np.ndarray, " K"], to: Int[np.ndarray, " T"]
) -> Float[np.ndarray, "T C"]:
    """Values at frames `to`, linear in time between the known ones, channel by channel.

    Args:
        values: values at frames `at`; NaN where unknown.
        at: rising frame numbers.
        to: frame numbers to give values for.

    Before a channel's first known value and after its last, that value holds. A channel without a known
    value is NaN throughout.
    """
    result = np.full((len(to), values.shape[1]), np.nan)
    for channel, column in enumerate(values.T):
        known = ~np.isnan(column)
        if known.any():
            result[:, channel] = np.interp(to, at[known], column[known])
    return result


def fill_gaps(sequence: PoseSequence, longest: int) -> PoseSequence:
    """NaN for at most `longest` frames, joint by joint, replaced by the line between its neighbours."""
    values = sequence.values.copy()
    T = len(values)
    for joint in range(values.shape[1]):
        known = np.asarray(np.isfinite(values[:, joint]).all(axis=1))
        rows = np.flatnonzero(known)
        lines = interpolate(values[known, joint], rows, np.arange(T))
        for gap in runs(~known):
            if gap.start > 0 and gap.stop < T and gap.stop - gap.start <= longest:
                values[gap, joint] = lines[gap]
    return replace(sequence, values=values)


def runs(mask: Bool[np.ndarray, " T"]) -> list[slice]:
    """The rows of every run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return [slice(int(start), int(stop)) for start, stop in edges.reshape(-1, 2)]


def long_runs(mask: Bool[np.ndarray, " T"], shortest: int) -> Bool[np.ndarray, " T"]:
    """`mask` without its runs of True that are shorter than `shortest`."""
    kept = np.zeros_like(mask)
    for run in runs(mask):
        kept[run] = run.stop - run.start >= shortest
    return kept


def consecutive(numbers: Int[np.ndarray, " N"]) -> list[slice]:
    """The rows of every run of rising numbers without a gap: of 3, 4, 7 the rows 0 to 2 and 2 to 3."""
    starts = [0, *(np.flatnonzero(np.diff(numbers) != 1) + 1).tolist(), len(numbers)]
    return [slice(start, stop) for start, stop in pairwise(starts) if start < stop]
