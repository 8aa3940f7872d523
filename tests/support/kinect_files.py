"""Caches of the experiment `kinect`: poses that are off by a known amount."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from hanet.cache.files import CacheMetadata, CacheWriter
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import LIMBS12


def sequence(name: str, off: float = 0.0, frames: int = 10) -> PoseSequence:
    """A person who grows and shrinks, the arms off along x and the legs as far the other way."""
    t = np.sin(np.arange(frames) / 3)[:, None, None]
    rng = np.random.default_rng(5)
    values = rng.normal(scale=0.3, size=(1, 12, 3)) * (1 + 0.1 * t)
    values -= values.mean(axis=1, keepdims=True)
    values[:, :6, 0] += off
    values[:, 6:, 0] -= off
    return PoseSequence(
        name=name,
        values=values.astype(np.float32),
        skeleton=LIMBS12,
        representation="3d",
        fps=30.0,
        unit="m",
        frame_of_reference="world_root_relative",
    )


def write(path: Path, off: float, estimator: str, provenance: dict[str, Any] | None = None) -> None:
    sequences = [sequence("m01_s09_e01", off), sequence("m01_s10_e01", 3 * off)]
    described = CacheMetadata.of(
        sequences[0], dataset="uiprmd", split="test", estimator=estimator, provenance=provenance
    )
    with CacheWriter(path, described) as writer:
        for entry in sequences:
            writer.write(entry)
