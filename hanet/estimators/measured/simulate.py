"""Draw detections of true keypoints with the errors of a measured detector.

Axes: T frames, J joints.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.signal import lfilter

from hanet.estimators.common.spans import random_spans
from hanet.estimators.measured.model import ErrorTable, JointErrors, part_of
from hanet.poses.frame_kinds import FRAME_KINDS
from hanet.poses.gaps import interpolate
from hanet.poses.names import name_seed
from hanet.poses.sequence import PoseSequence

JITTER_DEVIATIONS = 3.0
"""A frame is of kind jitter where bias, jitter and drift move a joint further, in standard deviations."""


def detect(truth: PoseSequence, table: ErrorTable, *, seed: int) -> PoseSequence:
    """Simulate detections of true keypoints; the same seed and sequence name give the same detections.

    A joint that the detector misses is interpolated in time (the nearest value at the ends) with score 0.
    Other scores (T, J) are lower where the joint is in a burst or swapped. NaN stays NaN.

    Raises:
        ValueError: `truth` is not 2D or has no person boxes; a table of 3D joints, or one that lacks a joint.
    """
    found = _simulate(truth, table, seed=seed)
    values = np.take_along_axis(truth.values + found.shift, found.taken[..., None], axis=1)
    score = np.clip(0.9 - 0.45 * found.lost - 0.15 * found.swapped + found.doubt, 0.05, 1.0)
    values[found.missed] = np.nan
    rows, T = np.arange(len(truth)), len(truth)
    filled = interpolate(values.reshape(T, -1).astype(np.float64), rows, rows).reshape(values.shape)
    filled[np.isnan(truth.values)] = np.nan
    return replace(
        truth,
        values=filled.astype(np.float32),
        scores=np.where(found.missed, 0.0, score).astype(np.float32),
    )


def frame_kinds(truth: PoseSequence, table: ErrorTable, *, seed: int) -> Int[np.ndarray, " T"]:
    """What `detect` does to each frame with the same arguments, by number in `FRAME_KINDS`.

    Misses count as bursts.
    """
    found = _simulate(truth, table, seed=seed)
    kinds = np.where(found.noise.max(axis=1) > JITTER_DEVIATIONS, FRAME_KINDS.index("jitter"), 0)
    kinds[(found.lost | found.missed).any(axis=1)] = FRAME_KINDS.index("burst")
    kinds[found.swapped.any(axis=1)] = FRAME_KINDS.index("swap")
    return kinds


class _Errors(NamedTuple):
    """All errors of a track."""

    noise: Float[np.ndarray, "T J"]
    """Distance by bias, jitter and drift, in their standard deviations."""
    shift: Float[np.ndarray, "T J 2"]
    """Pixels."""
    taken: Int[np.ndarray, "T J"]
    """Which joint each joint is taken for."""
    lost: Bool[np.ndarray, "T J"]
    missed: Bool[np.ndarray, "T J"]
    swapped: Bool[np.ndarray, "T J"]
    doubt: Float[np.ndarray, "T J"]
    """Noise of the scores."""


def _simulate(truth: PoseSequence, table: ErrorTable, *, seed: int) -> _Errors:
    if truth.representation != "2d" or truth.boxes is None:
        raise ValueError(f"{truth.name}: detections need 2D keypoints with person boxes")
    if table.unit != "size":
        raise ValueError("expected a table of keypoints' errors (unit size), got one of 3D joints (unit m)")
    rng = np.random.default_rng(name_seed(seed, f"{truth.name}:{truth.track}:{truth.start}"))
    T, J = truth.values.shape[:2]
    size = np.nanmedian((truth.boxes[:, 2:] - truth.boxes[:, :2]).max(axis=1))
    noise, shift = np.zeros((T, J)), np.zeros((T, J, 2))
    lost, missed = np.zeros((T, J), dtype=bool), np.zeros((T, J), dtype=bool)
    for j, joint in enumerate(truth.skeleton.joints):
        errors = table.of_joint(joint)
        steady = _noise(rng, T, truth.fps, errors)
        spread = np.sqrt(errors.bias**2 + errors.jitter**2 + errors.drift**2)
        noise[:, j] = np.linalg.norm(steady, axis=1) / (spread or 1.0)
        shift[:, j] = steady
        for a, b in random_spans(rng, T, truth.fps, errors.burst_rate, errors.burst_time):
            shift[a:b, j] += errors.burst_size * rng.standard_normal(2)
            lost[a:b, j] = True
        for a, b in random_spans(rng, T, truth.fps, errors.miss_rate, errors.miss_time):
            missed[a:b, j] = True
    taken = _swaps(rng, truth, table)
    missed &= ~missed.all(axis=0)  # a joint that is never found could not be filled in
    return _Errors(
        noise=noise,
        shift=size * shift,
        taken=taken,
        lost=np.take_along_axis(lost, taken, axis=1),
        missed=missed,
        swapped=taken != np.arange(J),
        doubt=0.06 * rng.standard_normal((T, J)),
    )


def _noise(rng: np.random.Generator, T: int, fps: float, errors: JointErrors) -> Float[np.ndarray, "T 2"]:
    decay = np.exp(-1.0 / (errors.drift_time * fps))
    innovation = rng.standard_normal((T, 2)) * np.sqrt(1 - decay**2)
    innovation[0] /= np.sqrt(1 - decay**2)
    drift = np.asarray(lfilter([1.0], [1.0, -decay], innovation, axis=0))
    white = rng.standard_normal((T, 2))
    return errors.bias * rng.standard_normal(2) + errors.jitter * white + errors.drift * drift


def _swaps(rng: np.random.Generator, truth: PoseSequence, table: ErrorTable) -> Int[np.ndarray, "T J"]:
    """The joint reported as joint j at frame t: its mirror image within a swap of the pair, else itself."""
    T, joints = len(truth), truth.skeleton.joints
    found = np.tile(np.arange(len(joints)), (T, 1))
    for j, other in enumerate(truth.skeleton.mirror):
        errors = table.swaps.get(part_of(joints[j]))
        if other <= j or errors is None:
            continue
        for a, b in random_spans(rng, T, truth.fps, errors.rate, errors.time):
            found[a:b, [j, other]] = [other, j]
    return found
