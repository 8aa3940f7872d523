"""Results of programs that estimate SMPL bodies, saved as they save them: joblib, pickle, NumPy, PyTorch."""

from __future__ import annotations

import pickle
from collections import defaultdict
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import torch
from scipy.spatial.transform import Rotation

T = 6


def axis_angles(seed: int = 0) -> np.ndarray:
    """(T, 24, 3) float32; the root turns by about half a turn, so that angles beyond π occur."""
    rng = np.random.default_rng(seed)
    turns = rng.normal(0, 0.5, (1, 24, 3)) + rng.normal(0, 0.02, (T, 24, 3))
    turns[:, 0] = [0.1, 3.05, 0.05]
    turns[:, 0] *= np.linspace(0.98, 1.06, T)[:, None]
    return turns.astype(np.float32)


def matrices() -> np.ndarray:
    """(T, 24, 3, 3) float32 of the same rotations."""
    flat = Rotation.from_rotvec(axis_angles().reshape(-1, 3)).as_matrix()
    return flat.reshape(T, 24, 3, 3).astype(np.float32)


def vibe(folder: Path) -> Path:
    people: dict[Any, Any] = {
        1: _person(axis_angles(), np.arange(T) + 4),
        2: _person(axis_angles(1), np.array([0, 1, 2, 4, 5, 6])),
    }
    joblib.dump(people, folder / "vibe_output.pkl")
    return folder / "vibe_output.pkl"


def _person(turns: np.ndarray, frames: np.ndarray) -> dict[str, Any]:
    return {
        "pred_cam": np.ones((T, 3), np.float32),
        "verts": np.arange(12.0).reshape(2, 6, order="F"),
        "pose": turns.reshape(T, 72).copy(),
        "betas": np.zeros((T, 10), np.float32),
        "joints2d": None,
        "frame_ids": frames,
    }


def wham(folder: Path) -> Path:
    results: dict[Any, Any] = defaultdict(dict)
    results[0] = _person(axis_angles(), np.arange(T)) | {"pose_world": axis_angles(2).reshape(T, 72)}
    joblib.dump(results, folder / "wham_output.pkl")
    return folder / "wham_output.pkl"


def phalp(folder: Path) -> Path:
    frames = {
        f"img/{t:06}.jpg": {
            "time": t,
            "shot": 0,
            "tid": [3, 5],
            "smpl": [
                {"global_orient": matrix[:1], "body_pose": matrix[1:], "betas": np.zeros(10, np.float32)},
                [],
            ],
            "conf": [np.float32(0.5), 0.25],
            "mask": [{"size": [4, 4], "counts": b"ab"}],
        }
        for t, matrix in enumerate(matrices())
    }
    joblib.dump(frames, folder / "demo.pkl", compress=3)
    return folder / "demo.pkl"


def hybrik(folder: Path) -> Path:
    results = {
        "pred_uvd": np.ones((T, 29, 3), np.float32),
        "pred_thetas": matrices().reshape(T, 216),
        "img_path": np.array(["res/1.jpg"] * T),
    }
    (folder / "res.pk").write_bytes(pickle.dumps(results))
    return folder / "res.pk"


def romp(folder: Path) -> Path:
    images = {
        f"{t:08}.npz": {
            "smpl_thetas": turns.reshape(1, 72),
            "track_ids": np.array([2]),
            "cam": np.ones((1, 3)),
        }
        for t, turns in enumerate(axis_angles())
    }
    np.savez(folder / "video_results.npz", results=np.array(images, dtype=object), note=np.arange(3))
    return folder / "video_results.npz"


def gvhmr(folder: Path) -> Path:
    turns = torch.from_numpy(axis_angles())
    views = {
        f"smpl_params_{view}": {
            "body_pose": turns[:, 1:22].reshape(T, 63).clone(),
            "betas": torch.zeros(T, 10),
            "global_orient": turns[:, 0].clone(),
            "transl": torch.ones(T, 3),
        }
        for view in ("global", "incam")
    }
    torch.save(
        {**views, "K_fullimg": torch.eye(3), "net_outputs": {"x": [torch.ones(2)]}},
        folder / "hmr4d_results.pt",
    )
    return folder / "hmr4d_results.pt"


def amass(folder: Path) -> Path:
    hands = np.zeros((T, 84))
    np.savez(
        folder / "walk_poses.npz",
        poses=np.concatenate([axis_angles().reshape(T, 72), hands], axis=1),
        trans=np.zeros((T, 3)),
        betas=np.zeros(16),
        gender="male",
        mocap_framerate=120.0,
    )
    return folder / "walk_poses.npz"


def aist(folder: Path) -> Path:
    motion = {
        "smpl_loss": 1.5,
        "smpl_poses": axis_angles().reshape(T, 72).astype(float),
        "smpl_scaling": np.ones(1),
        "smpl_trans": np.zeros((T, 3)),
    }
    (folder / "dance.pkl").write_bytes(pickle.dumps(motion, protocol=2))
    return folder / "dance.pkl"


def load(path: Path) -> Any:
    """What the program's own reader gives."""
    if path.suffix == ".pt":
        return torch.load(path, weights_only=True)
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=True) as arrays:
            return dict(arrays)
    return joblib.load(path)
