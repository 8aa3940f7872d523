"""Gaps filled from a joint's motion and from the other joints."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from hanet.methods.gap_filling import fill_by_motion
from hanet.poses.gaps import interpolate


def body(rng: np.random.Generator, T: int = 400, J: int = 6) -> np.ndarray:
    """Joints that move with each other: combinations of three courses."""
    courses = gaussian_filter1d(rng.normal(size=(T, 3, 3)), 8.0, axis=0)
    return rng.normal(size=(1, J, 3)) + np.einsum("tkd,jk->tjd", courses, rng.normal(size=(J, 3)))


def with_gap(poses: np.ndarray, joints: list[int], gap: slice) -> np.ndarray:
    seen = poses.copy()
    seen[gap, joints] = np.nan
    return seen


def lines(poses: np.ndarray) -> np.ndarray:
    rows = np.arange(len(poses))
    return interpolate(poses.reshape(len(poses), -1), rows, rows).reshape(poses.shape)


def error(filled: np.ndarray, gt: np.ndarray, seen: np.ndarray) -> float:
    return float(np.linalg.norm((filled - gt)[np.isnan(seen).any(axis=2)], axis=1).mean())


@pytest.mark.parametrize("joints", [[2], [2, 3]])
def test_a_long_gap_follows_the_other_joints(joints: list[int], rng: np.random.Generator) -> None:
    gt = body(rng)
    seen = with_gap(gt, joints, slice(200, 230))
    filled = fill_by_motion(seen, 30.0, 30)
    assert error(filled, gt, seen) < 0.3 * error(lines(seen), gt, seen)
    np.testing.assert_array_equal(filled[np.isfinite(seen)], seen[np.isfinite(seen)])


def test_without_other_joints_velocity_is_kept(rng: np.random.Generator) -> None:
    gt = body(rng)
    seen = with_gap(gt, list(range(6)), slice(200, 206))
    assert error(fill_by_motion(seen, 30.0, 30), gt, seen) < 0.6 * error(lines(seen), gt, seen)
    t = np.arange(40.0)[:, None, None] * np.ones((1, 1, 2))
    straight = with_gap(t, [0], slice(10, 20))
    np.testing.assert_allclose(fill_by_motion(straight, 30.0, 30), t, atol=1e-9)


def test_joints_that_move_by_themselves_do_no_harm(rng: np.random.Generator) -> None:
    gt = gaussian_filter1d(rng.normal(size=(600, 6, 3)), 20.0, axis=0)
    seen = with_gap(gt, [1], slice(200, 210))
    assert error(fill_by_motion(seen, 30.0, 30), gt, seen) < error(lines(seen), gt, seen)


def test_long_gaps_ends_and_unseen_joints_stay_missing(rng: np.random.Generator) -> None:
    seen = with_gap(body(rng), [0], slice(100, 131))
    seen[:5, 1] = seen[-3:, 2] = seen[:, 3] = np.nan
    seen[200:230, 4] = np.nan
    filled = fill_by_motion(seen, 30.0, 30)
    expected = np.isnan(seen)
    expected[200:230, 4] = False
    np.testing.assert_array_equal(np.isnan(filled), expected)


def test_commutes_with_shift_scale_and_rotation(rng: np.random.Generator) -> None:
    seen = with_gap(body(rng), [2, 3], slice(200, 230))
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    moved = fill_by_motion(100 * seen @ turn + 7, 30.0, 30)
    np.testing.assert_allclose(moved, 100 * fill_by_motion(seen, 30.0, 30) @ turn + 7, atol=1e-6)


def test_short_tracks_and_gaps_next_to_gaps(rng: np.random.Generator) -> None:
    for T in (3, 5, 12):
        seen = with_gap(body(rng, T), [0], slice(1, T - 1))
        assert np.isfinite(fill_by_motion(seen, 30.0, 30)).all()
    seen = with_gap(with_gap(body(rng), [0], slice(10, 14)), [0, 1], slice(15, 20))
    assert np.isfinite(fill_by_motion(seen, 30.0, 30)).all()


def test_a_joint_that_never_moves_is_filled_where_it_is() -> None:
    """As the root of root-relative poses, which is 0 in every frame."""
    still = np.zeros((80, 4, 3)) + np.arange(4)[:, None]
    np.testing.assert_array_equal(fill_by_motion(with_gap(still, [0, 2], slice(40, 43)), 30.0, 5), still)
