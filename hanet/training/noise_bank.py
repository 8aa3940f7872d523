"""Errors of pose estimators, drawn at random: what the general refiner learns to remove.

Every window draws its own kinds of error, their magnitudes and their correlation times, log-uniformly over
decades, so that no single estimator is imitated. Times are in seconds, so the bank suits any frame rate (15
to 240 a second were tried); lengths are shares of
`hanet.poses.scale.body_scale`, so it suits pixels, millimetres and metres.

Axes: T frames, J joints, D numbers per joint.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy.signal import lfilter

from hanet.poses.scale import body_scale

Rng = np.random.Generator


@dataclass(frozen=True)
class NoiseOptions:
    """How likely each kind of error is in a window, and how large it gets.

    Magnitudes are shares of the body scale, times seconds, rates per second and joint; a pair gives the
    lowest and highest value of a log-uniform draw.

    Attributes:
        clean: probability of a window without any error.
        processes: most processes of continuous error (jitter, drift, wander) that add up; at least one is
            drawn.
        size: standard deviation of a process.
        time: correlation time of a process that has one; below a frame it is as good as white.
        shared: probability that all joints share a part of a process (a moving crop or root).
        swell: largest spread, as a standard deviation of logarithms, of a process's size over time.
        spread: the same over joints, and over axes.
        speed: probability that errors grow with a joint's speed.
        bursts: probability of runs of frames in which a joint is far off.
        burst_size: how far.
        burst_rate: how often they begin.
        burst_time: how long they last.
        swaps: probability of runs in which left and right joints are swapped.
        inversions: probability of runs in which a joint is mirrored through its body's centre along one axis.
        dropouts: probability of runs without a detection.
        dropout_rate: how often they begin.
        dropout_time: how long they last.
        lag: probability that the detector's output trails, as an exponential mean over time.
        lag_time: the mean's time constant.
        held: probability that the detector gives a new pose only every second to fourth frame.
        quantised: probability that coordinates lie on a grid.
        grid: its step.
        scored: probability that confidences depend on the errors.
    """

    clean: float = 0.08
    processes: int = 2
    size: tuple[float, float] = (2e-4, 8e-2)
    time: tuple[float, float] = (1e-2, 2.0)
    shared: float = 0.4
    swell: float = 1.5
    spread: float = 1.2
    speed: float = 0.4
    bursts: float = 0.4
    burst_size: tuple[float, float] = (2e-2, 1.0)
    burst_rate: tuple[float, float] = (2e-2, 1.0)
    burst_time: tuple[float, float] = (1e-2, 0.4)
    swaps: float = 0.12
    inversions: float = 0.1
    dropouts: float = 0.25
    dropout_rate: tuple[float, float] = (5e-2, 2.0)
    dropout_time: tuple[float, float] = (1e-2, 0.6)
    lag: float = 0.15
    lag_time: tuple[float, float] = (1e-2, 8e-2)
    held: float = 0.04
    quantised: float = 0.12
    grid: tuple[float, float] = (1e-3, 2e-2)
    scored: float = 0.5

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if isinstance(value, tuple):
                if not 0 < value[0] <= value[1]:
                    raise ValueError(f"{name} must be two rising numbers above 0, got {value}")
            elif name in ("processes", "swell", "spread"):
                if value < (name == "processes"):
                    raise ValueError(f"{name} must be at least {int(name == 'processes')}, got {value}")
            elif not 0 <= value <= 1:
                raise ValueError(f"{name} must be a probability in [0, 1], got {value}")


@dataclass(frozen=True, eq=False)
class Noisy:
    """A window as an estimator might have given it.

    Attributes:
        values: detected poses; NaN where nothing was detected.
        scores: confidences in [0, 1]; 0 where nothing was detected.
    """

    values: Float[np.ndarray, "T J D"]
    scores: Float[np.ndarray, "T J"]


def corrupt(
    gt: Float[np.ndarray, "T J D"],
    fps: float,
    rng: Rng,
    *,
    options: NoiseOptions | None = None,
    mirror: Sequence[int] | None = None,
) -> Noisy:
    """Draw errors for true poses.

    Args:
        gt: true poses without NaN, in any unit.
        fps: frames per second.
        rng: source of randomness; equal states give equal errors.
        options: what is drawn; None takes the defaults.
        mirror: index that swaps left and right joints; None leaves swaps out.

    Raises:
        ValueError: poses with NaN, without frames, or a frame rate that is not positive.
    """
    if gt.ndim != 3 or not len(gt) or not np.isfinite(gt).all():
        raise ValueError(f"expected finite poses (T, J, D) with at least one frame, got shape {gt.shape}")
    if not 0 < fps < np.inf:
        raise ValueError(f"fps must be positive and finite, got {fps}")
    options = options or NoiseOptions()
    T, J = gt.shape[:2]
    if rng.random() < options.clean:
        return Noisy(gt.copy(), np.ones((T, J)))
    draw = _Draw(gt, fps, rng, options, body_scale(gt))
    values = draw.trailing(gt)
    values = values + draw.continuous()
    values = draw.runs_of_failure(values, mirror)
    values = draw.sampled(values)
    missing = draw.missing()
    scores = draw.scores(np.linalg.norm(values - gt, axis=-1), missing)
    return Noisy(np.where(missing[..., None], np.nan, values), scores)


@dataclass(frozen=True, eq=False)
class _Draw:
    """The draws of one window."""

    gt: Float[np.ndarray, "T J D"]
    fps: float
    rng: Rng
    options: NoiseOptions
    scale: float

    def happens(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    def between(self, pair: tuple[float, float]) -> float:
        return float(np.exp(self.rng.uniform(*np.log(pair))))

    def innovations(self, shape: tuple[int, ...], freedom: float | None) -> np.ndarray:
        """Independent draws of unit variance: normal, or Student's t of so many degrees of freedom."""
        if freedom is None:
            return self.rng.standard_normal(shape)
        return self.rng.standard_t(freedom, shape) * np.sqrt((freedom - 2) / freedom)

    def ar1(self, time: float, shape: tuple[int, ...], freedom: float | None = None) -> np.ndarray:
        """A stationary AR(1) process of unit variance along axis 0."""
        decay = np.exp(-1.0 / (time * self.fps))
        noise = self.innovations(shape, freedom)
        noise[1:] *= np.sqrt(1 - decay**2)
        return np.asarray(lfilter([1.0], [1.0, -decay], noise, axis=0))

    def trailing(self, values: np.ndarray) -> np.ndarray:
        """An exponential mean over the past, which trails the motion."""
        if not self.happens(self.options.lag):
            return values
        decay = np.exp(-1.0 / (self.between(self.options.lag_time) * self.fps))
        first = values[:1]
        return first + lfilter([1 - decay], [1.0, -decay], values - first, axis=0)

    def continuous(self) -> Float[np.ndarray, "T J D"]:
        """Sum of random processes, larger in some joints, axes and stretches of time, and where joints are
        fast."""
        T, J, D = self.gt.shape
        o = self.options
        error = np.zeros((T, J, D))
        for _ in range(self.rng.integers(1, o.processes + 1)):
            process = self._process()
            noise = process((T, J, D))
            if self.happens(o.shared):
                share = self.rng.random()
                noise = np.sqrt(1 - share) * noise + np.sqrt(share) * process((T, 1, D))
            spread = self.rng.uniform(0, o.spread, size=2)
            joints = np.exp(spread[0] * self.rng.standard_normal((1, J, 1)))
            axes = np.exp(spread[1] * self.rng.standard_normal(D))
            swell = self.rng.uniform(0, o.swell) * self.ar1(self.between((3e-2, 3.0)), (T, J, 1))
            error += self.between(o.size) * noise * joints * axes * np.exp(swell)
        if T > 1 and self.happens(o.speed):
            speed = (
                np.linalg.norm(np.gradient(self.gt, axis=0), axis=-1, keepdims=True) * self.fps / self.scale
            )
            growth = self.between((0.1, 3.0))
            error *= (1 + growth * speed) / (1 + growth)
        return error * self.scale

    def _process(self) -> Callable[[tuple[int, ...]], np.ndarray]:
        """Draws of one kind of process of unit variance: white, AR(1), or AR(1) twice (an estimator that
        smooths).

        Half of the kinds have heavy tails: Student's t.
        """
        order = int(self.rng.integers(3))
        time = self.between(self.options.time)
        freedom = self.between((2.5, 30.0)) if self.happens(0.5) else None

        def draw(shape: tuple[int, ...]) -> np.ndarray:
            if order == 0:
                return self.innovations(shape, freedom)
            first = self.ar1(time, shape, freedom)
            if order == 1:
                return first
            decay = np.exp(-1.0 / (time * self.fps))
            second = lfilter([1 - decay], [1.0, -decay], first, axis=0, zi=decay * first[:1])[0]
            return second * (1 + decay) / np.sqrt(1 + decay**2)

        return draw

    def some_runs(self, rate: float, time: tuple[float, float], columns: int) -> Bool[np.ndarray, "T N"]:
        """Runs of True in N independent columns: `rate` begin per second, each lasts log-uniformly long."""
        T = len(self.gt)
        begins = self.rng.random((T, columns)) < rate / self.fps
        mask = np.zeros((T, columns), dtype=bool)
        for row, column in np.argwhere(begins):
            frames = max(1, round(self.between(time) * self.fps))
            mask[row : row + frames, column] = True
        return mask

    def runs_of_failure(self, values: np.ndarray, mirror: Sequence[int] | None) -> np.ndarray:
        """Bursts, inversions and swaps."""
        o = self.options
        J, D = values.shape[1:]
        if self.happens(o.bursts):
            mask = self.some_runs(self.between(o.burst_rate), o.burst_time, J)
            size = self.between(o.burst_size) * self.scale
            away = self.ar1(self.between((2e-2, 1.0)), values.shape) * size
            values = values + np.where(mask[..., None], away, 0.0)
        if self.happens(o.inversions):
            mask = self.some_runs(self.between(o.burst_rate), o.burst_time, J)
            axis = np.arange(D) == self.rng.integers(D)
            centre = values.mean(axis=1, keepdims=True)
            values = np.where(mask[..., None] & axis, 2 * centre - values, values)
        if mirror is not None and self.happens(o.swaps):
            rate = self.between(o.burst_rate)
            whole = self.some_runs(rate, o.burst_time, 1)
            each = self.some_runs(rate, o.burst_time, J)
            pair = np.minimum(np.arange(J), np.asarray(mirror))
            mask = (each[:, pair] if self.happens(0.6) else whole)[..., None]
            values = np.where(mask, values[:, list(mirror)], values)
        return values

    def sampled(self, values: np.ndarray) -> np.ndarray:
        """Poses held over some frames, and coordinates on a grid."""
        o = self.options
        if self.happens(o.held):
            every = int(self.rng.integers(2, 5))
            values = values[np.arange(len(values)) // every * every]
        if self.happens(o.quantised):
            step = self.between(o.grid) * self.scale
            values = np.round(values / step) * step
        return values

    def missing(self) -> Bool[np.ndarray, "T J"]:
        """Runs without a detection, of single joints or of the whole body; one frame of each joint stays."""
        T, J = self.gt.shape[:2]
        if not self.happens(self.options.dropouts):
            return np.zeros((T, J), dtype=bool)
        o = self.options
        rate = self.between(o.dropout_rate)
        mask = self.some_runs(rate, o.dropout_time, J) | self.some_runs(rate / 4, o.dropout_time, 1)
        mask[0] &= ~mask.all(axis=0)
        return mask

    def scores(
        self, error: Float[np.ndarray, "T J"], missing: Bool[np.ndarray, "T J"]
    ) -> Float[np.ndarray, "T J"]:
        """Confidences that fall with the error, more or less reliably."""
        scores = np.ones(error.shape)
        if self.happens(self.options.scored):
            reach = self.between((2e-2, 2.0)) * self.scale
            doubt = self.rng.uniform(0.1, 1.5) * self.ar1(self.between((2e-2, 1.0)), error.shape)
            best = self.rng.uniform(0.3, 1.0, size=(1, error.shape[1]) if self.happens(0.5) else 1)
            scores = best / (1 + (error / reach * np.exp(doubt)) ** 2)
        return np.where(missing, 0.0, scores)
