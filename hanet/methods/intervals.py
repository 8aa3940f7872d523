"""How far a refined joint may be from the truth: the radius that holds nine of ten errors, from the poses
alone.

The radius follows from what the refiner took away nearby, what is left that is rough, how fast the joint
moves and how far the next detection is, by a linear model of logarithms. `stages.intervals` fits it to motion
capture with drawn errors by quantile regression (Koenker and Bassett 1978) and widens it by a conformal
factor (Vovk et al. 2005) from people that it was not fitted to.

What an estimator gets wrong all the time looks like motion and cannot be seen without truth. So the radius
does not hold it, see docs/results/intervals.md. `Intervals.widened` learns such errors from poses with their
truth.

Axes: T frames, J joints, D numbers per joint, F features.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.resources import files

import numpy as np
from jaxtyping import Bool, Float

from hanet.poses.gaps import interpolate
from hanet.poses.scale import body_scale, known_joints, squared_lengths

SHARE = 0.9
"""Share of the errors that a radius holds."""
NEAR, WIDE = 0.1, 0.5
"""Seconds, as standard deviations, of the means over time."""
FLOOR = 2e-4
"""Body scales below which lengths are not told apart."""
FEATURES = (
    "one",
    "log distance moved, near",
    "log distance moved, wide",
    "log distance moved, of the whole body",
    "log distance moved, this frame",
    "log roughness of the detections",
    "log roughness of the result",
    "log speed",
    "log acceleration",
    "log seconds to a detection",
    "log frame rate",
    "two dimensions",
)


@dataclass(frozen=True)
class Intervals:
    """A model of radii.

    Attributes:
        weights: of `FEATURES`, whose sum is the log radius in body scales.
        factor: on the radius.
        bias: body scales that the estimator is off all the time; squares of it and of the radius add up.
    """

    weights: tuple[float, ...]
    factor: float = 1.0
    bias: float = 0.0

    def __post_init__(self) -> None:
        if (
            len(self.weights) != len(FEATURES)
            or not np.isfinite([*self.weights, self.factor, self.bias]).all()
        ):
            raise ValueError(f"expected {len(FEATURES)} finite weights, a finite factor and a finite bias")

    def radii(
        self, detected: Float[np.ndarray, "T J D"], refined: Float[np.ndarray, "T J D"], fps: float
    ) -> Float[np.ndarray, "T J"]:
        """Radii around the refined poses, in their unit; NaN where a joint is missing.

        Args:
            detected: NaN where nothing was detected.
            refined: the same frames.
            fps: frames per second.
        """
        there = known_joints(refined)
        log = features(detected, refined, fps) @ np.array(self.weights)
        radius = np.hypot(self.factor * np.exp(np.clip(log, -12.0, 3.0)), self.bias) * body_scale(detected)
        return np.where(there, radius, np.nan)

    def scaled(self, known: Sequence[Known]) -> Intervals:
        """The model multiplied so that its radii hold `SHARE` of known errors.

        Raises:
            ValueError: no error is known.
        """
        return replace(self, factor=self.factor * reached(known, lambda one: one.error / one.radius))

    def widened(self, known: Sequence[Known]) -> Intervals:
        """The model with the bias with which its radii hold `SHARE` of known errors; none if they do without.

        Raises:
            ValueError: no error is known.
        """
        more = reached(known, lambda one: (one.error**2 - one.radius**2) / one.scale**2)
        return replace(self, bias=float(np.sqrt(max(self.bias**2 + more, 0.0))))


@dataclass(frozen=True, eq=False)
class Known:
    """A refined sequence with its truth.

    Attributes:
        error: distance of each joint from the truth; NaN where it is not known.
        radius: by the model, in the same unit.
        scale: `body_scale`.
    """

    error: Float[np.ndarray, "T J"]
    radius: Float[np.ndarray, "T J"]
    scale: float


def reached(known: Sequence[Known], score: Callable[[Known], Float[np.ndarray, "T J"]]) -> float:
    """The score that `SHARE` of the frames and joints do not exceed, each sequence counted alike.

    Raises:
        ValueError: no score is finite.
    """
    scores, counts = [], []
    for one in known:
        each = score(one)
        if len(each := each[np.isfinite(each)]):
            scores.append(each)
            counts.append(np.full(len(each), 1 / len(each)))
    if not scores:
        raise ValueError("no error is known, so no radius can be judged")
    values, count = np.concatenate(scores), np.concatenate(counts)
    order = np.argsort(values)
    at = np.searchsorted(np.cumsum(count[order]), SHARE * count.sum() - 1e-12)
    return float(values[order][min(int(at), len(values) - 1)])


def covered(error: Float[np.ndarray, "T J"], radius: Float[np.ndarray, "T J"]) -> float:
    """Share of the known errors of a sequence that the radii hold; NaN where none is known."""
    both = np.isfinite(error) & np.isfinite(radius)
    return float((error <= radius)[both].mean()) if both.any() else float("nan")


def features(
    detected: Float[np.ndarray, "T J D"], refined: Float[np.ndarray, "T J D"], fps: float
) -> Float[np.ndarray, "T J F"]:
    """What the radius follows from, see `FEATURES`; all lengths in body scales."""
    T, J, D = detected.shape
    known = known_joints(detected)
    scale = body_scale(detected)
    y, x = (_filled(poses) / scale for poses in (detected, refined))

    def mean(squares: Float[np.ndarray, "T J"], seconds: float) -> Float[np.ndarray, "T J"]:
        from scipy.ndimage import gaussian_filter1d

        return gaussian_filter1d(squares, seconds * fps, axis=0, mode="nearest", truncate=3.0)

    def log(square: np.ndarray) -> np.ndarray:
        return np.log(np.sqrt(square) + FLOOR)

    moved = squared_lengths(y - x) * known
    count = [mean(known.astype(np.float64), seconds) + 1e-6 for seconds in (NEAR, WIDE)]
    near, wide = (mean(moved, seconds) / c for seconds, c in zip((NEAR, WIDE), count, strict=True))
    columns = [
        np.ones((T, J)),
        log(near),
        log(wide),
        np.repeat(log(near).mean(axis=1, keepdims=True), J, axis=1),
        log(np.where(known, moved, near)),
        log(mean(_difference(y, 3) / 20, NEAR)),
        log(mean(_difference(x, 3) / 20, NEAR)),
        log(mean(_difference(x, 1), NEAR) * fps**2 * 1e-2),
        log(mean(_difference(x, 2), NEAR) * fps**4 * 1e-4),
        np.log1p(_frames_away(known) / fps * 10),
        np.full((T, J), np.log(fps / 30)),
        np.full((T, J), float(D == 2)),
    ]
    return np.stack(columns, axis=2)


def _filled(poses: Float[np.ndarray, "T J D"]) -> Float[np.ndarray, "T J D"]:
    """Gaps as straight lines; a joint that is never there at 0."""
    values = poses.astype(np.float64)
    if not known_joints(values).all():
        rows = np.arange(len(values))
        values = interpolate(values.reshape(len(values), -1), rows, rows).reshape(values.shape)
        values = np.nan_to_num(values)
    return values


def _difference(x: Float[np.ndarray, "T J D"], order: int) -> Float[np.ndarray, "T J"]:
    """Squared lengths of differences over time; at the ends the nearest one."""
    T = len(x)
    if order >= T:
        return np.zeros(x.shape[:2])
    before = order // 2
    return np.pad(squared_lengths(np.diff(x, order, axis=0)), ((before, order - before), (0, 0)), mode="edge")


def _frames_away(known: Bool[np.ndarray, "T J"]) -> Float[np.ndarray, "T J"]:
    """Frames to the nearest detection."""
    T = len(known)
    rows = np.arange(T)[:, None]
    last = np.maximum.accumulate(np.where(known, rows, -T), axis=0)
    following = np.minimum.accumulate(np.where(known, rows, 2 * T)[::-1], axis=0)[::-1]
    return np.minimum(rows - last, following - rows).astype(np.float64)


@lru_cache(maxsize=1)
def packaged() -> Intervals:
    """The model that comes with the package, for results of the general refiner."""
    content = json.loads((files("hanet") / "weights" / "intervals.json").read_text(encoding="utf-8"))
    return Intervals(tuple(map(float, content["weights"].values())), float(content["factor"]))
