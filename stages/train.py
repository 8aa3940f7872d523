"""Stage train: one network of an experiment with one seed; the best epoch's weights in data/models.

Stage ablate also runs this, for the models under `ablations` in params.yaml.
"""

from __future__ import annotations

import csv
import io
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from hanet.cache.files import PoseCache
from hanet.files.atomic import fresh_folder, write_text
from hanet.models import checkpoints, trained_on
from hanet.models.device import device, hardware
from hanet.progress import console
from hanet.smpl.joints import SmplJoints
from hanet.training.distributed import ProcessGroup, launch, process_group, rank
from hanet.training.pairs import PoseRows
from hanet.training.trainer import STATE_FILE, Trainer
from stages import workspace
from stages.bodies import body_of
from stages.graph.names import training_of
from stages.params.load import Params, load
from stages.tracking.client import LiveRun


def main(experiment: str, model: str, seed: str) -> None:
    """Train in this process, or start the processes that `train` in params.yaml describes, which also call
    this.
    """
    number = rank()
    process = () if number is None else (f"process {number}",)
    with workspace.stage("train", experiment, model, f"seed {seed}", *process):
        params = load()
        if number is None and params.train.processes > 1:
            launch(
                "stages.train",
                (experiment, model, seed),
                devices=params.train.devices,
                nodes=params.train.nodes,
                node=params.train.node,
                rendezvous=params.train.rendezvous,
            )
            return
        with process_group() as processes:
            train(params, experiment, model, int(seed), processes)


def train(params: Params, experiment: str, model: str, seed: int, processes: ProcessGroup) -> None:
    """Train, or resume a killed run; rank 0 writes checkpoint and history."""
    described = params.model(experiment, model)
    options = replace(described.training, seed=seed)
    train, validation = (rows(experiment, split) for split in ("train", "val"))
    config = described.config(train.detected.shape[1])
    name = f"{model}-{seed}"
    scratch = workspace.SCRATCH / "training" / experiment / name
    trainer = Trainer(
        config,
        options,
        train,
        validation,
        folder=scratch,
        device=device(),
        processes=processes,
        accumulate=params.train.accumulate,
    )
    if not processes.first:
        trainer.run()
        return
    if trainer.resumed:
        console.print(f"  resuming after epoch {trainer.progress.epoch}")
    settings = {"network": described.network, "model": config.to_dict(), "training": asdict(options)}
    log = EpochLog(experiment, name, trainer, settings)
    with log:
        best = trainer.run(log)
    with fresh_folder(workspace.MODELS / experiment / name) as folder:
        about = {"experiment": experiment, "model": model, "seed": seed}
        checkpoints.save(best.cpu(), folder, metadata=about | provenance(experiment, trainer))
    write_text(
        workspace.REPORTS / experiment / "training" / f"{name}.csv",
        as_csv(trainer.progress.history, validation.error_unit),
    )
    console.print(
        f"  best epoch {trainer.progress.best_epoch}: "
        f"validation error {trainer.progress.best_error:.2f} {validation.error_unit}"
    )
    (scratch / STATE_FILE).unlink(missing_ok=True)


def provenance(experiment: str, trainer: Trainer) -> dict[str, Any]:
    """Provenance of a training, for the checkpoint."""
    caches = {split: PoseCache.open(workspace.detected_path(experiment, split)) for split in ("train", "val")}
    size = trainer.processes.size
    return {
        "fingerprint": trainer.fingerprint,
        "best_epoch": trainer.progress.best_epoch,
        "validation_error": trainer.progress.best_error,
        "validation_error_unit": trainer.validation_rows.error_unit,
        "training": asdict(trainer.options),
        "skeleton": trainer.train_rows.skeleton.name,
        "machine": hardware(trainer.progress.threads) + (f", {size} processes" if size > 1 else ""),
        trained_on.KEY: trained_on.PoseKind.of(caches["train"].metadata).to_dict(),
        "data_sha256": {split: cache.content_hash() for split, cache in caches.items()},
    }


def rows(experiment: str, split: str) -> PoseRows:
    """Detected and ground-truth poses of a split, row by row."""
    body = body_of(experiment)
    detected = PoseCache.open(workspace.detected_path(experiment, split)).read(columns=())
    truth = PoseCache.open(workspace.truth_path(experiment, split)).read(columns=("labelled", "image_size"))
    return PoseRows.of(detected, truth, joints=None if body is None else SmplJoints(body[0].cpu()))


def as_csv(history: list[dict[str, float]], unit: str) -> str:
    """One line per epoch, the epoch first, the unit of the validation error last."""
    names = ["epoch", *sorted({name for row in history for name in row} - {"epoch"}), "unit"]
    text = io.StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(row | {"unit": unit} for row in history)
    return text.getvalue()


class EpochLog:
    """Show a progress bar and log every finished epoch to MLflow, so that a training can be monitored.

    The run has the training's fingerprint, by which `stages.publish` finds and completes it. If MLflow is
    unreachable, training continues, and publish creates the run from the history.
    """

    def __init__(self, experiment: str, name: str, trainer: Trainer, params: dict[str, Any]) -> None:
        self._trainer = trainer
        self._progress = Progress(
            TextColumn("  {task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
        )
        done, total = trainer.progress.epoch, trainer.options.epochs
        self._task = self._progress.add_task("epochs", total=total, completed=done)
        self._live: LiveRun | None = None
        with self._tracking():
            self._live = LiveRun(experiment, name, trainer.fingerprint, params)
            for row in trainer.progress.history:
                self._live.log(row)

    @contextmanager
    def _tracking(self) -> Iterator[None]:
        """Errors of a tracking server must not stop a training: report the first one and continue without
        MLflow.
        """
        try:
            yield
        except Exception as error:
            console.print(f"  MLflow failed, training on without it: {error}", markup=False)
            self._live = None

    def __enter__(self) -> EpochLog:
        self._progress.start()
        self._last = time.monotonic()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._progress.stop()
        if self._live is not None:
            with self._tracking():
                self._live.end("FINISHED" if kind is None else "FAILED")

    def __call__(self, row: dict[str, float]) -> None:
        steps = self._trainer.steps_per_epoch / (time.monotonic() - self._last)
        self._last = time.monotonic()
        unit = self._trainer.validation_rows.error_unit
        self._progress.update(
            self._task,
            advance=1,
            description=(state := f"loss {row['loss']:.4f}, validation {row['validation_error']:.2f} {unit}"),
        )
        if not console.is_terminal:  # a log file gets lines instead of a bar
            console.print(f"  epoch {row['epoch']:.0f}: {state}, {steps:.1f} steps/s")
        if self._live is not None:
            with self._tracking():
                self._live.log(row)


if __name__ == "__main__":
    with workspace.user_errors():
        names = training_of(sys.argv[1:], load().run)
    main(*names)
