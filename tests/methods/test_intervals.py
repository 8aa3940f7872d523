"""Radii of refined joints: hand-computed quantiles, and how many errors they hold."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from hanet.methods.general import refine_general
from hanet.methods.intervals import FEATURES, Intervals, Known, covered, features, packaged, reached

FLAT = Intervals((0.0,) * len(FEATURES))
"""Radii of one body scale."""


def motion(rng: np.random.Generator, frames: int = 300) -> np.ndarray:
    body = rng.normal(0, 0.4, (1, 9, 3))
    return body + 2.0 * gaussian_filter1d(rng.normal(size=(frames, 9, 3)), 12.0, axis=0)


def test_quantiles_by_hand() -> None:
    scores = np.arange(1.0, 101.0).reshape(50, 2)
    known = [Known(scores, np.ones((50, 2)), 1.0)]
    assert reached(known, lambda one: one.error) == 90.0
    # Each sequence counts alike, however long: half of the weight is at 1000.
    more = [*known, Known(np.full((5, 2), 1000.0), np.ones((5, 2)), 1.0)]
    assert reached(more, lambda one: one.error) == 1000.0
    assert FLAT.scaled([Known(scores, np.full((50, 2), 2.0), 1.0)]).factor == 45.0
    # Errors of 90 hold with a radius of 54 and a bias of 72 (54, 72, 90 is a right triangle).
    assert FLAT.widened([Known(scores, np.full((50, 2), 54.0), 1.0)]).bias == pytest.approx(72.0)
    assert FLAT.widened([Known(scores, np.full((50, 2), 54.0), 2.0)]).bias == pytest.approx(36.0)
    assert FLAT.widened([Known(scores, np.full((50, 2), 200.0), 1.0)]).bias == 0.0
    assert covered(np.array([[1.0, 3.0, np.nan, 2.0]]), np.array([[2.0, 2.0, 2.0, np.nan]])) == 0.5
    with pytest.raises(ValueError, match="no error is known"):
        FLAT.scaled([Known(np.full((3, 2), np.nan), np.ones((3, 2)), 1.0)])


def test_radii_are_in_the_poses_unit_and_missing_where_poses_are(rng: np.random.Generator) -> None:
    gt = motion(rng)
    seen = gt + 0.05 * rng.normal(size=gt.shape)
    seen[40:60, 2] = np.nan
    refined = refine_general(seen, 30.0)
    refined[45:50, 2] = np.nan
    radii = packaged().radii(seen, refined, 30.0)
    np.testing.assert_array_equal(np.isnan(radii), np.isnan(refined).any(axis=2))
    np.testing.assert_allclose(packaged().radii(1000 * seen, 1000 * refined, 30.0), 1000 * radii, rtol=1e-9)
    turned = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    np.testing.assert_allclose(
        packaged().radii(seen @ turned + 5, refined @ turned + 5, 30.0), radii, rtol=1e-6
    )
    assert np.nanmedian(radii[40:45, 2]) > np.nanmedian(radii[:40, 2])


def test_features_by_hand() -> None:
    detected = np.zeros((40, 2, 2))
    detected[:, 1, 0] = 2.0  # one joint at 0, one at 2: body scale 1
    refined = detected + np.array([0.3, 0.4])
    rows = features(detected, refined, 30.0)
    shown: dict[str, float] = {name: float(row) for name, row in zip(FEATURES, rows[20, 0], strict=True)}
    assert shown["one"] == shown["two dimensions"] == 1.0
    for name in ("near", "wide", "of the whole body", "this frame"):
        assert shown[f"log distance moved, {name}"] == pytest.approx(np.log(0.5), abs=1e-3)
    assert shown["log speed"] == pytest.approx(np.log(2e-4))  # nothing moves: the floor
    assert shown["log seconds to a detection"] == shown["log frame rate"] == 0.0


@pytest.mark.parametrize("size", [0.01, 0.05])
@pytest.mark.parametrize("dimensions", [2, 3])
def test_nine_of_ten_errors_are_held(size: float, dimensions: int, rng: np.random.Generator) -> None:
    shares = []
    for _ in range(6):
        gt = motion(rng)[..., :dimensions]
        noise = rng.normal(size=gt.shape)
        noise = noise if rng.random() < 0.5 else 2 * gaussian_filter1d(noise, 1.0, axis=0)
        seen = gt + size * noise
        refined = refine_general(seen, 30.0)
        shares.append(covered(np.linalg.norm(refined - gt, axis=2), packaged().radii(seen, refined, 30.0)))
    assert 0.8 < np.mean(shares) < 0.99


def test_short_tracks_and_a_constant_error() -> None:
    for frames in (1, 2, 3, 5):
        poses = np.arange(frames * 6, dtype=float).reshape(frames, 2, 3)
        assert np.isfinite(packaged().radii(poses, poses, 30.0)).all()
    with pytest.raises(ValueError, match="finite weights"):
        Intervals((0.0,))
