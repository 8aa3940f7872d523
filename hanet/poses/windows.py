"""Windows over tracks as tensors: their rows, and merging them back, without loops over frames.

`hanet.poses.segments` says where windows start.

Axes: N rows (all frames of all segments, concatenated), S segments (runs of consecutive frames of one
track), W windows, T frames per window, C channels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor

from hanet.poses.segments import window_starts


def window_index(start: Int[Tensor, " W"], end: Int[Tensor, " W"], window: int) -> Int[Tensor, "W T"]:
    """Row indices of windows; rows past a segment's end repeat its last frame."""
    return torch.minimum(start[:, None] + torch.arange(window, device=start.device), (end - 1)[:, None])


def inside(start: Int[Tensor, " W"], end: Int[Tensor, " W"], window: int) -> Bool[Tensor, "W T"]:
    """True where a window's row is a frame of its segment, False where the last frame is repeated."""
    return start[:, None] + torch.arange(window, device=start.device) < end[:, None]


@dataclass(frozen=True, eq=False)
class WindowSet:
    """W windows over N rows, gathered in batches by index: what a data loader reads instead of a data set.

    Attributes:
        start: first row of every window (W).
        end: the row after the last one of the window's segment (W).
        length: frames a window, T.
    """

    start: Int[Tensor, " W"]
    end: Int[Tensor, " W"]
    length: int

    @classmethod
    def over(
        cls,
        offsets: Int[np.ndarray, " S1"],
        *,
        window: int,
        stride: int,
        tail: bool,
        phases: Sequence[int] = (0,),
    ) -> WindowSet:
        """The windows of `window_starts`, phase after phase; only the first phase may have tails."""
        parts = [
            window_starts(offsets, window=window, stride=stride, tail=tail and not i, phase=phase)
            for i, phase in enumerate(phases)
        ]
        start, end = (torch.from_numpy(np.concatenate(column)) for column in zip(*parts, strict=True))
        return cls(start=start, end=end, length=window)

    def __len__(self) -> int:
        return len(self.start)

    def rows(self, batch: Int[Tensor, " B"]) -> Int[Tensor, "B T"]:
        """Row indices of the windows numbered `batch`."""
        return window_index(self.start[batch], self.end[batch], self.length)

    def inside(self, batch: Int[Tensor, " B"]) -> Bool[Tensor, "B T"]:
        """False where the windows numbered `batch` repeat their segment's last frame."""
        return inside(self.start[batch], self.end[batch], self.length)

    def gather(self, batch: Int[Tensor, " B"], *columns: Shaped[Tensor, "N ..."]) -> tuple[Tensor, ...]:
        """The windows numbered `batch` (B, T, ...) of every column (N, ...); columns share their rows."""
        rows = self.rows(batch)
        return tuple(column.index_select(0, rows.flatten()).unflatten(0, rows.shape) for column in columns)


def merge_mean(
    windows: Float[Tensor, "W T C"], start: Int[Tensor, " W"], end: Int[Tensor, " W"], rows: int
) -> Float[Tensor, "N C"]:
    """Mean of overlapping windows at every row; repeated frames do not count; NaN where no window reaches.

    Sums run in float64 and in row order, so the result does not depend on how windows were batched.
    """
    mean = _Mean(rows, windows.shape[2], windows.device)
    mean.add(windows, start, end)
    return mean.result(windows.dtype)


class _Mean:
    """The sums of `merge_mean` for windows that come in batches."""

    def __init__(self, rows: int, channels: int, device: torch.device) -> None:
        self._total = torch.zeros(rows, channels, dtype=torch.float64, device=device)
        self._count = torch.zeros(rows, dtype=torch.int64, device=device)

    def add(self, windows: Float[Tensor, "W T C"], start: Int[Tensor, " W"], end: Int[Tensor, " W"]) -> None:
        """Add windows after those added before."""
        T, C = windows.shape[1:]
        valid = inside(start, end, T).reshape(-1)
        index = window_index(start, end, T).reshape(-1)[valid]
        self._total.index_add_(0, index, windows.reshape(-1, C)[valid].double())
        self._count.index_add_(0, index, torch.ones_like(index))

    def result(self, dtype: torch.dtype) -> Float[Tensor, "N C"]:
        """The mean; call it once."""
        return self._total.div_(self._count[:, None]).to(dtype)


def over_windows(
    function: Callable[[Float[Tensor, "B T C"]], Float[Tensor, "B T C"]],
    rows: Float[Tensor, "N C"],
    offsets: Int[np.ndarray, " S1"],
    *,
    window: int,
    stride: int,
    batch: int,
    phases: Sequence[int] = (0,),
) -> Float[Tensor, "N C"]:
    """Cut rows into windows (with tail), apply a function to at most `batch` at a time, average overlaps.

    Memory beyond the rows: their sums in double precision, and the windows of one batch.
    """
    windows = WindowSet.over(offsets, window=window, stride=stride, tail=True, phases=phases)
    mean = _Mean(len(rows), rows.shape[1], rows.device)
    for first in range(0, len(windows), batch):
        part = torch.arange(first, min(first + batch, len(windows)))
        refined = function(rows[windows.rows(part).to(rows.device)])
        mean.add(refined, windows.start[part].to(rows.device), windows.end[part].to(rows.device))
    return mean.result(rows.dtype)


def watched_frames(window: int, interval: int) -> Int[Tensor, " K"]:
    """Indices of the watched frames of a window: every `interval`-th, from the first to the last."""
    if interval < 1:
        raise ValueError(f"interval must be at least 1, got {interval}")
    if (window - 1) % interval:
        below = (window - 1) // interval * interval + 1
        raise ValueError(
            f"a window must hold interval·Q + 1 frames; {window} frames do not fit interval {interval}, "
            f"but {below} and {below + interval} do"
        )
    return torch.arange(0, window, interval, device="cpu")
