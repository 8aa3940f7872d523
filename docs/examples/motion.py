"""A made-up walk and a made-up detector, which the other examples share."""

from __future__ import annotations

import numpy as np

from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import H36M17


def walk(name: str = "walk", *, frames: int = 300, fps: float = 60.0, seed: int = 0) -> PoseSequence:
    """Make a person of 17 joints whose limbs swing: joints (T, 17, 3), metres, relative to the root."""
    draw = np.random.default_rng(seed)
    rest = draw.normal(scale=0.3, size=(17, 3))
    swing = draw.normal(scale=0.1, size=(17, 3))
    seconds = np.arange(frames)[:, None, None] / fps
    values = rest + swing * np.sin(2 * np.pi * (0.8 * seconds + draw.uniform(size=(17, 3))))
    values -= values[:, :1]
    return PoseSequence.joints(name, values, H36M17, fps=fps, frame_of_reference="camera_root_relative")


def detect(truth: PoseSequence, *, noise: float = 0.02, seed: int = 1) -> PoseSequence:
    """Add a detector's errors: jitter of `noise` metres, always the same bias, and one burst."""
    draw = np.random.default_rng(seed)
    values = truth.values + draw.normal(scale=noise, size=truth.values.shape)
    values += np.random.default_rng(0).normal(scale=0.03, size=truth.values.shape[1:])
    burst = slice(len(truth) // 2, len(truth) // 2 + 6)
    values[burst, 10:13] += draw.normal(scale=0.2, size=values[burst, 10:13].shape)
    return truth.with_values(values)
