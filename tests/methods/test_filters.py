"""Every filter against values worked out by hand or from its definition."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hanet.methods.filters import Gaussian, Input, LinearInterpolation, OneEuro, SavitzkyGolay
from hanet.methods.known_filters import FILTERS
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import JHMDB15

NAN = float("nan")


def scalar_track(values: list[float], fps: float = 25.0) -> PoseSequence:
    """A track whose every channel is `values`."""
    poses = np.repeat(np.array(values, dtype=np.float32), 30).reshape(-1, 15, 2)
    return PoseSequence("clip", poses, JHMDB15, "2d", fps, "px", "image", scores=np.ones((len(values), 15)))


def assert_channels(refined: PoseSequence, expected: list[float], atol: float = 1e-6) -> None:
    channels = refined.values.reshape(len(expected), -1)
    np.testing.assert_allclose(channels, np.repeat([expected], channels.shape[1], axis=0).T, atol=atol)


def test_input_is_the_sequence_itself() -> None:
    sequence = scalar_track([1.0, NAN])
    assert Input().refine(sequence) is sequence


def test_linear_interpolation() -> None:
    sequence = scalar_track([0.0, 9.0, 4.0, 9.0, 2.0, 7.0])
    assert_channels(LinearInterpolation(2).refine(sequence), [0.0, 2.0, 4.0, 3.0, 2.0, 7.0])
    assert_channels(LinearInterpolation(4).refine(sequence), [0.0, 0.5, 1.0, 1.5, 2.0, 7.0])
    assert_channels(LinearInterpolation(99).refine(sequence), [0.0, 1.4, 2.8, 4.2, 5.6, 7.0])
    assert_channels(LinearInterpolation(1).refine(sequence), [0.0, 9.0, 4.0, 9.0, 2.0, 7.0])
    assert LinearInterpolation(2).refine(sequence).scores is None
    assert LinearInterpolation(10).observed == 0.1


def test_linear_interpolation_reads_watched_frames_only() -> None:
    sequence = scalar_track([0.0, 50.0, NAN, 50.0, 8.0])
    assert_channels(LinearInterpolation(2).refine(sequence), [0.0, 2.0, 4.0, 6.0, 8.0])
    unseen = scalar_track([NAN, 1.0, NAN, 1.0, NAN])
    assert np.isnan(LinearInterpolation(2).refine(unseen).values).all()


def test_savitzky_golay_line() -> None:
    """Window 3, order 1: the mean of three inside, the fitted line's ends at the ends."""
    sequence = scalar_track([0.0, 3.0, 0.0, 6.0])
    # First three: mean 1, slope 0. Last three: mean 3, slope (6 - 3) / 2 = 1.5.
    assert_channels(SavitzkyGolay(3, 1).refine(sequence), [1.0, 1.0, 3.0, 4.5])


def test_savitzky_golay_parabola() -> None:
    """Window 5, order 2: the published weights (-3, 12, 17, 12, -3) / 35; parabolas pass unchanged."""
    impulse = scalar_track([0.0] * 7 + [35.0] + [0.0] * 7)
    expected = [0.0] * 5 + [-3.0, 12.0, 17.0, 12.0, -3.0] + [0.0] * 5
    assert_channels(SavitzkyGolay(5, 2).refine(impulse), expected, atol=1e-5)
    parabola = [float(t * t) for t in range(8)]
    assert_channels(SavitzkyGolay(5, 2).refine(scalar_track(parabola)), parabola, atol=1e-5)


def test_savitzky_golay_shrinks_its_window_on_short_tracks() -> None:
    # Four frames: the longest odd window is 3, so (31, 1) acts as (3, 1).
    sequence = scalar_track([0.0, 3.0, 0.0, 6.0])
    assert_channels(SavitzkyGolay(31, 1).refine(sequence), [1.0, 1.0, 3.0, 4.5])
    # Order 4 is reduced to 2 over three frames and to 0 over a window of one: neither changes anything.
    assert_channels(SavitzkyGolay(31, 4).refine(scalar_track([0.0, 3.0, 0.0])), [0.0, 3.0, 0.0])
    assert_channels(SavitzkyGolay(31, 1).refine(scalar_track([0.0, 3.0])), [0.0, 3.0])


def test_gaussian() -> None:
    weights = [math.exp(-k * k / 2) for k in range(-4, 5)]
    total = sum(weights)
    impulse = scalar_track([0.0] * 5 + [1.0] + [0.0] * 5)
    assert_channels(Gaussian(1.0).refine(impulse), [0.0, *(w / total for w in weights), 0.0])
    # One step after the first frame: that frame stands for all before it.
    step = scalar_track([0.0] + [1.0] * 8)
    assert Gaussian(1.0).refine(step).values[0, 0, 0] == pytest.approx(sum(weights[5:]) / total, abs=1e-6)


class ScalarOneEuro:
    """The filter as Algorithm 1 and 2 of the paper state it, one number at a time."""

    def __init__(self, rate: float, min_cutoff: float, beta: float, d_cutoff: float) -> None:
        self.rate, self.min_cutoff, self.beta, self.d_cutoff = rate, min_cutoff, beta, d_cutoff
        self.x: float | None = None
        self.dx: float | None = None

    def alpha(self, cutoff: float) -> float:
        tau = 1.0 / (2 * math.pi * cutoff)
        te = 1.0 / self.rate
        return 1.0 / (1.0 + tau / te)

    def __call__(self, x: float) -> float:
        dx = 0.0 if self.x is None else (x - self.x) * self.rate
        a = self.alpha(self.d_cutoff)
        self.dx = dx if self.dx is None else a * dx + (1 - a) * self.dx
        a = self.alpha(self.min_cutoff + self.beta * abs(self.dx))
        self.x = x if self.x is None else a * x + (1 - a) * self.x
        return self.x


@pytest.mark.parametrize(
    ("min_cutoff", "beta", "d_cutoff", "fps"),
    [(1.0, 0.0, 1.0, 30.0), (0.5, 0.7, 2.0, 50.0), (3.0, 0.01, 0.3, 25.0)],
)
def test_one_euro_against_the_paper(min_cutoff: float, beta: float, d_cutoff: float, fps: float, rng) -> None:
    values = rng.normal(size=60).cumsum().astype(np.float32)
    reference = ScalarOneEuro(fps, min_cutoff, beta, d_cutoff)
    expected = [reference(float(x)) for x in values]
    refined = OneEuro(min_cutoff, beta, d_cutoff).refine(scalar_track(values.tolist(), fps))
    assert_channels(refined, expected, atol=2e-6)


def test_one_euro_by_hand() -> None:
    """With 2π · cutoff = rate the gain is 1 and alpha 1/2."""
    half = OneEuro(min_cutoff=1.0, beta=0.0)
    assert_channels(half.refine(scalar_track([0.0, 1.0, 1.0, 1.0], fps=2 * math.pi)), [0, 0.5, 0.75, 0.875])
    # beta: speed after frame 1 is (1 · 2π) / 2 = π, cutoff 1 + (1/π) · π = 2, gain 2, alpha 2/3.
    quick = OneEuro(min_cutoff=1.0, beta=1 / math.pi)
    assert_channels(quick.refine(scalar_track([0.0, 1.0], fps=2 * math.pi)), [0.0, 2 / 3])


def test_one_euro_is_causal(rng) -> None:
    values = rng.normal(size=30).tolist()
    method = OneEuro(1.0, 0.3)
    whole = method.refine(scalar_track(values)).values
    np.testing.assert_array_equal(method.refine(scalar_track(values[:12])).values, whole[:12])


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("linear_interpolation", {"interval": 0}, "interval must be at least 1 frame, got 0"),
        ("savitzky_golay", {"window": 4, "order": 1}, "window must be an odd number of frames, got 4"),
        ("savitzky_golay", {"window": -1, "order": 1}, "window must be an odd number"),
        ("savitzky_golay", {"window": 3, "order": 3}, "order must be from 0 to window - 1 = 2, got 3"),
        ("gaussian", {"sigma": 0.0}, "sigma must be positive, got 0.0 frames"),
        ("gaussian", {"sigma": NAN}, "sigma must be positive"),
        ("one_euro", {"min_cutoff": 0.0, "beta": 1.0}, "got min_cutoff=0.0, d_cutoff=1.0, beta=1.0"),
        ("one_euro", {"min_cutoff": 1.0, "beta": -1.0}, "beta not negative"),
    ],
)
def test_wrong_parameters(name: str, parameters: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FILTERS[name](**parameters)


def test_names() -> None:
    assert {name: method.name for name, method in FILTERS.items()} == {name: name for name in FILTERS}
