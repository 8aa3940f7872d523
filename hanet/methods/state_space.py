"""Smoothers with a model of the motion or of outliers: Kalman/RTS, smoothing spline, Hampel.

Of the kind of `hanet.methods.smoothers`, whose table is here: `SMOOTHERS`.

Axes: T frames, C channels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float

from hanet.methods.smoothers import (
    Butterworth,
    ButterworthOnSpeed,
    Channels,
    Gaussian,
    Loess,
    Median,
    OneEuro,
    SavitzkyGolay,
    Smoother,
    cutoffs,
    odd_frames,
    require_positive,
)


@dataclass(frozen=True)
class Kalman(Smoother):
    """Kalman filter with the Rauch-Tung-Striebel smoother (AIAA Journal 1965), constant acceleration.

    Noise of the measurements is 1 in their own unit, so the only parameter is a ratio. The first position is
    the first measurement, of its uncertainty; speed and acceleration begin at those of the first frames, of
    large uncertainty.

    Attributes:
        trust_ratio: process noise (the standard deviation of the acceleration's change from frame to frame,
            per s²) in units of the measurements' noise; higher follows the measurements closer. None
            chooses.
    """

    name = "kalman"
    tuned, unit, linear = "trust_ratio", "", True
    trust_ratio: float | None = None

    def __post_init__(self) -> None:
        require_positive("trust_ratio", self.trust_ratio, "process noise")

    def shortest(self, fps: float) -> int:
        """Three frames have an acceleration."""
        return 3

    def smooth(self, values: Channels, fps: float) -> Channels:
        """Smoothed."""
        assert self.trust_ratio is not None
        dt = 1 / fps
        turn = np.array([[1, dt, dt**2 / 2], [0, 1, dt], [0, 0, 1]])
        push = np.array([dt**2 / 2, dt, 1.0])
        process = np.outer(push, push) * self.trust_ratio**2
        start = np.stack([values[0], (values[1] - values[0]) * fps, np.zeros_like(values[0])])
        return _smoothed(values, turn, process, start, np.diag([1.0, 10 * fps**2, 10 * fps**4]))

    def candidates(self, fps: float) -> list[Any]:
        """By the ratio that halves the amplitude at each of `cutoffs`."""
        if self.trust_ratio is not None:
            return [self]
        ratios = (2 * np.sin(np.pi * cutoffs(fps) / fps)) ** 3 * fps**2
        return [replace(self, trust_ratio=float(ratio)) for ratio in ratios]


def _smoothed(
    values: Channels, turn: np.ndarray, process: np.ndarray, state: np.ndarray, spread: np.ndarray
) -> Channels:
    """Filter and smoother for measurements of the first entry of the state, of noise 1.

    Covariances are the same for all channels; the state is (S, C).
    """
    T, unit = len(values), np.eye(len(turn))
    predicted = np.empty((T, *spread.shape))
    filtered = np.empty_like(predicted)
    states = np.empty((T, *state.shape))
    for t in range(T):
        state, spread = turn @ state, turn @ spread @ turn.T + process
        predicted[t] = spread
        gain = spread[:, :1] / (spread[0, 0] + 1)
        state = state + gain * (values[t] - state[0])
        left = unit - gain * unit[:1]
        spread = left @ spread @ left.T + gain @ gain.T
        filtered[t], states[t] = spread, state
    gains = np.linalg.solve(predicted[1:], turn @ filtered[:-1]).transpose(0, 2, 1)
    for t in range(T - 2, -1, -1):
        states[t] += gains[t] @ (states[t + 1] - turn @ states[t])
    return states[:, 0].copy()


@dataclass(frozen=True)
class GcvSpline(Smoother):
    """Cubic smoothing spline whose penalty generalized cross-validation chooses (Woltring, 1986).

    The choice is SciPy's, per channel and run, within cutoffs of 1 to 30 Hz.

    Attributes:
        cutoff: Hz, in place of the choice; the penalty is that of the Butterworth filter of this cutoff.
        smoothness: factor on the penalty; above 1 smoother.
    """

    name = "gcv_spline"
    tuned, unit, linear = "cutoff", "Hz", True
    cutoff: float | None = None
    smoothness: float = 1.0

    def __post_init__(self) -> None:
        require_positive("cutoff", self.cutoff, "Hz")
        require_positive("smoothness", self.smoothness, "times the penalty")

    def shortest(self, fps: float) -> int:
        """What SciPy's spline needs."""
        return 5

    def smooth(self, values: Channels, fps: float) -> Channels:
        """Smoothed."""
        return self.smooth_at(values, fps, self.chosen(values, fps))

    def smooth_at(self, values: Channels, fps: float, cutoff: Float[np.ndarray, " C"]) -> Channels:
        """Smoothed with the cutoff of each channel, as `chosen` gives them."""
        from scipy.interpolate import make_smoothing_spline

        scaled, middle, scale = _standardized(values)
        at = np.arange(len(values), dtype=np.float64)
        penalties = (fps / (2 * np.pi * cutoff)) ** 4
        result = np.empty_like(values)
        for c, penalty in enumerate(penalties):
            result[:, c] = make_smoothing_spline(at, scaled[:, c], lam=penalty)(at)
        return (result - 1) * scale + middle

    def chosen(self, values: Channels, fps: float) -> Float[np.ndarray, " C"]:
        """The cutoff of each channel in Hz, with `smoothness` applied; it takes a millisecond per frame."""
        if self.cutoff is not None:
            penalties = np.full(values.shape[1], (fps / (2 * np.pi * self.cutoff)) ** 4 * self.smoothness)
        else:
            scaled, _, _ = _standardized(values)
            best = np.array([_gcv_penalty(column) for column in scaled.T]) * self.smoothness
            low, high = ((fps / (2 * np.pi * limit)) ** 4 for limit in (30.0, 1.0))
            penalties = np.clip(best, low, high)
        return fps / (2 * np.pi * penalties**0.25)

    def candidates(self, fps: float) -> list[Any]:
        """Itself: it chooses while it smooths."""
        return [self]


def _standardized(values: Channels) -> tuple[Channels, np.ndarray, np.ndarray]:
    """Channels around 1 with a robust deviation of 1, which keeps SciPy's search stable."""
    middle = np.median(values, axis=0)
    spread = np.median(np.abs(values - middle), axis=0)
    scale = np.where(spread > 0, 1.4826 * spread, 1.0)
    return 1 + (values - middle) / scale, middle, scale


def _gcv_penalty(column: Float[np.ndarray, " T"]) -> float:
    """The penalty of least generalized cross-validation for a channel of frames one apart.

    SciPy searches it inside of `make_smoothing_spline` and does not return it. The spline that it makes
    is cubic: its third derivative's jump at a knot is the residual there over the penalty.
    """
    from scipy.interpolate import make_smoothing_spline

    at = np.arange(len(column), dtype=np.float64)
    spline = make_smoothing_spline(at, column)
    residual = column - spline(at)
    third = spline.derivative(3)((at[:-1] + at[1:]) / 2)
    jumps = np.diff(np.concatenate([[0.0], third, [0.0]]))
    # residual = penalty * jump at every knot, up to sign: the least-squares ratio.
    power = jumps @ jumps
    return float(abs(residual @ jumps) / power) if power > 0 else np.inf


@dataclass(frozen=True)
class Hampel(Smoother):
    """Replaces outliers by the median around them, and leaves everything else (Hampel, JASA 1974).

    Attributes:
        window: seconds, rounded to an odd number of frames; None takes 7 frames.
        n_sigma: deviations, robust ones of the window, from which a value is an outlier.
    """

    name = "hampel"
    tuned, unit, linear = "", "", False
    window: float | None = None
    n_sigma: float = 2.0

    def __post_init__(self) -> None:
        require_positive("window", self.window, "seconds")
        require_positive("n_sigma", self.n_sigma, "deviations")

    def frames(self, fps: float) -> int:
        """Odd number of frames of the window."""
        return 7 if self.window is None else max(3, odd_frames(self.window, fps))

    def shortest(self, fps: float) -> int:
        """A window."""
        return self.frames(fps)

    def smooth(self, values: Channels, fps: float) -> Channels:
        """Without outliers; half a window at both ends stays as it is."""
        k = self.frames(fps)
        around = np.lib.stride_tricks.sliding_window_view(values, k, axis=0)
        middle = np.median(around, axis=2)
        spread = np.median(np.abs(around - middle[..., None]), axis=2)
        result = values.copy()
        inner = result[k // 2 : len(values) - k // 2]
        with np.errstate(divide="ignore", invalid="ignore"):
            far = (np.abs(0.6745 * (inner - middle) / spread) > self.n_sigma) & (spread != 0)
        inner[far] = middle[far]
        return result

    def candidates(self, fps: float) -> list[Any]:
        """Itself: the rule is fixed."""
        return [self]


SMOOTHERS: dict[str, Callable[..., Smoother]] = {
    "butterworth": Butterworth,
    "butterworth_on_speed": ButterworthOnSpeed,
    "savitzky_golay": SavitzkyGolay,
    "gaussian": Gaussian,
    "median": Median,
    "loess": Loess,
    "one_euro": OneEuro,
    "kalman": Kalman,
    "gcv_spline": GcvSpline,
    "hampel": Hampel,
}
"""Smoothers by the name that ``--method`` takes; call one with its attributes as keyword arguments."""
