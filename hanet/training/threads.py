"""How many threads a training on a CPU uses: as many as make its steps faster, at its start."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median

import torch

GAIN = 1.1
"""How many times as fast twice the threads must be."""
RUNS = 3
CHOSEN = "OMP_NUM_THREADS"
"""The environment variable by which a user sets the number, and nothing is measured."""


def threads_that_pay(step: Callable[[], object], most: int) -> int:
    """Threads that make a step faster: doubled from one while that is at least `GAIN` times as fast.

    Small networks do not gain from many, and beside other work two can be slower than one.

    Args:
        step: does what is timed, again and again.
        most: not more than this.
    """
    threads = 1
    while threads < most:
        more = min(2 * threads, most)
        ratios = []
        for _ in range(1 + RUNS):  # the first starts the threads
            fewer_seconds, more_seconds = (_seconds(step, count) for count in (threads, more))
            ratios.append(fewer_seconds / more_seconds)
        if median(ratios[1:]) < GAIN:
            break
        threads = more
    return threads


@contextmanager
def threads_of(count: int | None) -> Iterator[None]:
    """PyTorch computes with `count` threads; with None as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def may_choose() -> bool:
    """Whether there is something to choose, and the user has not."""
    return CHOSEN not in os.environ and torch.get_num_threads() > 1


def _seconds(step: Callable[[], object], threads: int) -> float:
    with threads_of(threads):
        begin = time.perf_counter()
        step()
        return time.perf_counter() - begin
