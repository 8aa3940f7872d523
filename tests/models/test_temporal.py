"""Position embeddings, interpolation and smoothing as matrices."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hanet.models.temporal import interpolation_matrix, sine_positions, smoothing_matrix


def test_sine_positions_by_hand():
    """Three frames at 0, π, 2π; of four columns the second pair turns 10000^(4/4) times slower."""
    expected = [
        [math.sin(t), math.cos(t), math.sin(t / 10000), math.cos(t / 10000)]
        for t in (0, math.pi, 2 * math.pi)
    ]
    torch.testing.assert_close(sine_positions(3, 4), torch.tensor(expected, dtype=torch.float64))


def test_sine_positions_need_an_even_width():
    with pytest.raises(ValueError, match="width must be even, got 5"):
        sine_positions(3, 5)


def test_linear_interpolation_by_hand():
    expected = [[1, 0, 0], [0.5, 0.5, 0], [0, 1, 0], [0, 0.5, 0.5], [0, 0, 1]]
    assert interpolation_matrix(5, 2, "linear").tolist() == expected


def test_cubic_interpolation_by_hand():
    """Natural spline through 0, 1, 0 at frames 0, 2, 4: 8·M = -6 in the middle, so 1/2 + 3/16 halfway."""
    values = interpolation_matrix(5, 2, "cubic") @ torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64)
    assert values.tolist() == pytest.approx([0, 0.6875, 1, 0.6875, 0])


@given(
    st.integers(1, 10),
    st.integers(1, 10),
    st.sampled_from(["linear", "cubic"]),
    st.floats(-5, 5),
    st.floats(-5, 5),
)
def test_interpolation_keeps_watched_poses_and_straight_lines(interval, q, kind, start, slope):
    window = interval * q + 1
    matrix = interpolation_matrix(window, interval, kind)
    assert matrix.shape == (window, q + 1)
    torch.testing.assert_close(matrix[::interval], torch.eye(q + 1, dtype=torch.float64))
    line = start + slope * torch.arange(window, dtype=torch.float64)
    torch.testing.assert_close(matrix @ line[::interval], line)


def test_cubic_interpolation_has_no_kinks():
    """Linear interpolation has all its acceleration at watched frames; the cubic spreads it."""
    watched = torch.sin(torch.arange(21, dtype=torch.float64))
    kinks = {
        kind: torch.diff(interpolation_matrix(101, 5, kind) @ watched, n=2).abs().max()
        for kind in ("linear", "cubic")
    }
    assert kinks["cubic"] < 0.3 * kinks["linear"]


def test_interpolation_refuses_an_unfit_window():
    with pytest.raises(ValueError, match="interval·Q"):
        interpolation_matrix(6, 2, "linear")


@given(st.integers(2, 60), st.floats(0.1, 30), st.floats(-5, 5), st.floats(-5, 5))
def test_smoothing_keeps_straight_lines_to_the_ends(window, sigma, start, slope):
    line = start + slope * torch.arange(window, dtype=torch.float64)
    torch.testing.assert_close(
        smoothing_matrix(window, sigma) @ line, line, rtol=0, atol=1e-9 * (1 + abs(line).max())
    )


def test_smoothing_is_a_gaussian_away_from_the_ends():
    offset = torch.arange(101, dtype=torch.float64) - 50
    gaussian = torch.exp(-(offset**2) / (2 * 2.5**2))
    torch.testing.assert_close(smoothing_matrix(101, 2.5)[50], gaussian / gaussian.sum())


def test_smoothing_removes_what_is_fast():
    """A wave of two frames a period all but goes, one of a hundred frames stays."""
    frames = torch.arange(101, dtype=torch.float64)
    inside = slice(10, -10)
    fast, slow = torch.cos(math.pi * frames), torch.sin(2 * math.pi * frames / 100)
    matrix = smoothing_matrix(101, 2.0)
    assert (matrix @ fast)[inside].abs().max() < 1e-6
    torch.testing.assert_close((matrix @ slow)[inside], slow[inside], rtol=0, atol=0.01)


@pytest.mark.parametrize("sigma", [0.0, 0.05, -1.0, math.inf, math.nan])
def test_smoothing_refuses_widths(sigma):
    with pytest.raises(ValueError, match=rf"at least 0\.1 frames, got {sigma}"):
        smoothing_matrix(5, sigma)
