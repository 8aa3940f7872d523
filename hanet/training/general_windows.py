"""Windows to train the general refiner on: motion capture seen from anywhere, at any speed, with drawn
errors.

Axes: T frames, J joints, D numbers per joint (2 or 3), N windows, F features.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.interpolate import CubicSpline

from hanet.models.general_inputs import features
from hanet.models.self_tuning import tuned_periods
from hanet.poses.gaps import interpolate
from hanet.poses.scale import body_scale
from hanet.training.noise_bank import NoiseOptions, corrupt

FPS = (20.0, 70.0)
"""Frame rates that are drawn, log-uniformly; the network never sees others, see `hanet.methods.general`."""
SPEED = (0.7, 1.8)
"""Factors by which motion is slowed down or sped up."""


@dataclass(frozen=True, eq=False)
class Motion:
    """A clip of true poses.

    Attributes:
        joints: (T, J, 3) in metres, without NaN, second axis vertical or not: it is turned at random about
            it.
        fps: frames per second.
        mirror: index that swaps left and right joints.
    """

    joints: Float[np.ndarray, "T J 3"]
    fps: float
    mirror: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Windows:
    """Windows in body scales; 2D poses have a third number 0.

    Attributes:
        detected: with errors; gaps filled by straight lines.
        gt: the truth.
        known: 1 where there was a detection.
        inputs: what the network sees.
    """

    detected: Float[np.ndarray, "N J T 3"]
    gt: Float[np.ndarray, "N J T 3"]
    known: Float[np.ndarray, "N J T"]
    inputs: Float[np.ndarray, "N J T F"]

    def __len__(self) -> int:
        return len(self.gt)


def draw_windows(
    motions: Sequence[Motion],
    count: int,
    frames: int,
    rng: np.random.Generator,
    options: NoiseOptions | None = None,
) -> Windows:
    """Draw windows; equal states of `rng` give equal windows.

    Args:
        motions: clips of one skeleton; longer ones are drawn more often.
        count: windows.
        frames: frames per window, a multiple of four.
        rng: source of randomness.
        options: errors; None takes the defaults.

    Raises:
        ValueError: no clip is long enough for a window at the lowest rate and speed drawn, or the skeletons
            differ.
    """
    usable = [m for m in motions if len(m.joints) > 1.0 + (frames - 1) * m.fps * SPEED[0] / FPS[1]]
    if not usable or len({m.joints.shape[1] for m in usable}) > 1:
        raise ValueError(
            f"expected clips of one skeleton, some longer than {frames} frames at {FPS[1]:g} a second, got "
            f"{len(motions)} clips, {len(usable)} of them long enough; give longer clips or fewer frames"
        )
    share = np.array([len(m.joints) for m in usable], dtype=float)
    share /= share.sum()
    rows = [_window(usable[rng.choice(len(usable), p=share)], frames, rng, options) for _ in range(count)]
    return stacked(rows)


Row = tuple[
    Float[np.ndarray, "J T 3"],
    Float[np.ndarray, "J T 3"],
    Float[np.ndarray, "J T"],
    Float[np.ndarray, "J T F"],
]
"""One window, in the order of the attributes of `Windows`."""


def stacked(rows: Sequence[Row]) -> Windows:
    """Windows of equal length and as many joints."""
    return Windows(*(np.stack(column) for column in zip(*rows, strict=True)))


def _window(motion: Motion, frames: int, rng: np.random.Generator, options: NoiseOptions | None) -> Row:
    gt, fps = _seen(motion, frames, rng)
    noisy = corrupt(gt, fps, rng, options=options, mirror=motion.mirror)
    return window_of(noisy.values, gt, fps)


def window_of(detected: Float[np.ndarray, "T J D"], gt: Float[np.ndarray, "T J D"], fps: float) -> Row:
    """A window of detections and their truth.

    Args:
        detected: NaN where nothing was detected; each joint is there in some frame.
        gt: the truth, without NaN, in the same unit.
        fps: frames per second.
    """
    frames = len(gt)
    known = np.asarray(np.isfinite(detected).all(axis=2))
    rows = np.arange(frames)
    filled = interpolate(detected.reshape(frames, -1), rows, rows).reshape(gt.shape)
    scale, centre = body_scale(detected), filled.mean(axis=(0, 1))
    deep = [(0, 0), (0, 0), (0, 3 - gt.shape[2])]
    shown, truth = (np.pad((poses - centre) / scale, deep).astype(np.float32) for poses in (filled, gt))
    return (
        np.ascontiguousarray(shown.transpose(1, 0, 2)),
        np.ascontiguousarray(truth.transpose(1, 0, 2)),
        known.T.astype(np.float32),
        features(shown, known, fps, tuned_periods(shown)),
    )


def _seen(motion: Motion, frames: int, rng: np.random.Generator) -> tuple[Float[np.ndarray, "T J D"], float]:
    """A stretch of motion at a drawn rate, speed and direction, in 3D or as a pinhole camera sees it; its
    fps."""
    while True:
        fps, speed = (float(np.exp(rng.uniform(*np.log(pair)))) for pair in (FPS, SPEED))
        step = motion.fps * speed / fps
        length = (frames - 1) * step
        if length <= len(motion.joints) - 1:
            break
    first = rng.uniform(0, len(motion.joints) - 1 - length)
    start, stop = max(0, int(first) - 3), min(len(motion.joints), int(first + length) + 5)
    spline = CubicSpline(np.arange(start, stop), motion.joints[start:stop].astype(np.float64), axis=0)
    poses = np.asarray(spline(np.minimum(first + step * np.arange(frames), stop - 1)))
    if rng.random() < 0.5:
        poses = poses[::-1]
    poses = _turned(poses - poses.mean(axis=(0, 1)), rng)
    if rng.random() < 0.4:
        poses = poses - poses[:, :1]
    if rng.random() < 0.5:
        depth = poses[..., 2] - poses[..., 2].min() + rng.uniform(1.5, 6.0)
        return poses[..., :2] / depth[..., None] * 1000, fps
    return poses, fps


def _turned(poses: Float[np.ndarray, "T J 3"], rng: np.random.Generator) -> Float[np.ndarray, "T J 3"]:
    around, tilt = rng.uniform(0, 2 * np.pi), rng.uniform(-0.4, 0.4)
    c, s = np.cos(around), np.sin(around)
    yaw = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    c, s = np.cos(tilt), np.sin(tilt)
    pitch = np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    return poses @ (pitch @ yaw).T
