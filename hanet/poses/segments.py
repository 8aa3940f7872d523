"""Segments (runs of consecutive frames of one track) and where windows start in them, with NumPy alone.

Axes: N rows (all frames of all segments, concatenated), S segments, W windows.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Int


def window_length(interval: int, q: int) -> int:
    """Frames in a window of q intervals: ``interval·q + 1``, so that first and last frame are watched."""
    if interval < 1 or q < 1:
        raise ValueError(f"interval and q must be at least 1, got interval={interval}, q={q}")
    return interval * q + 1


def segment_offsets(*columns: Int[np.ndarray, " N"], frame: Int[np.ndarray, " N"]) -> Int[np.ndarray, " S1"]:
    """Row offsets (S+1) of runs of consecutive frames with equal `columns` (sequence, track).

    A window never crosses an offset, so neither a track's end nor a gap in its frames.
    """
    if len(frame) == 0:
        return np.zeros(1, dtype=np.int64)
    cut = np.diff(frame) != 1
    for column in columns:
        cut |= np.diff(column) != 0
    return np.concatenate([[0], np.flatnonzero(cut) + 1, [len(frame)]]).astype(np.int64)


def window_starts(
    offsets: Int[np.ndarray, " S1"], *, window: int, stride: int, tail: bool, phase: int = 0
) -> tuple[Int[np.ndarray, " W"], Int[np.ndarray, " W"]]:
    """First row of every window, and the row after the last one of its segment.

    Args:
        offsets: segment offsets (S+1), rising from 0 to N.
        window: frames per window.
        stride: frames between window starts.
        tail: True adds a window that ends at the segment's last frame where the strided ones leave
            frames out (protocol ``full``); False drops those frames (protocol ``released``).
        phase: frames from a segment's first one to its first window. Above 0, a segment that is too short
            for that window gets none.

    A segment shorter than `window` gets one window, filled by `window_index` with its last frame repeated.
    """
    if window < 1 or stride < 1:
        raise ValueError(f"window and stride must be at least 1, got window={window}, stride={stride}")
    begin, end = offsets[:-1], offsets[1:]
    fits = end - begin >= phase + (window if phase else 1)
    begin, end = begin[fits] + phase, end[fits]
    room = np.maximum(end - begin - window, 0)
    strided = room // stride + 1
    count = strided + ((room % stride != 0) if tail else 0)
    segment = np.repeat(np.arange(len(begin)), count)
    rank = np.arange(len(segment)) - np.repeat(np.cumsum(count) - count, count)
    start = begin[segment] + np.minimum(rank * stride, room[segment])
    return start, end[segment]
