"""The best rotations by Newton's iteration are those of the singular value decomposition, to rounding."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanet.metrics import similarity
from hanet.metrics.functional import procrustes

SEEDS = st.integers(0, 2**32 - 1)


def by_svd(pred: np.ndarray, gt: np.ndarray) -> np.ndarray:
    """Umeyama's formula, one frame after another."""
    aligned = []
    for p, g in zip(pred.astype(np.float64), gt.astype(np.float64), strict=True):
        a, b = p - p.mean(axis=0), g - g.mean(axis=0)
        u, s, vt = np.linalg.svd(a.T @ b)
        sign = np.ones(len(s))
        sign[-1] = np.sign(np.linalg.det(u @ vt))
        aligned.append((s * sign).sum() / (a**2).sum() * (a @ (u * sign) @ vt) + g.mean(axis=0))
    return np.array(aligned)


@given(SEEDS, st.floats(1e-4, 1e3), st.integers(4, 30), st.floats(1e-3, 1.0))
def test_equals_the_decomposition(seed, scale, joints, flatness):
    rng = np.random.default_rng(seed)
    gt = rng.normal(size=(20, joints, 3)) * [1.0, 1.0, flatness]
    pred = scale * (gt + 0.1 * rng.normal(size=gt.shape))
    np.testing.assert_allclose(procrustes(pred, gt), by_svd(pred, gt), rtol=0, atol=1e-9)


def test_most_poses_need_no_decomposition(monkeypatch):
    rng = np.random.default_rng(0)
    gt = rng.normal(size=(50, 17, 3)) * [0.2, 0.5, 0.1]
    pred = gt + 0.02 * rng.normal(size=gt.shape)
    expected = by_svd(pred, gt)
    monkeypatch.setattr(similarity, "_by_singular_values", None)
    np.testing.assert_allclose(procrustes(pred, gt), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("shape", ["flat", "line", "mirrored", "point", "two dimensions"])
def test_poses_without_one_best_rotation_take_the_decomposition(shape):
    rng = np.random.default_rng(1)
    gt = rng.normal(size=(6, 9, 3))
    pred = gt + 0.1 * rng.normal(size=gt.shape)
    if shape == "two dimensions":
        pred, gt = pred[..., :2], gt[..., :2]
        np.testing.assert_allclose(procrustes(pred, gt), by_svd(pred, gt), rtol=0, atol=1e-9)
        return
    pred[1] *= {"flat": [1, 1, 0], "line": [1, 0, 0], "mirrored": [-1, 1, 1], "point": [0, 0, 0]}[shape]
    aligned = procrustes(pred, gt)
    others = np.arange(6) != 1
    np.testing.assert_allclose(aligned[others], by_svd(pred[others], gt[others]), rtol=0, atol=1e-9)
    if shape == "point":
        np.testing.assert_allclose(aligned[1], np.tile(gt[1].mean(axis=0), (9, 1)))
        return
    # The best rotation of a line is not unique, its error is.
    error, least = (np.square(x[1] - gt[1]).sum() for x in (aligned, by_svd(pred, gt)))
    assert error == pytest.approx(least, abs=1e-9)


def test_unknown_frames_stay_unknown_and_leave_the_others():
    rng = np.random.default_rng(2)
    gt = rng.normal(size=(5, 9, 3))
    pred = gt + 0.1 * rng.normal(size=gt.shape)
    expected = by_svd(pred, gt)
    pred[1, 4, 0], gt[3, 2] = np.nan, np.inf
    aligned = procrustes(pred, gt)
    assert np.isnan(aligned).all(axis=(1, 2)).tolist() == [False, True, False, True, False]
    np.testing.assert_allclose(aligned[[0, 2, 4]], expected[[0, 2, 4]], rtol=0, atol=1e-12)
