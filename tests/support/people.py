"""Fixtures: short sequences of one person and several, to draw."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hanet.cache.files import CacheMetadata, CacheWriter
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import COCO17, H36M17, Skeleton

STANDING = {
    "pelvis": (0, 0, 0), "hip": (0.13, 0, 0), "knee": (0.14, 0.45, 0), "ankle": (0.14, 0.9, 0.05),
    "spine": (0, -0.2, 0), "thorax": (0, -0.5, 0), "nose": (0, -0.6, -0.1), "head_top": (0, -0.75, 0),
    "eye": (0.03, -0.63, -0.1), "ear": (0.07, -0.62, 0),
    "shoulder": (0.18, -0.48, 0), "elbow": (0.3, -0.2, 0), "wrist": (0.35, 0.05, -0.1),
}  # fmt: skip
"""In a camera's frame: x right, y down, z ahead; a left joint, which a right one mirrors."""


def standing(skeleton: Skeleton) -> np.ndarray:
    """One pose (J, 3), metres."""
    pose = [STANDING[joint.removeprefix("l_").removeprefix("r_")] for joint in skeleton.joints]
    sign = [-1.0 if joint.startswith("r_") else 1.0 for joint in skeleton.joints]
    return np.array(pose, dtype=np.float64) * np.array([sign, np.ones(len(sign)), np.ones(len(sign))]).T


@pytest.fixture
def person() -> PoseSequence:
    """3D joints of 90 frames at 30 fps, swaying, in a camera's frame."""
    values = standing(H36M17) + np.zeros((90, 1, 1))
    t = np.arange(90)[:, None] / 30
    values[..., 0] += 0.05 * np.sin(2 * np.pi * t) * values[..., 1]
    return PoseSequence(
        name="walk", values=values.astype(np.float32), skeleton=H36M17, representation="3d", fps=30.0,
        unit="m", frame_of_reference="camera_root_relative",
    )  # fmt: skip


@pytest.fixture
def keypoints() -> PoseSequence:
    """Keypoints of 20 frames at 30 fps from frame 5 on, with boxes 80 by 200, in a 320 by 240 image."""
    values = 100 * standing(COCO17)[:, :2] + np.array([120.0, 120.0]) + np.arange(20)[:, None, None]
    left = np.arange(20)[:, None] + np.array([80.0, 40.0, 160.0, 240.0])
    return PoseSequence(
        name="dance", values=values.astype(np.float32), skeleton=COCO17, representation="2d", fps=30.0,
        unit="px", frame_of_reference="image", start=5, track=1, boxes=left.astype(np.float32),
        image_size=(320, 240),
    )  # fmt: skip


@pytest.fixture
def noisy(rng: np.random.Generator) -> Callable[[PoseSequence, float], PoseSequence]:
    """The sequence with noise of that standard deviation."""

    def make(sequence: PoseSequence, size: float) -> PoseSequence:
        noise = rng.normal(scale=size, size=sequence.values.shape)
        return sequence.with_values((sequence.values + noise).astype(np.float32))

    return make


@pytest.fixture
def write() -> Callable[..., Path]:
    """Write sequences as a cache."""

    def make(path: Path, *sequences: PoseSequence, estimator: str = "gt") -> Path:
        metadata = CacheMetadata.of(sequences[0], dataset="made", split="test", estimator=estimator)
        with CacheWriter(path, metadata) as writer:
            for sequence in sequences:
                writer.write(sequence)
        return path

    return make
