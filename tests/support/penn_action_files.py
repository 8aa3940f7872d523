"""Penn Action as released: one MATLAB file of labels per clip."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from scipy.io import savemat


def fields(frames: int = 6, *, train: bool = True, seed: int = 0) -> dict[str, Any]:
    """Labels of a person who walks to the right; everything is visible."""
    rng = np.random.default_rng(seed)
    points = rng.uniform([100, 50], [160, 250], (13, 2)) + np.arange(frames)[:, None, None] * [2.0, 0.0]
    low, high = points.min(axis=1) - 5, points.max(axis=1) + 5
    return {
        "action": "squat",
        "pose": "right",
        "x": points[..., 0] + 1,  # MATLAB counts from 1
        "y": points[..., 1] + 1,
        "visibility": np.ones((frames, 13), dtype=np.uint8),
        "train": 1 if train else -1,
        "bbox": np.concatenate([low, high], axis=1) + 1,
        "dimensions": np.array([[270, 480, frames]], dtype=np.uint16),
        "nframes": frames,
    }


def write(folder: Path, name: str, content: dict[str, Any] | None = None) -> Path:
    """One clip's file below ``labels``."""
    path = folder / "labels" / f"{name}.mat"
    path.parent.mkdir(parents=True, exist_ok=True)
    savemat(path, fields() if content is None else content)
    return path
