"""Fit a table of errors from detections with their truth.

Per joint, left and right together, in this order:

1. **Missing**: frames without a detection where the truth is known; spans give rate and mean length.
2. **Swaps**: frames in which a pair's joints are nearer to each other's truth: the summed distance to the
   mirrored truth is less than half of the straight one, and the true joints are at least `APART` apart. They
   are put right.
3. **Bursts**: frames whose error, minus the track's median error of that joint, is beyond `FAR` standard
   deviations of the joint (robust, from the median over all tracks). Their size is from the median too, as
   some are far larger than the rest.
4. **Bias, jitter, drift** from the frames that are left: the track's mean error; and white noise and a
   first-order autoregression fitted to the autocovariance of the rest at lags up to `LAGS` seconds, by least
   squares over a grid of correlation times. Lag k counts 1/(1+k): what is near in time decides how rough the
   noise is.

Left out: errors common to several joints, and that errors depend on the pose.

Axes: T frames, J joints, D coordinates, K lags.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from scipy.optimize import nnls

from hanet.estimators.measured.model import ErrorTable, JointErrors, SwapErrors, part_of
from hanet.poses.gaps import runs
from hanet.poses.sequence import PoseSequence, check_pair

APART = {"size": 0.05, "m": 0.1}
"""How far apart a pair's true joints are at least for a swap to be seen."""
FAR = 5.0
LAGS = 1.0
TIMES = np.geomspace(0.02, 1.0, 50)
"""Correlation times that are tried, seconds."""
SHORTEST = 2.0
"""Frames of the shortest correlation time; a shorter drift looks like white noise."""
_MEDIAN = {2: 1.1774, 3: 1.5382}
"""Median length of a vector of D standard normal numbers."""


@dataclass
class _Spans:
    """Events in time: starts, and seconds within and outside of them."""

    starts: int = 0
    inside: float = 0.0
    outside: float = 0.0

    def add(self, event: Bool[np.ndarray, " T"], seen: Bool[np.ndarray, " T"], fps: float) -> None:
        """Count the events of a track among the frames in which one could be seen."""
        event = event & seen
        self.starts += len(runs(event))
        self.inside += float(event.sum()) / fps
        self.outside += float((seen & ~event).sum()) / fps

    @property
    def rate(self) -> float:
        return self.starts / self.outside if self.outside else 0.0

    @property
    def time(self) -> float:
        return self.inside / self.starts if self.starts else 0.0


@dataclass
class _Joint:
    """What is gathered of one name of a joint."""

    missing: _Spans = field(default_factory=_Spans)
    errors: list[tuple[Float[np.ndarray, "T D"], float]] = field(default_factory=list)
    """Errors of each track (NaN where unknown), and frames per second."""


def fit(pairs: Iterable[tuple[PoseSequence, PoseSequence]], provenance: dict[str, Any]) -> ErrorTable:
    """The table of (detected, truth) tracks, all in one representation.

    Args:
        pairs: keypoints in pixels, whose truth has boxes, or joints in metres, both relative to their root.
            Detections that are NaN, not `labelled` or of score 0 are missing.
        provenance: for the table; numbers of tracks, frames and people are added.

    Raises:
        ValueError: no tracks, tracks that do not pair up, or keypoints without boxes.
    """
    joints: dict[str, _Joint] = {}
    swaps: dict[str, _Spans] = {}
    tracks, frames, people = 0, 0, set[str]()
    unit = "size"
    for detected, truth in pairs:
        check_pair(truth, detected)
        unit = "size" if truth.representation == "2d" else "m"
        size = person_size(truth) if unit == "size" else 1.0
        found, gt = known_values(detected, scores=True) / size, known_values(truth, scores=False) / size
        _missing(joints, truth, found, gt)
        found = _mended(swaps, truth, found, gt, APART[unit])
        for j, name in enumerate(truth.skeleton.joints):
            joints[part_of(name)].errors.append((found[:, j] - gt[:, j], truth.fps))
        tracks, frames = tracks + 1, frames + len(truth)
        people |= {truth.person} if truth.person else set()
    if not tracks:
        raise ValueError("expected tracks to fit errors from, got none")
    counted = {"tracks": tracks, "frames": frames, "people": len(people) or None}
    return ErrorTable(
        unit=unit,
        joints={name: _joint(one) for name, one in joints.items() if _usable(one)},
        swaps={name: SwapErrors(rate=one.rate, time=one.time) for name, one in swaps.items()},
        provenance=provenance | counted,
    )


def person_size(truth: PoseSequence) -> float:
    """The longer side of the person's box in pixels, its median over the track.

    Raises:
        ValueError: keypoints without boxes.
    """
    if truth.boxes is None:
        raise ValueError(f"{truth.name}: errors of keypoints are fractions of the person's box; give `boxes`")
    return float(np.nanmedian((truth.boxes[:, 2:] - truth.boxes[:, :2]).max(axis=1)))


def known_values(sequence: PoseSequence, *, scores: bool) -> Float[np.ndarray, "T J D"]:
    """Coordinates in double precision, NaN where not labelled or, with `scores`, of score 0."""
    values = sequence.values.astype(np.float64)
    if sequence.labelled is not None:
        values[~sequence.labelled] = np.nan
    if scores and sequence.scores is not None:
        values[sequence.scores <= 0] = np.nan
    return values


def _missing(joints: dict[str, _Joint], truth: PoseSequence, found: np.ndarray, gt: np.ndarray) -> None:
    there, known = (np.asarray(np.isfinite(values).all(axis=2)) for values in (found, gt))
    for j, name in enumerate(truth.skeleton.joints):
        joints.setdefault(part_of(name), _Joint()).missing.add(~there[:, j], known[:, j], truth.fps)


def _mended(
    swaps: dict[str, _Spans], truth: PoseSequence, found: np.ndarray, gt: np.ndarray, apart: float
) -> Float[np.ndarray, "T J D"]:
    """The detections with swapped pairs put right; the swaps are counted."""
    mended = found.copy()
    for j, other in enumerate(truth.skeleton.mirror):
        if other <= j:
            continue
        both = found[:, [j, other]]
        swapped, seen = swapped_pair(both, gt[:, [j, other]], apart)
        swaps.setdefault(part_of(truth.skeleton.joints[j]), _Spans()).add(swapped, seen, truth.fps)
        mended[:, [j, other]] = np.where(swapped[:, None, None], both[:, ::-1], both)
    return mended


def swapped_pair(
    found: Float[np.ndarray, "T 2 D"], gt: Float[np.ndarray, "T 2 D"], apart: float
) -> tuple[Bool[np.ndarray, " T"], Bool[np.ndarray, " T"]]:
    """Frames in which a left and a right joint are taken for each other, and frames in which that is seen.

    Args:
        found: both joints as detected; NaN where missing.
        gt: both joints in truth, in the same unit.
        apart: how far apart the true joints are at least for a swap to be seen.
    """
    straight = np.linalg.norm(found - gt, axis=2).sum(axis=1)
    crossed = np.linalg.norm(found - gt[:, ::-1], axis=2).sum(axis=1)
    between = np.linalg.norm(gt[:, 0] - gt[:, 1], axis=1)
    seen = np.asarray((between > apart) & np.isfinite(straight))
    return np.asarray(seen & (crossed < 0.5 * straight)), seen


def _usable(joint: _Joint) -> bool:
    return any(np.isfinite(errors).all(axis=1).sum() > 2 for errors, _ in joint.errors)


def _joint(joint: _Joint) -> JointErrors:
    tracks = [(errors, fps) for errors, fps in joint.errors if np.isfinite(errors).all(axis=1).any()]
    D = tracks[0][0].shape[1]
    centred = [errors - np.nanmedian(errors, axis=0) for errors, _ in tracks]
    lengths = [np.linalg.norm(errors, axis=1) for errors in centred]
    every = np.concatenate(lengths)
    scale = float(np.nanmedian(every)) / _MEDIAN[D]
    bursts, off, clean, biases = _Spans(), [], [], []
    for (errors, fps), distance in zip(tracks, lengths, strict=True):
        far = distance > FAR * scale
        bursts.add(far, np.isfinite(distance), fps)
        off.append(distance[far])
        rest = np.where(far[:, None], np.nan, errors)
        if np.isfinite(rest).all(axis=1).sum() > 2:
            mean = np.nanmean(rest, axis=0)
            biases.append(mean)
            clean.append((rest - mean, fps))
    off = np.concatenate(off)
    jitter, drift, time = _noise(clean)
    return JointErrors(
        bias=float(np.sqrt(np.mean(np.square(biases)))),
        jitter=jitter,
        drift=drift,
        drift_time=time,
        burst_rate=bursts.rate,
        burst_time=bursts.time,
        burst_size=float(np.median(off)) / _MEDIAN[D] if len(off) else 0.0,
        miss_rate=joint.missing.rate,
        miss_time=joint.missing.time,
    )


def _noise(clean: Sequence[tuple[Float[np.ndarray, "T D"], float]]) -> tuple[float, float, float]:
    """Standard deviations of white noise and of drift, and the drift's correlation time, seconds.

    The autocovariance of an autoregression and white noise is ``d²·exp(-lag/τ)``, and ``w²`` more at lag 0.
    The subtracted mean lowers it by a constant, which is fitted too.
    """
    fps = clean[0][1]
    K = max(3, int(LAGS * fps) + 1)
    total, count = np.zeros(K), np.zeros(K)
    for errors, rate in clean:
        if rate != fps:
            raise ValueError(f"expected tracks of one frame rate, got {fps:g} and {rate:g} per second")
        for k in range(min(K, len(errors))):
            product = errors[: len(errors) - k] * errors[k:]
            known = np.isfinite(product)
            total[k] += product[known].sum()
            count[k] += known.sum()
    lags = np.flatnonzero(count > 0)
    covariance = total[lags] / count[lags]
    # White noise is not a drift of less than two frames; the subtracted mean's constant is negative.
    tried = TIMES[TIMES * fps >= SHORTEST]
    emphasis = 1 / (1.0 + lags)
    best = (np.inf, np.zeros(3), tried[0])
    for time in tried:
        design = np.stack([lags == 0, np.exp(-lags / (fps * time)), -np.ones(len(lags))], axis=1)
        weights, error = nnls(design * emphasis[:, None], covariance * emphasis)
        if error < best[0]:
            best = (error, weights, time)
    _, (white, drift, _), time = best
    return float(np.sqrt(white)), float(np.sqrt(drift)), float(time)
