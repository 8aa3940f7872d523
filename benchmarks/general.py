"""How many poses per second of one core the general refiner takes: ``python -m benchmarks.general``.

CPU time of this process for poses of 17 joints in 3D at 30 frames per second, the best of several runs. All
methods take turns, so that their ratios compare on a busy machine too.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import numpy as np

from benchmarks.report import Page, Table, run
from hanet import refine
from hanet.methods.general import refine_general

FRAMES, RUNS = 8000, 7
FPS = 30.0


def measure() -> Page:
    """Poses per second of each method."""
    rng = np.random.default_rng(0)
    shape = (FRAMES, 17, 3)
    poses = np.cumsum(0.01 * rng.normal(size=shape), axis=0) + 0.01 * rng.normal(size=shape)
    methods: dict[str, Callable[[], object]] = {
        "general refiner": lambda: refine_general(poses, FPS),
        "general refiner, `hanet.refine`": lambda: refine(poses, fps=FPS),
        **{
            f"`{name}`, `hanet.refine`": partial(refine, poses, fps=FPS, method=name)
            for name in ("gaussian:sigma=0.05", "butterworth:cutoff=6", "butterworth")
        },
    }
    seconds = dict.fromkeys(methods, np.inf)
    refine_general(poses[:100], FPS)  # loads the weights
    for _ in range(RUNS):
        for name, method in methods.items():
            start = time.process_time()
            method()
            seconds[name] = min(seconds[name], time.process_time() - start)
    first = seconds["general refiner"]
    rows = [[name, FRAMES / taken, taken / first] for name, taken in seconds.items()]
    return Page(
        "general",
        "Speed of the general refiner",
        f"{FRAMES:,} poses of 17 joints in 3D, one thread, CPU time, best of {RUNS} runs in turns.",
        [Table({"method": "", "poses per second": ",.0f", "time, general refiner = 1": ".2f"}, rows)],
    )


if __name__ == "__main__":
    run(measure)
