"""AIST++ in the layout released: joints, detections and motions of a dance, and the nine cameras."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from hanet.datasets.aist.views import CAMERAS

NAME = "gBR_sBM_cAll_d04_mBR2_ch08"
OTHER = "gJS_sFM_cAll_d02_mJS4_ch09"


def camera_entry(index: int) -> dict[str, Any]:
    """A camera 500 cm from the origin, 40° on for each index, upright in a world whose y is up."""
    turn = Rotation.from_euler("y", 40 * index, degrees=True) * Rotation.from_euler("x", 180, degrees=True)
    return {
        "name": CAMERAS[index],
        "size": [1920, 1080],
        "matrix": [[1300.0 + index, 0, 960], [0, 1200, 540], [0, 0, 1]],
        "distortions": [-0.1, 0.02, 0.001, -0.002, 0.003],
        "rotation": turn.as_rotvec().tolist(),
        "translation": [10.0, 20.0, 500.0],
    }


def save(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(content, protocol=4))
    return path


def write(folder: Path, name: str = NAME, frames: int = 5, seed: int = 0) -> dict[str, np.ndarray]:
    """One sequence's files; what they hold is returned."""
    rng = np.random.default_rng(seed)
    stored = {
        "keypoints3d": rng.normal(0, 50, (frames, 17, 3)),
        "keypoints3d_optim": rng.normal(0, 50, (frames, 17, 3)),
        "keypoints2d": rng.uniform(0.1, 1000, (9, frames, 17, 3)).astype(np.float32),
        "smpl_poses": rng.normal(size=(frames, 72)).astype(np.float32),
        "smpl_trans": rng.normal(0, 90, (frames, 3)).astype(np.float32),
        "smpl_scaling": np.array([93.5], dtype=np.float32),
    }
    save(folder / "keypoints3d" / f"{name}.pkl", {k: stored[k] for k in ("keypoints3d", "keypoints3d_optim")})
    two = {"keypoints2d": stored["keypoints2d"], "det_scores": np.ones((9, frames), np.float32)}
    save(folder / "keypoints2d" / f"{name}.pkl", two | {"timestamps": np.arange(frames)})
    motion = {k: v for k, v in stored.items() if k.startswith("smpl")} | {"smpl_loss": 1.5}
    save(folder / "motions" / f"{name}.pkl", motion)
    cameras = folder / "cameras"
    cameras.mkdir(exist_ok=True)
    (cameras / "setting1.json").write_text(json.dumps([camera_entry(i) for i in range(9)]))
    with (cameras / "mapping.txt").open("a") as mapping:
        mapping.write(f"{name} setting1\n")
    return stored
