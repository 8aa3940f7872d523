"""Batches of windows: one index for the whole batch compared with a data set that builds them one by one.

Run from the repository: ``python -m benchmarks.gather``; writes benchmarks/results/gather.md.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, default_collate

from benchmarks.report import Floor, Page, Ratio, Table, copy, in_turns, median, run
from hanet.poses.windows import WindowSet

FRAMES, CHANNELS, TRACK = 500_000, 51, 1_000
BATCH, BATCHES, STRIDE = 256, 40, 5
WINDOWS = (6, 11, 31, 101)


class OneByOne(Dataset):
    """The usual sampler: a Python list of (track, start), a slice of two arrays per window."""

    def __init__(self, detected: list[np.ndarray], gt: list[np.ndarray], window: int, stride: int) -> None:
        self.detected, self.gt, self.window = detected, gt, window
        self.items = [
            (track, start)
            for track, poses in enumerate(detected)
            for start in range(0, len(poses) - window + 1, stride)
        ]

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, item: int) -> tuple[Tensor, Tensor]:
        track, start = self.items[item]
        rows = slice(start, start + self.window)
        return torch.from_numpy(self.detected[track][rows]), torch.from_numpy(self.gt[track][rows])


def seconds(make: Callable[[Tensor], object], batches: list[Tensor]) -> float:
    """Median time of one batch."""
    times = []
    for batch in batches:
        begin = time.perf_counter()
        make(batch)
        times.append(time.perf_counter() - begin)
    return float(np.median(times))


def compare(window: int, detected: np.ndarray, gt: np.ndarray) -> list[float]:
    """One row of the table; refuses to time batches that are not the same."""
    offsets = np.arange(0, FRAMES + 1, TRACK)
    begin = time.perf_counter()
    windows = WindowSet.over(offsets, window=window, stride=STRIDE, tail=False)
    set_up = time.perf_counter() - begin
    columns = torch.from_numpy(detected), torch.from_numpy(gt)

    begin = time.perf_counter()
    data = OneByOne(np.split(detected, offsets[1:-1]), np.split(gt, offsets[1:-1]), window, STRIDE)
    set_up_loop = time.perf_counter() - begin

    def indexed(batch: Tensor) -> tuple[Tensor, ...]:
        return windows.gather(batch, *columns)

    def looped(batch: Tensor) -> list[Tensor]:
        return default_collate([data[i] for i in batch.tolist()])

    assert len(windows) == len(data)
    order = torch.randperm(len(windows), generator=torch.Generator().manual_seed(0))
    batches = list(order.split(BATCH)[:BATCHES])
    assert all(torch.equal(a, b) for a, b in zip(indexed(batches[0]), looped(batches[0]), strict=True))
    for way in (looped, indexed):  # warm-up
        seconds(way, batches)
    loop, index = seconds(looped, batches), seconds(indexed, batches)
    moved = 2 * 2 * BATCH * window * CHANNELS * detected.itemsize  # two arrays, each read and written
    ways = [1e3 * loop, 1e3 * index, loop / index, moved / index / 1e9]
    return [window, len(windows), *ways, 1e3 * set_up_loop, 1e3 * set_up]


def measure() -> Page:
    """Both ways at every window, on one thread as in a loader's worker process."""
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    detected, gt = (rng.random((FRAMES, CHANNELS), dtype=np.float32) for _ in range(2))
    rows = [compare(window, detected, gt) for window in WINDOWS]
    copying, moved = copy()
    bandwidth = moved / median(in_turns(copying, runs=9)[0]) / 1e9
    columns = {
        "frames": "d",
        "windows": ",d",
        "one by one, ms": ".2f",
        "index, ms": ".2f",
        "ratio": ".1f",
        "GB/s": ".1f",
        "set-up one by one, ms": ".1f",
        "index set-up, ms": ".1f",
    }
    return Page(
        "gather",
        "Gathering windows",
        f"{FRAMES:,} frames of {CHANNELS} channels, detected and ground truth, in tracks of {TRACK:,}; "
        f"random batches of {BATCH} windows at stride {STRIDE}, float32, in memory, one thread. Median of "
        f"{BATCHES} batches, both ways alternately in one process. *One by one*: `Dataset.__getitem__` and "
        "`default_collate`, no worker processes. *Index*: `WindowSet.gather`. Both give equal tensors. "
        "Longer windows spend more of the time copying, which takes equally long both ways. *GB/s* counts "
        f"what the index reads and writes; a plain copy of a large array moves {bandwidth:.1f} GB/s here, "
        "and batches that fit the caches can move more. Set-up builds the list of windows.",
        [Table(columns, rows)],
        [
            Floor(f"Gathering windows of {row[0]} frames", row[5], bandwidth, "GB/s", "copy of an array")
            for row in rows
        ],
        [
            Ratio(f"Gathering windows of {row[0]} frames", row[4], "a data set that builds them one by one")
            for row in rows
        ],
    )


if __name__ == "__main__":
    run(measure)
