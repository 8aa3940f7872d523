"""Rows and settings with which a training takes a second."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from hanet.models.deciwatch import DeciWatchConfig
from hanet.models.hanet import HANetConfig
from hanet.models.smoothnet import SmoothNetConfig
from hanet.poses.skeletons import H36M17, Skeleton
from hanet.training.options import Augmentation, TrainingOptions
from hanet.training.pairs import PoseRows
from hanet.training.trainer import Trainer

CONFIG = HANetConfig(channels=51, interval=2, window=5, hidden=8, layers=1, heads=2)
DECIWATCH = DeciWatchConfig(channels=51, interval=2, window=5, hidden=8, encoder_layers=1, decoder_layers=1)
SMOOTHNET = SmoothNetConfig(window=5, hidden=16, residual_hidden=8)
OPTIONS = TrainingOptions(epochs=3, batch=16, stride=4, learning_rate=5e-3, loss_weight=2.0, warmup_epochs=1)
EVERYTHING = {
    "epochs": 5,
    "augmentation": Augmentation(mirror_axis=0, rotation_degrees=20.0, scale=0.1, reverse=True),
    "jitter_starts": True,
    "average": 0.9,
    "acceleration_weight": 0.5,
    "clip_norm": 0.5,
}

CHANGES = {
    "epochs": 4,
    "batch": 8,
    "stride": 3,
    "learning_rate": 1e-3,
    "last_learning_rate": 1e-3,
    "loss_weight": 1.0,
    "warmup_epochs": 0,
    "weight_decay": 0.5,
    "oml": "off",
    "ohkm": False,
    "clip_norm": 1e-3,
    "seed": 1,
    "acceleration_weight": 1.0,
    "augmentation": Augmentation(rotation_degrees=10.0),
    "jitter_starts": True,
    "average": 0.5,
}
"""Another value of every option."""


def rows(lengths=(60, 60, 61), seed=0, gaps=0.0, skeleton: Skeleton = H36M17, dims=3) -> PoseRows:
    """Smooth motions, detected with a bias (0.2) and jitter (0.05)."""
    rng = np.random.default_rng(seed)
    N, J = sum(lengths), len(skeleton)
    gt = np.sin(np.arange(N)[:, None] / 9 + rng.uniform(0, 6, size=J * dims)) / 2
    detected = gt + 0.2 + 0.05 * rng.normal(size=gt.shape)
    # A joint is known or not, each side of the body for itself.
    gt[(rng.random((N, J)) < gaps).repeat(dims, axis=1)] = np.nan
    return PoseRows(
        detected=torch.from_numpy(detected).float(),
        gt=torch.from_numpy(gt).float(),
        offsets=np.concatenate([[0], np.cumsum(lengths)]),
        skeleton=skeleton,
    )


TRAIN, VALIDATION = rows(), rows((40, 3, 31), seed=1)


def make(folder: Path, *, train=TRAIN, validation=VALIDATION, config=CONFIG, **options) -> Trainer:
    return Trainer(config, replace(OPTIONS, **options), train, validation, folder=folder)


def assert_same(a: torch.nn.Module, b: torch.nn.Module) -> None:
    left, right = a.state_dict(), b.state_dict()
    assert left.keys() == right.keys()
    for name in left:
        assert torch.equal(left[name], right[name]), name


def flat(model: torch.nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()])
