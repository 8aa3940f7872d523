"""Checkpoint files as the authors' code writes them, filled by the recipe: nothing of the real weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from hanet.estimators.images.dcpose import DCPose
from hanet.estimators.images.pare import PARE
from hanet.estimators.images.simplebaseline import PoseResNet
from hanet.estimators.images.spin import HMR
from hanet.smpl.synthetic_body import h36m_regressor, synthetic_arrays, write_synthetic_body
from tests.support import recipe

LAYOUTS: dict[str, tuple[Any, str | None, str]] = {
    "simplebaseline": (lambda: PoseResNet(16, layers=50), None, ""),
    "dcpose": (DCPose, "state_dict", "module."),
    "spin": (HMR, "model", ""),
    "pare": (PARE, "state_dict", "model."),
}
"""Network, container and prefix of each."""


def write_checkpoint(path: Path, kind: str, *, joints: int = 16) -> Path:
    """A file of that estimator's layout; `joints` are SimpleBaseline's."""
    build, container, prefix = LAYOUTS[kind]
    network = PoseResNet(joints, layers=50) if kind == "simplebaseline" else build()
    shapes = {name: value.shape for name, value in network.state_dict().items()}
    tensors = {
        prefix + name: torch.from_numpy(value)
        for name, value in recipe.weights({"shapes": shapes, "gains": {}}).items()
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(tensors if container is None else {container: tensors}, path)
    return path


def write_body(folder: Path) -> tuple[Path, Path]:
    """A synthetic body and its regressor, as SMPL's and SPIN's files are."""
    folder.mkdir(parents=True, exist_ok=True)
    model, regressor = folder / "body.npz", folder / "J_regressor_h36m.npy"
    write_synthetic_body(model)
    np.save(regressor, h36m_regressor(synthetic_arrays()))
    return model, regressor
