"""Steps per second of every network's training, and what data and validation take.

Run ``python -m benchmarks.training``: epochs of the pipeline's own trainer on random walks, by one thread and
by two, with the batches, augmentation and averaging of the default run.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from benchmarks.report import Cell, Page, Ratio, Table, median, run
from hanet.methods.own_training import MODELS
from hanet.models.registry import named
from hanet.poses.skeletons import H36M17
from hanet.training.augmentation import augment
from hanet.training.options import Augmentation, TrainingOptions
from hanet.training.pairs import PoseRows
from hanet.training.threads import CHOSEN
from hanet.training.trainer import Trainer

FRAMES, TRACK, STRIDE, BATCH = 8_000, 1_000, 10, 64
EPOCHS, RUNS = 3, 5
MOST = 0.05
"""Largest share of data and validation that is no limit."""
NETWORKS: dict[str, tuple[str, dict[str, Any]]] = {
    "HANet (ours)": ("hanet", {"channels": 51, **MODELS["hanet"]}),
    "HANet (paper's)": (
        "hanet",
        {"channels": 51, "interval": 5, "window": 51, "hidden": 32, "layers": 3},
    ),
    "DeciWatch": ("deciwatch", {"channels": 51, "interval": 5, "window": 51, "hidden": 64}),
    "SmoothNet": ("smoothnet", {"window": 51, "hidden": 256, "residual_hidden": 208}),
    "TCN": ("tcn", {"channels": 51, "window": 51, "hidden": 128, "blocks": 5}),
    "MLP per frame": ("mlp", {"channels": 51, "window": 11, "hidden": 550}),
}


def rows(seed: int, frames: int) -> PoseRows:
    """Random walks in tracks, and estimates of them."""
    rng = np.random.default_rng(seed)
    gt = np.cumsum(0.003 * rng.standard_normal((frames, 51)), axis=0).astype(np.float32)
    detected = gt + 0.02 * rng.standard_normal(gt.shape).astype(np.float32)
    offsets = np.arange(0, frames + 1, TRACK)
    return PoseRows(torch.from_numpy(detected), torch.from_numpy(gt), offsets, H36M17)


def trainer(network: str, model: dict[str, Any], folder: Path) -> Trainer:
    """A training of `EPOCHS` epochs."""
    augmentation = Augmentation(mirror_axis=0, rotation_degrees=30.0, scale=0.1, stretch=0.1, reverse=True)
    options = TrainingOptions(
        epochs=EPOCHS,
        batch=BATCH,
        stride=STRIDE,
        learning_rate=1e-3,
        loss_weight=5.0 if network in ("hanet", "deciwatch") else 1.0,
        average=0.995,
        jitter_starts=True,
        augmentation=augmentation,
    )
    config = named(network).config(**model)
    return Trainer(config, options, rows(0, FRAMES), rows(1, TRACK), folder=folder)


def data_seconds(training: Trainer) -> float:
    """Seconds of an epoch's windows and their augmentation alone."""
    begin = time.perf_counter()
    generator = torch.Generator().manual_seed(0)
    train = training.train_rows
    for chosen in torch.randperm(len(training.windows), generator=generator).split(BATCH):
        detected, gt = training.windows.gather(chosen, train.detected, train.gt)
        augment(training.options.augmentation, detected, gt, train.skeleton, generator)
    return time.perf_counter() - begin


def validation_seconds(training: Trainer) -> float:
    """Seconds of one validation."""
    begin = time.perf_counter()
    training.validate()
    return time.perf_counter() - begin


def epochs(network: str, model: dict[str, Any], threads: int) -> tuple[np.ndarray, float, float, int]:
    """Seconds of epochs after the first, with validation and saving; of data, of validation; their steps."""
    os.environ[CHOSEN] = str(threads)  # the trainer chooses no other number
    torch.set_num_threads(threads)
    with TemporaryDirectory() as folder:
        training = trainer(network, model, Path(folder))
        ends: list[float] = []
        training.run(lambda _: ends.append(time.perf_counter()))
        data = median([data_seconds(training) for _ in range(3)])
        validation = median([validation_seconds(training) for _ in range(3)])
    return np.diff(ends), data, validation, training.steps_per_epoch


@contextmanager
def busy(processes: int) -> Iterator[None]:
    """So many other processes that compute."""
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(processes)]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


def chosen_threads(network: str, model: dict[str, Any], threads: int) -> list[int]:
    """What a training chooses of `threads` at its start: alone, and beside as many busy processes."""
    torch.set_num_threads(threads)
    found = []
    with TemporaryDirectory() as folder:
        training = trainer(network, model, Path(folder))
        for others in (0, threads):
            with busy(others):
                time.sleep(1)
                found.append(training.threads_that_pay())
    return found


def measure() -> Page:
    """Every network by one thread and by two, in turns."""
    table: list[list[Cell]] = []
    ratios, limits = [], []
    threads = min(2, os.cpu_count() or 1)
    for name, (network, model) in NETWORKS.items():
        pairs = [[epochs(network, model, count) for count in (1, threads)] for _ in range(RUNS)]
        one, two = (np.array([median(pair[i][0]) for pair in pairs]) for i in range(2))
        data, validation = (median(pair[0][part] for pair in pairs) / median(one) for part in (1, 2))
        steps, times = pairs[0][0][3], median(one / two)
        chosen = chosen_threads(network, model, threads)
        table.append([name, steps / median(one), steps / median(two), times, *chosen, data, validation])
        ratios.append(Ratio(f"Training {name}, {threads} threads", times, "one thread"))
        if data + validation > MOST:
            limits.append(
                f"Training {name}: windows, augmentation and validation take {data + validation:.0%} of the "
                "time (goal 5 %), as its steps are short; each is a few passes over the batch."
            )
    columns = {
        "network": "",
        "steps/s, one thread": ".1f",
        "two threads": ".1f",
        "ratio": ".2f",
        "chosen alone": "d",
        f"beside {threads} others": "d",
        "data and augmentation": ".1%",
        "validation": ".1%",
    }
    return Page(
        "training",
        "Training",
        f"{EPOCHS} epochs over {FRAMES:,} frames in batches of {BATCH} windows, with the augmentation and "
        "averaged weights of the default run. Steps per second of the median epoch after the first, with "
        "validation over an eighth as many frames and the state saved; medians of "
        f"{RUNS} pairs of trainings in turns. Shares are of the epoch by one "
        "thread: the windows' gathering and augmentation, and validation, timed alone. *Chosen* is "
        "the number of threads that a training measures for itself at its start, alone and beside processes "
        "that compute.",
        [Table(columns, table)],
        ratios=ratios,
        limits=limits,
    )


if __name__ == "__main__":
    run(measure)
