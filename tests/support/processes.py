"""Trainings that are the same in one process and in several: what test_distributed compares.

``python -m torch.distributed.run --nproc-per-node N tests/processes.py FOLDER`` runs them in N processes.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import torch

from hanet.models.registry import network_of
from hanet.training.distributed import ProcessGroup, process_group
from hanet.training.pairs import PoseRows
from hanet.training.trainer import Trainer
from tests.support.small_training import (
    CONFIG,
    DECIWATCH,
    EVERYTHING,
    OPTIONS,
    SMOOTHNET,
    VALIDATION,
    flat,
    rows,
)


def double(poses: PoseRows) -> PoseRows:
    """In float64, where rounding stays small whatever AdamW makes of it."""
    return replace(poses, detected=poses.detected.double(), gt=poses.gt.double())


STILL = replace(CONFIG, dropout=0.0)
"""Without dropout, which alone is drawn process by process."""
GAPS, EVEN = double(rows(gaps=0.3)), double(rows())
BATCH = 21
"""Of 43 windows: two batches that two processes cannot halve, and one of a single window."""
CASES: dict[str, Mapping[str, Any]] = {
    "plain": {},
    "everything": {"train": GAPS, **EVERYTHING},
    "parts": {"train": GAPS, **EVERYTHING, "accumulate": 3},
    "stop-gradient": {"train": GAPS, "oml": "stop_gradient"},
    "deciwatch": {"train": GAPS, "config": replace(DECIWATCH, dropout=0.0), "acceleration_weight": 0.5},
    "smoothnet": {"train": GAPS, "config": replace(SMOOTHNET, dropout=0.0), "acceleration_weight": 0.5},
}


def make(
    folder: Path,
    processes: ProcessGroup = ProcessGroup(),  # noqa: B008 (frozen)
    *,
    train=EVEN,
    config=STILL,
    accumulate=1,
    **options,
) -> Trainer:
    """A training, as one of `processes`."""
    described = replace(OPTIONS, **{"batch": BATCH, **options})
    precise = replace(network_of(config), build=lambda config: network_of(config).build(config).double())
    with mock.patch("hanet.training.trainer.network_of", lambda _: precise):
        return Trainer(
            config,
            described,
            train,
            double(VALIDATION),
            folder=folder,
            processes=processes,
            accumulate=accumulate,
        )


class StoppedError(Exception):
    """A training was stopped on purpose."""


def run_until(trainer: Trainer, epoch: int) -> None:
    """Train until so many epochs are done, as if killed then."""

    def stop(row: dict[str, float]) -> None:
        if row["epoch"] == epoch:
            raise StoppedError

    try:
        trainer.run(stop)
    except StoppedError:
        return
    raise AssertionError("it was not stopped")


def main(folder: Path) -> None:
    """Run every case; stop one halfway; finish one that a single process began; repeat one with dropout."""
    with process_group() as processes:
        for name, case in CASES.items():
            trainer = make(folder / name, processes, **case)
            same(trainer.run(), processes)
        run_until(make(folder / "began-in-two", processes, **CASES["everything"]), 2)
        resumed = make(folder / "began-in-one", processes, **CASES["everything"])
        assert resumed.resumed and resumed.progress.epoch == 2
        resumed.run()
        same(resumed.averaged, processes)
        for name in ("dropout-once", "dropout-twice"):
            same(make(folder / name, processes, config=CONFIG).run(), processes)
            (folder / f"seed-{processes.rank}").write_text(str(torch.initial_seed()))


def same(model: torch.nn.Module, processes: ProcessGroup) -> None:
    """The weights are the first process's, to the bit."""
    assert torch.equal(processes.on_rank0(lambda: flat(model)), flat(model))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
