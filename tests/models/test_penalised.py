"""Penalised least squares: against dense algebra, exactness, and gradients against differences."""

from __future__ import annotations

import numpy as np
import torch

from hanet.models import penalised
from hanet.models.general import smoothed


def test_equals_the_dense_solution(rng: np.random.Generator) -> None:
    T = 12
    y, weights = rng.normal(size=(2, T, 3)), rng.uniform(0.1, 1, (2, T))
    periods = rng.uniform(-0.5, 1.0, (2, 2, T))
    found = penalised.smooth(y, weights, periods)
    second, third = penalised.penalties(periods)
    for n in range(2):
        matrix = np.diag(weights[n])
        for order, penalty in ((2, second[n]), (3, third[n])):
            difference = np.diff(np.eye(T), order, axis=0)
            matrix += difference.T @ np.diag(penalty[: T - order]) @ difference
        np.testing.assert_allclose(found[n], np.linalg.solve(matrix, weights[n][:, None] * y[n]), atol=1e-9)


def test_straight_lines_pass_unchanged_however_strong_the_penalties(rng: np.random.Generator) -> None:
    line = rng.normal(size=(1, 1, 3)) + np.arange(30)[None, :, None] * rng.normal(size=(1, 1, 3))
    found = penalised.smooth(line, rng.uniform(0.1, 1, (1, 30)), np.full((1, 2, 30), 3.0))
    np.testing.assert_allclose(found, line, atol=1e-5)


def test_short_tracks_are_solved(rng: np.random.Generator) -> None:
    for T in (1, 2, 3, 4):
        y = rng.normal(size=(3, T, 2))
        assert np.isfinite(penalised.smooth(y, np.ones((3, T)), np.zeros((3, 2, T)))).all()


def test_torch_gives_the_same_and_its_gradients(rng: np.random.Generator) -> None:
    T = 9
    y = torch.from_numpy(rng.normal(size=(2, T, 3)))
    weights = torch.from_numpy(-rng.uniform(0, 2, (2, T))).requires_grad_()
    periods = torch.from_numpy(rng.uniform(-0.5, 0.5, (2, 2, T))).requires_grad_()
    known = torch.ones(2, T, dtype=torch.float64)
    w = weights.detach().exp().numpy() + penalised.FLOOR
    expected = penalised.smooth(y.numpy(), w, periods.detach().numpy())
    np.testing.assert_allclose(smoothed(y, known, weights, periods).detach().numpy(), expected, atol=1e-12)
    assert torch.autograd.gradcheck(lambda a, b: smoothed(y, known, a, b), (weights, periods))
