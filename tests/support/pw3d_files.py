"""3DPW's pickles as released."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation


def content(frames: int = 6, people: int = 1, seed: int = 0) -> dict[str, Any]:
    """One sequence as the release has it, fields that are not read included."""
    rng = np.random.default_rng(seed)
    cameras = np.tile(np.eye(4), (frames, 1, 1))
    cameras[:, :3, :3] = Rotation.from_rotvec(rng.normal(size=(frames, 3))).as_matrix()
    cameras[:, :3, 3] = rng.normal([0, 0, 5], size=(frames, 3))
    return {
        "sequence": "courtyard_arguing_00",
        "poses": [rng.normal(size=(frames, 72)) for _ in range(people)],
        "betas": [rng.normal(size=300) for _ in range(people)],
        "trans": [rng.normal(size=(frames, 3)) for _ in range(people)],
        "genders": ["m", "f"][:people],
        "jointPositions": [rng.normal(size=(frames, 72)) for _ in range(people)],
        "poses2d": [rng.uniform(1, 1000, size=(frames, 3, 18)) for _ in range(people)],
        "campose_valid": [np.ones(frames, dtype=np.int64) for _ in range(people)],
        "cam_poses": cameras,
        "cam_intrinsics": np.eye(3),
        "img_frame_ids": np.arange(frames),
        "texture_maps": [],
    }


def write(path: Path, sequence: dict[str, Any], protocol: int = 2) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(sequence, protocol=protocol))
    return path
