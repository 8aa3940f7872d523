"""OpenCap's samples in the layout published: OpenSim bodies of a trial, and MediaPipe's poses beside them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from hanet.poses.skeletons import LIMBS12

BODIES = {
    "shoulder": "humerus", "elbow": "ulna", "wrist": "hand", "hip": "femur", "knee": "tibia", "ankle": "talus"
}  # fmt: skip
SHORT = {"shoulder": "sho", "elbow": "elb", "wrist": "wri", "hip": "hip", "knee": "knee", "ankle": "ank"}


def motion(frames: int, fps: float, seed: int = 0, late: float = 0.0) -> np.ndarray:
    """Twelve joints on smooth paths (frames, 12, 3), metres, seen `late` seconds late."""
    rng = np.random.default_rng(seed)
    t = (np.arange(frames) / fps - late)[:, None, None]
    rate, phase = rng.uniform(0.2, 0.6, (2, 12, 3))
    return rng.normal(0, 0.4, (12, 3)) + 0.2 * np.sin(2 * np.pi * rate * t + 6 * phase)


def turned(joints: np.ndarray, seed: int = 1) -> np.ndarray:
    """The joints in other axes."""
    turn = Rotation.random(rng=np.random.default_rng(seed))
    return turn.apply(joints.reshape(-1, 3)).reshape(joints.shape)


def write(folder: Path, trial: str, system: str, joints: np.ndarray) -> Path:
    """One ``sample_<system>.json`` of a trial, 100 Hz, with a body that is not read."""
    names = [f"{BODIES[joint[2:]]}_{joint[0]}" for joint in LIMBS12.joints]
    bodies = {
        name: {
            "attachedGeometries": [f"{name}.vtp"],
            "scaleFactors": [1, 1, 1],
            "rotation": np.zeros((len(joints), 3)).tolist(),
            "translation": joints[:, j].tolist(),
        }
        for j, name in enumerate(names)
    }
    bodies["pelvis"] = {"translation": joints.mean(axis=1).tolist()}
    path = folder / trial / f"sample_{system}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"time": [round(t / 100, 2) for t in range(len(joints))], "bodies": bodies}))
    return path


def write_mediapipe(folder: Path, trials: dict[str, np.ndarray]) -> Path:
    """``pairs.npz`` with joints (frames, 12, 3) in metres at 60 Hz, stored in another order."""
    order = np.random.default_rng(0).permutation(12)
    names = [f"{LIMBS12.joints[j][0]}{SHORT[LIMBS12.joints[j][2:]]}" for j in order]
    path = folder / "pairs.npz"
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(
        path,
        allow_pickle=False,
        mediapipe_joints=np.array(names),
        **{f"{trial}/mediapipe_D3": 1000 * joints[:, order] for trial, joints in trials.items()},
    )
    return path


def samples(folder: Path, trials: tuple[str, ...] = ("squat", "walk"), frames: int = 60) -> Path:
    """A folder like ``public/samples``: the estimators are in other axes, WHAM two frames late."""
    for seed, trial in enumerate(trials):
        write(folder, trial, "mocap", motion(frames, 100, seed))
        write(folder, trial, "wham", turned(motion(frames, 100, seed, late=0.02)))
        write(folder, trial, "mono", turned(motion(frames, 100, seed)))
    return folder
