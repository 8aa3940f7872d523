"""Simulated 2D detections: true keypoints plus the errors that detectors make.

Three kinds of error, each with its own cause in real detectors: jitter (partly correlated in time), bursts in
which an occluded limb is detected elsewhere, and spans in which left and right swap. All sizes are fractions
of the person's size (the longer side of the box), all times are seconds, so errors do not depend on
resolution or frame rate.

Axes: T frames, J joints.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.signal import lfilter

from hanet.estimators.common.spans import random_spans
from hanet.estimators.fcn.options import DetectorErrors
from hanet.poses.frame_kinds import FRAME_KINDS
from hanet.poses.names import name_seed
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import Skeleton

JITTER_DEVIATIONS = 3.0
"""A frame is of kind jitter where jitter and drift move a joint further than this, in standard deviations."""
# joints further out are detected less accurately
_FAR = {"wrist": 1.6, "ankle": 1.4, "elbow": 1.2, "knee": 1.1}
_LIMBS = tuple(f"{s}_{p}" for s in "lr" for p in ("arm", "leg"))
_LIMB_JOINTS = {"arm": ("elbow", "wrist"), "leg": ("knee", "ankle")}


def detect(truth: PoseSequence, errors: DetectorErrors, *, seed: int) -> PoseSequence:
    """Simulate detections of true keypoints; the same seed and sequence name give the same detections.

    Scores (T, J) are lower where an error was added, though not perfectly correlated, like a detector's
    confidence. NaN stays NaN.

    Raises:
        ValueError: `truth` is not 2D or has no person boxes, which give the sizes.
    """
    found = _simulate(truth, errors, seed=seed)
    values = truth.values + found.shift
    values = np.take_along_axis(values, found.taken[..., None], axis=1)
    score = 0.9 - 0.45 * found.lost - 0.15 * found.swapped + found.doubt
    return replace(
        truth, values=values.astype(np.float32), scores=np.clip(score, 0.05, 1.0).astype(np.float32)
    )


def frame_kinds(truth: PoseSequence, errors: DetectorErrors, *, seed: int) -> Int[np.ndarray, " T"]:
    """What `detect` does to each frame with the same arguments, by number in `FRAME_KINDS`."""
    found = _simulate(truth, errors, seed=seed)
    kinds = np.where(found.noise.max(axis=1) > JITTER_DEVIATIONS, FRAME_KINDS.index("jitter"), 0)
    kinds[found.lost.any(axis=1)] = FRAME_KINDS.index("burst")
    kinds[found.swapped.any(axis=1)] = FRAME_KINDS.index("swap")
    return kinds


class _Errors(NamedTuple):
    """All errors of a track."""

    noise: Float[np.ndarray, "T J"]
    """Distance by jitter and drift, in their standard deviations."""
    shift: Float[np.ndarray, "T J 2"]
    """By jitter, drift and bursts, in pixels."""
    taken: Int[np.ndarray, "T J"]
    """Which joint each joint is taken for."""
    lost: Bool[np.ndarray, "T J"]
    """In a burst, after swaps."""
    swapped: Bool[np.ndarray, "T J"]
    doubt: Float[np.ndarray, "T J"]
    """Noise of the scores."""


def _simulate(truth: PoseSequence, errors: DetectorErrors, *, seed: int) -> _Errors:
    if truth.representation != "2d" or truth.boxes is None:
        raise ValueError(f"{truth.name}: detections need 2D keypoints with person boxes")
    rng = np.random.default_rng(name_seed(seed, f"{truth.name}:{truth.track}:{truth.start}"))
    T, J = truth.values.shape[:2]
    # A person's size changes slowly; the longest side over the track keeps crouching from shrinking errors.
    size = np.nanmedian((truth.boxes[:, 2:] - truth.boxes[:, :2]).max(axis=1))
    weight = np.array([_FAR.get(j[2:], 1.0) for j in truth.skeleton.joints])

    decay = np.exp(-1.0 / (errors.drift_time * truth.fps))
    noise = errors.jitter * rng.standard_normal((T, J, 2))
    noise += errors.drift * _correlated(rng, (T, J, 2), decay)
    shift, lost = _bursts(rng, truth, errors)
    taken = _swaps(rng, T, truth.skeleton, truth.fps, errors)
    deviation = np.hypot(errors.jitter, errors.drift)
    return _Errors(
        noise=np.linalg.norm(noise, axis=-1) / (deviation or 1.0),
        shift=size * (noise * weight[:, None] + shift),
        taken=taken,
        lost=np.take_along_axis(lost, taken, axis=1),
        swapped=taken != np.arange(J),
        doubt=0.06 * rng.standard_normal((T, J)),
    )


def _correlated(rng: np.random.Generator, shape: tuple[int, ...], decay: float) -> Float[np.ndarray, "T J 2"]:
    """A stationary first-order autoregression of unit variance along the first axis."""
    innovation = rng.standard_normal(shape) * np.sqrt(1 - decay**2)
    innovation[0] /= np.sqrt(1 - decay**2)
    return np.asarray(lfilter([1.0], [1.0, -decay], innovation, axis=0))


def _bursts(
    rng: np.random.Generator, truth: PoseSequence, errors: DetectorErrors
) -> tuple[Float[np.ndarray, "T J 2"], Bool[np.ndarray, "T J"]]:
    T, J = truth.values.shape[:2]
    shift, lost = np.zeros((T, J, 2)), np.zeros((T, J), dtype=bool)
    for limb in _LIMBS:
        joints = [truth.skeleton.index(f"{limb[0]}_{part}") for part in _LIMB_JOINTS[limb[2:]]]
        for a, b in random_spans(rng, T, truth.fps, errors.burst_rate, errors.burst_time):
            towards = errors.burst_size * rng.standard_normal((1, 1, 2))
            own = 0.3 * errors.burst_size * rng.standard_normal((b - a, len(joints), 2))
            # The end of the limb is displaced furthest.
            reach = np.linspace(0.5, 1.0, len(joints))[:, None]
            shift[a:b, joints] += (towards + own) * reach
            lost[a:b, joints] = True
    return shift, lost


def _swaps(
    rng: np.random.Generator, T: int, skeleton: Skeleton, fps: float, errors: DetectorErrors
) -> Int[np.ndarray, "T J"]:
    """The joint reported as joint j at frame t: its mirror image within a swap, else itself."""
    found = np.tile(np.arange(len(skeleton)), (T, 1))
    for parts in (("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle")):
        joints = np.array([skeleton.index(f"{s}_{p}") for s in "lr" for p in parts])
        for a, b in random_spans(rng, T, fps, errors.swap_rate, errors.swap_time):
            found[a:b, joints] = skeleton.mirror[found[a:b, joints]]
    return found
