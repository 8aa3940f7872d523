"""Training of the general refiner on windows with drawn errors, chosen on windows of people that it never
saw.

Axes: N windows or tracks, J joints, T frames.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from hanet.models.general import General, general_loss
from hanet.models.general_baselines import Baseline, build
from hanet.models.general_options import BaselineConfig, GeneralConfig
from hanet.training.general_windows import Windows

Network = General | Baseline


@dataclass(frozen=True)
class GeneralTraining:
    """How the general refiner is trained.

    Attributes:
        windows: windows drawn for training, of each length.
        validation: windows drawn for validation, of each length.
        frames: frames of a window, multiples of four: short tracks are half ends.
        steps: optimiser steps, each on windows of one length.
        batch: the longest windows per step; of shorter ones as many as have as many frames.
        joints: joints per window and step, drawn for each step: a body of any joints.
        learning_rate: peak; it rises over 50 steps and falls as a cosine.
        weight_decay: AdamW's.
        acceleration: weight of the acceleration in the loss.
        harm: extra weight of errors above the input's.
        every: steps from one validation to the next.
        seed: of windows, weights and batches.

    Raises:
        ValueError: an invalid value.
    """

    windows: int = 2000
    validation: int = 120
    frames: tuple[int, ...] = (28, 44, 64, 96, 144)
    steps: int = 1500
    batch: int = 24
    joints: int = 9
    learning_rate: float = 2e-3
    weight_decay: float = 1e-3
    acceleration: float = 0.5
    harm: float = 1.0
    every: int = 300
    seed: int = 4321

    def __post_init__(self) -> None:
        for name in ("windows", "validation", "steps", "batch", "joints", "every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not self.frames or any(frames < 4 or frames % 4 for frames in self.frames):
            raise ValueError(f"frames must be multiples of four, at least one, got {self.frames}")
        if not (self.learning_rate > 0 and min(self.weight_decay, self.acceleration, self.harm) >= 0):
            raise ValueError("learning_rate must be above 0, weight_decay, acceleration and harm at least 0")


@dataclass(frozen=True)
class Checked:
    """Validation after some steps.

    Attributes:
        step: steps so far.
        seconds: since training began.
        loss: validation loss.
        position: mean log ratio of a track's position error after and before.
        acceleration: the same of accelerations.
        harmed: share of windows whose position error rose by more than a thousandth of the body scale.
    """

    step: int
    seconds: float
    loss: float
    position: float
    acceleration: float
    harmed: float


def train_general(
    config: GeneralConfig | BaselineConfig,
    options: GeneralTraining,
    train: Sequence[Windows],
    validation: Sequence[Windows],
    report: Callable[[Checked], None] = lambda checked: None,
) -> tuple[Network, list[Checked]]:
    """The weights of the lowest validation loss, and all validations.

    Args:
        config: the network.
        options: the training.
        train: windows to learn from, one entry per length.
        validation: windows of other people, likewise.
        report: called after each validation.
    """
    torch.manual_seed(options.seed)
    rng = np.random.default_rng(options.seed)
    model = build(config)
    longest = max(w.gt.shape[2] for w in train)
    if isinstance(model, General):
        some = np.concatenate([w.inputs[:200].reshape(-1, w.inputs.shape[3]) for w in train])
        model.mean.copy_(torch.from_numpy(some.mean(axis=0)))
        model.deviation.copy_(torch.from_numpy(some.std(axis=0) + 1e-2))
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=options.learning_rate, weight_decay=options.weight_decay
    )
    started, history = time.monotonic(), []
    best: dict[str, Tensor] = {}
    for step in range(1, options.steps + 1):
        for group in optimizer.param_groups:
            fall = 0.5 * (1 + np.cos(np.pi * step / options.steps))
            group["lr"] = options.learning_rate * min(1.0, step / 50) * max(0.02, fall)
        windows = train[int(rng.integers(len(train)))]
        rows = rng.integers(0, len(windows), options.batch * longest // windows.gt.shape[2])
        joints = _some_joints(rng, len(rows), options.joints, windows.gt.shape[1])
        losses = _losses(model, options, windows, rows, joints)
        optimizer.zero_grad()
        losses["loss"].backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % options.every == 0 or step == options.steps:
            checked = _check(model, options, validation, step, time.monotonic() - started)
            if all(checked.loss < earlier.loss for earlier in history):
                best = {name: value.clone() for name, value in model.state_dict().items()}
            history.append(checked)
            report(checked)
    model.load_state_dict(best)
    return model.eval(), history


def _some_joints(rng: np.random.Generator, windows: int, most: int, joints: int) -> np.ndarray:
    """Joints (windows, count) of each window, in any order."""
    return np.stack([rng.permutation(joints)[:most] for _ in range(windows)])


def _refined(
    model: Network, windows: Windows, rows: np.ndarray, joints: np.ndarray
) -> tuple[Tensor, Tensor, Tensor]:
    """Refined, detected and true tracks."""
    at = rows[:, None], joints
    detected, gt, known, inputs = (
        torch.from_numpy(array[at]).flatten(0, 1)
        for array in (windows.detected, windows.gt, windows.known, windows.inputs)
    )
    return model.refined(detected, known, inputs, len(rows)), detected, gt


def _losses(
    model: Network,
    options: GeneralTraining,
    windows: Windows,
    rows: np.ndarray,
    joints: np.ndarray,
) -> dict[str, Tensor]:
    return general_loss(
        *_refined(model, windows, rows, joints), acceleration=options.acceleration, harm=options.harm
    )


@torch.no_grad()
def _check(
    model: Network,
    options: GeneralTraining,
    validation: Sequence[Windows],
    step: int,
    seconds: float,
) -> Checked:
    totals, harmed = [], []
    for windows in validation:
        J = windows.gt.shape[1]
        for start in range(0, len(windows), 20):
            rows = np.arange(start, min(start + 20, len(windows)))
            poses = _refined(model, windows, rows, np.tile(np.arange(J), (len(rows), 1)))
            losses = general_loss(*poses, acceleration=options.acceleration, harm=options.harm)
            totals.append([len(rows) * float(value) for value in losses.values()])
            after, before = (
                (p - poses[2]).norm(dim=-1).unflatten(0, (-1, J)).mean((1, 2)) for p in poses[:2]
            )
            harmed.append((after > before + 1e-3).float())
    loss, position, acceleration = (np.sum(totals, axis=0) / sum(map(len, validation))).tolist()
    return Checked(step, seconds, loss, position, acceleration, float(torch.cat(harmed).mean()))
