"""Missing frames: runs of known ones, interpolation, parts of a sequence."""

from __future__ import annotations

from dataclasses import replace

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
    frames = np.arange(len(values))
    for joint in range(values.shape[1]):
        known = np.isfinite(values[:, joint]).all(axis=1)
        for start, stop in runs(np.asarray(~known)):
            if start > 0 and stop < len(values) and stop - start <= longest:
                ends = [start - 1, stop]
                for axis in range(values.shape[2]):
                    values[start:stop, joint, axis] = np.interp(
                        frames[start:stop], ends, values[ends, joint, axis]
                    )
    return replace(sequence, values=values)


def runs(mask: Bool[np.ndarray, " T"]) -> list[tuple[int, int]]:
    """(first row, row after the last) of every run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def part(sequence: PoseSequence, start: int, stop: int) -> PoseSequence:
    """Rows `start` to `stop` (left out) of a track."""
    cut = {
        field: array[start:stop]
        for field in ("values", "scores", "labelled", "boxes")
        if (array := getattr(sequence, field)) is not None
    }
    return replace(sequence, start=sequence.start + start, **cut)
