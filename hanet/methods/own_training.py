"""Train a network on one's own pairs, and say on the takes that validate whether it is worth using."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from hanet.methods.by_model import ByModel
from hanet.methods.own_pairs import Take, rows_of
from hanet.methods.smoothing import GapAware, General
from hanet.methods.trained import TrainedNetwork
from hanet.models import checkpoints, trained_skeleton
from hanet.models.descriptions import EXPORTED
from hanet.models.export import export
from hanet.models.options import CONFIGS, Config
from hanet.models.trained_on import KEY, PoseKind
from hanet.poses.scale import known_joints
from hanet.poses.sequence import PoseSequence
from hanet.training.options import Augmentation, TrainingOptions
from hanet.training.trainer import Trainer

MODELS: dict[str, dict[str, Any]] = {
    "hanet": {
        "interval": 5,
        "window": 51,
        "hidden": 32,
        "layers": 3,
        "dropout": 0.0,
        "interpolation": "cubic",
        "output_smoothing": 2.0,
        "kinematics_start": "identity",
        "residual": True,
        "frame_path": True,
    },
    "mlp": {"window": 11, "hidden": 550},
    "tcn": {"window": 51, "hidden": 128, "blocks": 5, "frame_path": True},
    "smoothnet": {"window": 32, "hidden": 256, "residual_hidden": 128},
    "deciwatch": {
        "interval": 5,
        "window": 51,
        "hidden": 32,
        "encoder_layers": 3,
        "decoder_layers": 3,
        "feedforward": 128,
    },
}
"""Sizes of the default run's rows."""
STEPS = 50
"""Steps an epoch at most."""
HARM = {"m": 0.5, "px": 0.2}
"""A take is harmed where its error grows by more: millimetres, or pixels."""


@dataclass(frozen=True)
class Row:
    """Errors of one method on the takes that validate.

    Attributes:
        name: the method's.
        error: mean distance of joints from the truth, in millimetres or pixels.
        acceleration: mean error of the acceleration, per frame squared.
        unharmed: share of takes that it does not make worse.
    """

    name: str
    error: float
    acceleration: float
    unharmed: float


def train_on(
    takes: Sequence[Take],
    validation: Sequence[Take],
    folder: Path,
    *,
    network: str,
    epochs: int,
    seed: int,
    on_epoch: Callable[[dict[str, float]], None] = lambda row: None,
) -> list[Row]:
    """Train, write the checkpoint and its export, and compare it with the input and with the general refiner.

    Args:
        takes: to train on.
        validation: other people or recordings; they choose the epoch.
        folder: where the checkpoint goes.
        network: one of `MODELS`.
        epochs, seed: of the training.
        on_epoch: called with each epoch's losses and validation error.

    Raises:
        ValueError: pairs that do not fit each other, or a training that diverged.
    """
    rows, held = rows_of(takes), rows_of(validation)
    first = takes[0].gt[0]
    channels = rows.detected.shape[1]
    kind = CONFIGS[network]
    sized = {"channels": channels} if "channels" in {field.name for field in fields(kind)} else {}
    config: Config = kind.from_dict(MODELS[network] | sized)
    options = training_options(
        first, len(rows.windows(window=config.window, stride=1, tail=False)), epochs, seed
    )
    with tempfile.TemporaryDirectory() as scratch:
        trainer = Trainer(config, options, rows, held, folder=Path(scratch))
        best = trainer.run(on_epoch)
    kind_of_poses = kind_of(first)
    metadata = {
        "training": asdict(options),
        "best_epoch": trainer.progress.best_epoch,
        "validation_error": trainer.progress.best_error,
        "validation_error_unit": held.error_unit,
        "fingerprint": trainer.fingerprint,
        KEY: kind_of_poses.to_dict(),
        trained_skeleton.KEY: trained_skeleton.to_dict(first.skeleton),
    }
    checkpoints.save(best, folder, metadata=metadata)
    with suppress(ValueError):  # ONNX Runtime's result is another: the folder is refined with by PyTorch
        export(folder, folder / EXPORTED, kind_of_poses)
    return compare(validation, folder)


def training_options(poses: PoseSequence, windows: int, epochs: int, seed: int) -> TrainingOptions:
    """Those of the default run; windows start as far apart as gives at most `STEPS` steps an epoch."""
    batch = 64
    stride = max(1, -(-windows // (batch * STEPS)))
    augmentation = Augmentation()
    if poses.representation == "3d":
        augmentation = Augmentation(scale=0.1, stretch=0.1, reverse=True)
    return TrainingOptions(
        epochs=epochs,
        batch=batch,
        stride=stride,
        learning_rate=0.001,
        loss_weight=1.0,
        average=0.995,
        jitter_starts=True,
        augmentation=augmentation,
        warmup_epochs=min(5, epochs - 1),
        seed=seed,
    )


def kind_of(poses: PoseSequence) -> PoseKind:
    """The kind of the poses that the network sees."""
    shown = poses.root_relative() if poses.representation == "3d" else poses
    return PoseKind(
        shown.skeleton.name, shown.representation, shown.unit, shown.frame_of_reference, float(shown.fps)
    )


def compare(takes: Sequence[Take], folder: Path) -> list[Row]:
    """Input, general refiner and the model in `folder` on the same takes, on equal terms."""
    methods: dict[str, GapAware | None] = {
        "input": None,
        "general refiner": General(),
        "this model": ByModel(path=str(folder), network=TrainedNetwork.open(folder, stride=1)),
    }
    errors = {name: [errors_of(take, method) for take in takes] for name, method in methods.items()}
    limit = HARM[takes[0].gt[0].unit]
    before = np.array([error for error, _ in errors["input"]])
    rows = []
    for name, found in errors.items():
        error, acceleration = np.array(found).T
        unharmed = float((error <= before + limit).mean())
        rows.append(Row(name, float(error.mean()), float(np.nanmean(acceleration)), unharmed))
    return rows


def errors_of(take: Take, method: GapAware | None) -> tuple[float, float]:
    """Mean errors of position and acceleration of a take's detected joints."""
    wrong, shaken = [], []
    for poses, truth in zip(take.detected, take.gt, strict=True):
        known = known_joints(truth.values) & known_joints(poses.values)
        if truth.labelled is not None:
            known &= truth.labelled
        refined = poses.values if method is None else method.smooth(poses).sequence.values
        off = np.where(known[..., None], relative(replace(poses, values=refined)) - relative(truth), np.nan)
        wrong.append(np.linalg.norm(off, axis=2).ravel())
        shaken.append(np.linalg.norm(np.diff(off, n=2, axis=0), axis=2).ravel())
    factor = 1000.0 if take.gt[0].unit == "m" else 1.0
    every, second = (np.concatenate(parts) for parts in (wrong, shaken))
    if not np.isfinite(every).any():
        raise ValueError(f"{take.name}: no joint is detected and true in the same frame")
    moved = factor * float(np.nanmean(second)) if np.isfinite(second).any() else float("nan")
    return factor * float(np.nanmean(every)), moved


def relative(sequence: PoseSequence) -> np.ndarray:
    """3D joints relative to their root; keypoints as they are."""
    return (sequence.root_relative() if sequence.representation == "3d" else sequence).values
