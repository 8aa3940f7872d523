"""Smoothing filters for poses of any estimator: parameters in seconds and hertz, or chosen from the data.

A smoother takes one run of frames without a gap, (T, C) channels at a frame rate, and returns as many. A
parameter that is None is chosen by `hanet.methods.tuned` from `candidates`. Where the package Pose2Sim has
the same filter, its results are these, to rounding; `hanet.methods.smoothing` does gaps and joints.

`hanet.methods.filters` holds the filters of the pipeline's tables, whose parameters are frames.

Axes: T frames, C channels.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Any, ClassVar, cast

import numpy as np
from jaxtyping import Float

from hanet.methods.filters import one_euro, savitzky_golay

Channels = Float[np.ndarray, "T C"]
SLOWEST, FASTEST = 1.0, 20.0
"""Cutoffs that are tried, in Hz; Winter (Biomechanics and Motor Control of Human Movement) finds 3 to 10 Hz
for human motion."""
LONGEST = 1.0
"""Longest window that is tried, in seconds."""
_TRIED = 16


class Smoother(ABC):
    """What each class of this module is; all are frozen dataclasses.

    Attributes:
        name: as ``--method`` takes it.
        tuned: the parameter that may be None, or an empty name.
        unit: of that parameter.
        linear: whether a sum of inputs gives the sum of their outputs.
    """

    name: ClassVar[str]
    tuned: ClassVar[str]
    unit: ClassVar[str]
    linear: ClassVar[bool]

    @abstractmethod
    def shortest(self, fps: float) -> int:
        """Fewest frames of a run that is changed; shorter ones are returned as they are."""

    @abstractmethod
    def smooth(self, values: Channels, fps: float) -> Channels:
        """A run of at least `shortest` frames, finite float64, smoothed."""

    @abstractmethod
    def candidates(self, fps: float) -> list[Any]:
        """The smoother, or where its parameter is None one for each value to try, lightest last."""


def cutoffs(fps: float) -> Float[np.ndarray, " P"]:
    """Cutoffs to try in Hz, rising: from `SLOWEST` to `FASTEST`, or to 45 % of a low frame rate."""
    return np.geomspace(min(SLOWEST, fps / 20), min(FASTEST, 0.45 * fps), _TRIED)


def odd_frames(seconds: float, fps: float) -> int:
    """The odd number of frames nearest to a time, at least 1."""
    return 2 * max(0, round((seconds * fps - 1) / 2)) + 1


def _windows(fps: float, shortest: int, longest: float = LONGEST) -> list[float]:
    """Odd windows to try in seconds, falling, no shorter than so many frames."""
    most = max(shortest, odd_frames(longest, fps))
    frames = {odd_frames(float(w), 1.0) for w in np.geomspace(shortest, most, _TRIED)}
    return [frame / fps for frame in sorted(frames, reverse=True)]


def require_positive(name: str, value: float | None, unit: str) -> None:
    if value is not None and not 0 < value < np.inf:
        raise ValueError(f"{name} must be a positive number of {unit}, got {value}")


@dataclass(frozen=True)
class Butterworth(Smoother):
    """Zero-phase Butterworth low-pass: `order` / 2 forwards and again backwards (Winter, chapter 2).

    Attributes:
        cutoff: Hz, below half of the frame rate; None chooses.
        order: of both passes together, even.
    """

    name = "butterworth"
    tuned, unit, linear = "cutoff", "Hz", True
    cutoff: float | None = None
    order: int = 4

    def __post_init__(self) -> None:
        require_positive("cutoff", self.cutoff, "Hz")
        if self.order < 2 or self.order % 2:
            raise ValueError(f"order must be an even number of at least 2, got {self.order}")

    def shortest(self, fps: float) -> int:
        """Longer than the padding of `scipy.signal.filtfilt`."""
        return 3 * (self.order // 2 + 1) + 1

    def smooth(self, values: Channels, fps: float) -> Channels:
        """Low-passed.

        Raises:
            ValueError: a cutoff of half of the frame rate or more.
        """
        from scipy.signal import butter, filtfilt

        assert self.cutoff is not None
        if self.cutoff >= fps / 2:
            raise ValueError(
                f"{self.name}: cutoff must be below half of the frame rate, {fps / 2:g} Hz, got "
                f"{self.cutoff:g}"
            )
        b, a = cast("tuple[np.ndarray, np.ndarray]", butter(self.order // 2, self.cutoff / (fps / 2)))
        return filtfilt(b, a, values, axis=0)

    def candidates(self, fps: float) -> list[Any]:
        """By cutoff."""
        if self.cutoff is not None:
            return [self]
        return [replace(self, cutoff=float(cutoff)) for cutoff in cutoffs(fps)]


@dataclass(frozen=True)
class ButterworthOnSpeed(Butterworth):
    """`Butterworth` on the differences between frames, which are then summed up from the first position.

    It keeps sudden ends of a motion sharper, and may drift over long tracks.
    """

    name = "butterworth_on_speed"

    def shortest(self, fps: float) -> int:
        """As `Butterworth`."""
        return super().shortest(fps)

    def smooth(self, values: Channels, fps: float) -> Channels:
        """Low-passed differences, summed."""
        steps = np.diff(values, axis=0)
        # Frame 0 has no step; half of the next one lets filtfilt begin without a jump.
        steps = np.concatenate([steps[:1] / 2, steps])
        return np.cumsum(super().smooth(steps, fps), axis=0) + values[0]


@dataclass(frozen=True)
class SavitzkyGolay(Smoother):
    """Least-squares polynomial over a sliding window, see `hanet.methods.filters.SavitzkyGolay`.

    Attributes:
        window: seconds, rounded to an odd number of frames; None chooses.
        order: of the polynomial.
    """

    name = "savitzky_golay"
    tuned, unit, linear = "window", "s", True
    window: float | None = None
    order: int = 3

    def __post_init__(self) -> None:
        require_positive("window", self.window, "seconds")
        if self.order < 0:
            raise ValueError(f"order must be at least 0, got {self.order}")

    def shortest(self, fps: float) -> int:
        """What a polynomial does not fit exactly."""
        return self.order + 2

    def smooth(self, values: Channels, fps: float) -> Channels:
        """Smoothed."""
        assert self.window is not None
        return savitzky_golay(values, odd_frames(self.window, fps), self.order)

    def candidates(self, fps: float) -> list[Any]:
        """By window."""
        if self.window is not None:
            return [self]
        return [replace(self, window=w) for w in _windows(fps, self.order + 2 + self.order % 2 - 1)]


@dataclass(frozen=True)
class Gaussian(Smoother):
    """Mean over time under a Gaussian, cut off at four sigma; the ends are mirrored.

    Attributes:
        sigma: standard deviation in seconds; None chooses.
    """

    name = "gaussian"
    tuned, unit, linear = "sigma", "s", True
    sigma: float | None = None

    def __post_init__(self) -> None:
        require_positive("sigma", self.sigma, "seconds")

    def shortest(self, fps: float) -> int:
        """Two frames have a mean."""
        return 2

    def smooth(self, values: Channels, fps: float) -> Channels:
        """Smoothed."""
        from scipy.ndimage import gaussian_filter1d

        assert self.sigma is not None
        return gaussian_filter1d(values, self.sigma * fps, axis=0)

    def candidates(self, fps: float) -> list[Any]:
        """By the sigma that halves the power at each of `cutoffs`."""
        if self.sigma is not None:
            return [self]
        return [
            replace(self, sigma=float(np.sqrt(np.log(2)) / (2 * np.pi * cutoff))) for cutoff in cutoffs(fps)
        ]


@dataclass(frozen=True)
class Median(Smoother):
    """Median over a sliding window; the first and last frame repeat at the ends.

    Attributes:
        window: seconds, rounded to an odd number of frames; None chooses.
    """

    name = "median"
    tuned, unit, linear = "window", "s", False
    window: float | None = None

    def __post_init__(self) -> None:
        require_positive("window", self.window, "seconds")

    def shortest(self, fps: float) -> int:
        """A window."""
        return 3

    def smooth(self, values: Channels, fps: float) -> Channels:
        """Medians."""
        from scipy.ndimage import median_filter

        assert self.window is not None
        return median_filter(values, size=(odd_frames(self.window, fps), 1), mode="nearest")

    def candidates(self, fps: float) -> list[Any]:
        """By window, to a third of a second."""
        if self.window is not None:
            return [self]
        return [replace(self, window=w) for w in _windows(fps, 3, LONGEST / 3)]


@dataclass(frozen=True)
class Loess(Smoother):
    """Local straight lines under tricube weights (Cleveland, JASA 1979), without robust iterations.

    Attributes:
        window: seconds, rounded to an odd number of frames, at least 3; None chooses.
    """

    name = "loess"
    tuned, unit, linear = "window", "s", True
    window: float | None = None

    def __post_init__(self) -> None:
        require_positive("window", self.window, "seconds")

    def shortest(self, fps: float) -> int:
        """Longer than the window."""
        return 3 if self.window is None else max(3, odd_frames(self.window, fps)) + 1

    def smooth(self, values: Channels, fps: float) -> Channels:
        """Smoothed."""
        from scipy.ndimage import correlate1d

        assert self.window is not None
        k = max(3, odd_frames(self.window, fps))
        half, offsets = k // 2, np.arange(k, dtype=np.float64)
        result = correlate1d(values, _line_weights(offsets, float(half)), axis=0, mode="nearest")
        for i in range(half):  # at the ends the nearest frames lie on one side
            weights = _line_weights(offsets, float(i))
            result[i] = weights @ values[:k]
            result[-1 - i] = weights @ values[: -k - 1 : -1]
        return result

    def candidates(self, fps: float) -> list[Any]:
        """By window; 3 frames change nothing."""
        if self.window is not None:
            return [self]
        return [replace(self, window=w) for w in _windows(fps, 3)]


def _line_weights(at: np.ndarray, x: float) -> np.ndarray:
    """What each point adds to the value at `x` of the line through them, by tricube weights around `x`."""
    apart = at - x
    weights = (1 - np.minimum(np.abs(apart) / np.abs(apart).max(), 1) ** 3) ** 3
    weights /= weights.sum()
    mean = weights @ apart
    spread = weights @ (apart - mean) ** 2
    slope = 0.0 if spread == 0 else -mean / spread
    return weights * (1 + slope * (apart - mean))


@dataclass(frozen=True)
class OneEuro(Smoother):
    """The 1€ filter (Casiez, Roussel and Vogel, CHI 2012), forwards and again backwards, so without lag.

    Attributes:
        min_cutoff: cutoff at rest in Hz; None chooses.
        beta: rise of the cutoff with speed, in Hz per unit of the poses per second; None lets the cutoff
            double at the channel's mean speed.
        d_cutoff: cutoff for the speed in Hz.
    """

    name = "one_euro"
    tuned, unit, linear = "min_cutoff", "Hz", False
    min_cutoff: float | None = None
    beta: float | None = None
    d_cutoff: float = 1.0

    def __post_init__(self) -> None:
        require_positive("min_cutoff", self.min_cutoff, "Hz")
        require_positive("d_cutoff", self.d_cutoff, "Hz")
        if self.beta is not None and not 0 <= self.beta < np.inf:
            raise ValueError(f"beta must not be negative, got {self.beta}")

    def shortest(self, fps: float) -> int:
        """Two frames have a speed."""
        return 2

    def smooth(self, values: Channels, fps: float) -> Channels:
        """Smoothed."""
        assert self.min_cutoff is not None
        beta: Any = self.beta
        if beta is None:
            speed = Gaussian(sigma=np.sqrt(np.log(2)) / (2 * np.pi * self.d_cutoff)).smooth(
                np.diff(values, axis=0) * fps, fps
            )
            mean = np.abs(speed).mean(axis=0)
            beta = np.divide(self.min_cutoff, mean, out=np.zeros_like(mean), where=mean > 0)
        forwards = one_euro(values, fps, self.min_cutoff, beta, self.d_cutoff)
        return one_euro(forwards[::-1], fps, self.min_cutoff, beta, self.d_cutoff)[::-1]

    def candidates(self, fps: float) -> list[Any]:
        """By cutoff at rest."""
        if self.min_cutoff is not None:
            return [self]
        return [replace(self, min_cutoff=float(cutoff)) for cutoff in cutoffs(fps)]
