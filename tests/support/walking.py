"""A person who walks, in 3D and as a camera sees them; detections with jitter, gaps, leaps and doubt."""

from __future__ import annotations

import numpy as np

from hanet.poses.skeletons import COCO17

_HALF_SHOULDERS, _HALF_HIPS = 0.19, 0.1
_ARM, _LEG = (0.3, 0.26), (0.43, 0.42)


def walker(frames: int, *, fps: float = 30.0, phase: float = 0.0, speed: float = 0.5) -> np.ndarray:
    """COCO's joints (T, 17, 3) in metres: x along the walk, y up, z to the walker's left."""
    t = np.arange(frames) / fps
    step = 2 * np.pi * 0.9 * t + phase
    hips = np.stack([speed * t, 0.9 + 0.02 * np.cos(2 * step), np.zeros(frames)], axis=1)
    neck = hips + np.array([0.03, 0.52, 0.0])
    places = {
        "nose": neck + np.array([0.11, 0.14, 0.0]),
        **{f"{s}_eye": neck + np.array([0.09, 0.18, side * 0.035]) for s, side in (("l", 1), ("r", -1))},
        **{f"{s}_ear": neck + np.array([0.01, 0.16, side * 0.08]) for s, side in (("l", 1), ("r", -1))},
    }
    for s, side, swing in (("l", 1, step), ("r", -1, step + np.pi)):
        shoulder = neck + np.array([0.0, -0.04, side * _HALF_SHOULDERS])
        hip = hips + np.array([0.0, 0.0, side * _HALF_HIPS])
        arm, leg = -0.5 * np.sin(swing), 0.5 * np.sin(swing)
        elbow = shoulder + _ARM[0] * _down(arm)
        knee = hip + _LEG[0] * _down(leg)
        ankle = knee + _LEG[1] * _down(leg - 0.45 * (1 + np.cos(swing)) / 2)
        wrist = elbow + _ARM[1] * _down(arm + 0.45)
        places |= {f"{s}_shoulder": shoulder, f"{s}_elbow": elbow, f"{s}_wrist": wrist}
        places |= {f"{s}_hip": hip, f"{s}_knee": knee, f"{s}_ankle": ankle}
    return np.stack([places[joint] for joint in COCO17.joints], axis=1)


def _down(angle: np.ndarray) -> np.ndarray:
    """Unit vectors that hang down, turned forwards."""
    return np.stack([np.sin(angle), -np.cos(angle), np.zeros_like(angle)], axis=1)


def filmed(people: list[np.ndarray], *, scale: float = 300.0) -> np.ndarray:
    """The people (T, P, 17, 3) as x, y in pixels of a 1280 by 720 image and a confidence of 1."""
    found = np.ones((len(people[0]), len(people), 17, 3))
    for p, joints in enumerate(people):
        found[:, p, :, 0] = 160 + 330 * p + scale * (joints[..., 0] + 0.25 * joints[..., 2])
        found[:, p, :, 1] = 640 - scale * joints[..., 1]
    return found


def detected(truth: np.ndarray, *, noise: float, seed: int = 0) -> np.ndarray:
    """The same with jitter, a gap of four and one of 25 frames, three leaps, and doubt about some joints.

    Args:
        truth: (T, P, 17, 3), T of at least 100; the last number is the confidence.
        noise: standard deviation in pixels.
        seed: of the draws.
    """
    rng = np.random.default_rng(seed)
    found = truth.copy()
    found[..., :2] += rng.normal(scale=noise, size=found[..., :2].shape)
    found[..., 2] = np.round(np.clip(0.9 + 0.06 * rng.normal(size=found.shape[:3]), 0, 1), 3)
    wrist, knee, ear = (COCO17.index(joint) for joint in ("l_wrist", "r_knee", "r_ear"))
    found[20:24, 0, wrist] = 0.0
    found[50:75, 0, ear] = 0.0
    for frame in (35, 62, 88):
        found[frame, 0, knee, :2] += [170, -110]
        found[frame, 0, knee, 2] = 0.35
    found[40:60, :, wrist, 2] *= 0.4
    return found
