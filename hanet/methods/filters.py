"""Comparison methods without training: the input itself, linear interpolation and classic low-pass filters.

All work channel by channel on any skeleton and representation, compute in float64 and return the input's
dtype. They fill a frame without a value (NaN) linearly in time, holding the first and last known value at the
ends, before they filter; a joint without any value stays NaN. Rotations in 6D are filtered as six numbers;
conversion to matrices makes them orthonormal again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from hanet.methods.base import refine_channels, require_frames
from hanet.poses.sequence import PoseSequence


@dataclass(frozen=True)
class Input:
    """The detections as they are, scores and NaN included: the row that every method is compared with."""

    name = "input"
    observed = 1.0

    def refine(self, sequence: PoseSequence) -> PoseSequence:
        """The sequence itself."""
        require_frames(sequence)
        return sequence


@dataclass(frozen=True)
class LinearInterpolation:
    """Read every `interval`-th frame and the last one, and interpolate linearly between them.

    A watched frame that is NaN is interpolated too. A joint whose watched frames are all NaN is NaN in the
    result, even if other frames have values.

    Attributes:
        interval: gap between watched frames, at least 1.
    """

    name = "linear_interpolation"
    interval: int

    def __post_init__(self) -> None:
        if self.interval < 1:
            raise ValueError(f"interval must be at least 1 frame, got {self.interval}")

    @property
    def observed(self) -> float:
        """1 / interval; a track's last frame is read in addition."""
        return 1.0 / self.interval

    def refine(self, sequence: PoseSequence) -> PoseSequence:
        """Poses of the watched frames unchanged, the others interpolated between their watched neighbours."""
        require_frames(sequence)
        watched = np.union1d(np.arange(0, len(sequence), self.interval), [len(sequence) - 1])
        return refine_channels(sequence, lambda values: values, watched)


@dataclass(frozen=True)
class SavitzkyGolay:
    """Least-squares polynomial over a sliding window (Savitzky and Golay, Analytical Chemistry 1964).

    The first and last half window take the polynomial fitted to the first and last full window. A track
    shorter than `window` is filtered with the longest odd window that fits, with the order reduced to at most
    that window minus 1: tracks of one or two frames are unchanged.

    Attributes:
        window: frames, odd.
        order: polynomial order, 0 ≤ order < window.
    """

    name = "savitzky_golay"
    observed = 1.0
    window: int
    order: int

    def __post_init__(self) -> None:
        if self.window < 1 or self.window % 2 == 0:
            raise ValueError(f"window must be an odd number of frames, got {self.window}")
        if not 0 <= self.order < self.window:
            raise ValueError(f"order must be from 0 to window - 1 = {self.window - 1}, got {self.order}")

    def refine(self, sequence: PoseSequence) -> PoseSequence:
        """Smoothed poses."""
        return refine_channels(sequence, lambda values: savitzky_golay(values, self.window, self.order))


def savitzky_golay(values: Float[np.ndarray, "T C"], window: int, order: int) -> Float[np.ndarray, "T C"]:
    """`SavitzkyGolay` on channels: window in frames, shortened with the order for short tracks."""
    from scipy.signal import savgol_filter  # imports scipy.stats

    T = len(values)
    window = min(window, T - 1 + T % 2)
    order = min(order, window - 1)
    return np.asarray(savgol_filter(values, window, order, axis=0, mode="interp"))


@dataclass(frozen=True)
class Gaussian:
    """Mean over time under a Gaussian, cut off at four sigma; the first and last frame repeat at the ends.

    Attributes:
        sigma: standard deviation in frames, positive.
    """

    name = "gaussian"
    observed = 1.0
    sigma: float

    def __post_init__(self) -> None:
        if not self.sigma > 0:
            raise ValueError(f"sigma must be positive, got {self.sigma} frames")

    def refine(self, sequence: PoseSequence) -> PoseSequence:
        """Smoothed poses."""
        from scipy.ndimage import gaussian_filter1d

        return refine_channels(
            sequence,
            lambda values: gaussian_filter1d(values, self.sigma, axis=0, mode="nearest", truncate=4.0),
        )


@dataclass(frozen=True)
class OneEuro:
    """The 1€ filter (Casiez, Roussel and Vogel, CHI 2012, Algorithm 1): less smoothing where motion is fast.

    A first-order low-pass whose cutoff rises with the smoothed speed of the channel,
    ``cutoff = min_cutoff + beta · |speed|``. It is causal (except over gaps, see the module) and so lags.

    Attributes:
        min_cutoff: cutoff at rest in Hz, positive.
        beta: rise of the cutoff with speed, in Hz per unit of the poses per second (pixels or metres: values
            are not interchangeable), not negative.
        d_cutoff: cutoff for the speed in Hz, positive.
    """

    name = "one_euro"
    observed = 1.0
    min_cutoff: float
    beta: float
    d_cutoff: float = 1.0

    def __post_init__(self) -> None:
        if not (self.min_cutoff > 0 and self.d_cutoff > 0 and self.beta >= 0):
            raise ValueError(
                "min_cutoff and d_cutoff must be positive and beta not negative, got "
                f"min_cutoff={self.min_cutoff}, d_cutoff={self.d_cutoff}, beta={self.beta}"
            )

    def refine(self, sequence: PoseSequence) -> PoseSequence:
        """Smoothed poses."""
        return refine_channels(
            sequence,
            lambda values: one_euro(values, sequence.fps, self.min_cutoff, self.beta, self.d_cutoff),
        )


def one_euro(
    values: Float[np.ndarray, "T C"],
    rate: float,
    min_cutoff: float,
    beta: float | Float[np.ndarray, " C"],
    d_cutoff: float,
) -> Float[np.ndarray, "T C"]:
    """`OneEuro` on channels, causal; loops over frames, as every step needs the one before."""
    gain_per_hz = 2 * np.pi / rate
    speed_gain = gain_per_hz * d_cutoff
    speed_alpha = speed_gain / (1 + speed_gain)
    result = np.empty_like(values)
    result[0] = smooth = values[0]
    speed = np.zeros(values.shape[1])
    for t in range(1, len(values)):
        step = values[t] - smooth
        speed = speed + speed_alpha * (step * rate - speed)
        gain = gain_per_hz * (min_cutoff + beta * np.abs(speed))
        result[t] = smooth = smooth + gain / (1 + gain) * step
    return result


def released_interpolation(interval: int) -> Callable[[PoseSequence], PoseSequence]:
    """`LinearInterpolation` with the arithmetic of the released evaluation; for sequences without NaN.

    It computes on keypoints divided by the image's width and height, and computes a watched frame as the end
    of the line before it. The difference from `LinearInterpolation` is rounding, which matters in the
    protocol ``released``: a keypoint of the zero padding counts as a hit only where a line that ends at zero
    is exactly zero.

    Args:
        interval: frames from one watched frame to the next; the last frame is watched too.

    Raises:
        ValueError: interval below 1.
    """
    if interval < 1:
        raise ValueError(f"interval must be at least 1 frame, got {interval}")

    def refine(sequence: PoseSequence) -> PoseSequence:
        T = len(sequence)
        scale = 1.0 if sequence.image_size is None else np.array(sequence.image_size, dtype=np.float64)
        values = (sequence.values / scale).astype(np.float64)
        if T > 1:
            from scipy.interpolate import interp1d

            watched = np.union1d(np.arange(0, T, interval), [T - 1])
            values = interp1d(watched, values[watched], axis=0)(np.arange(T))
        return sequence.with_values(values * scale)

    return refine
