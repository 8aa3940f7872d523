"""The noise bank: statistics of its processes, each kind of error alone, and refusals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hanet.poses.scale import body_scale
from hanet.poses.skeletons import H36M17
from hanet.training.noise_bank import NoiseOptions, corrupt

NOTHING = NoiseOptions(
    clean=0.0, processes=1, size=(1e-12, 1e-12), swell=0.0, spread=0.0, shared=0.0, speed=0.0, bursts=0.0,
    swaps=0.0, inversions=0.0, dropouts=0.0, lag=0.0, held=0.0, quantised=0.0, scored=0.0,
)  # fmt: skip
MIRROR = H36M17.mirror.tolist()


def still(T: int, rng: np.random.Generator, D: int = 3) -> np.ndarray:
    return np.tile(rng.normal(size=(1, 17, D)), (T, 1, 1))


def test_clean_windows_come_back_as_they_were(rng: np.random.Generator) -> None:
    gt = still(20, rng)
    noisy = corrupt(gt, 30.0, rng, options=NoiseOptions(clean=1.0), mirror=MIRROR)
    np.testing.assert_array_equal(noisy.values, gt)
    assert (noisy.scores == 1).all()


@pytest.mark.parametrize("fps", [15.0, 60.0, 240.0])
def test_equal_states_give_equal_errors_and_other_states_others(fps: float, rng: np.random.Generator) -> None:
    gt = still(40, rng)
    one, two, three = (
        corrupt(gt, fps, np.random.default_rng(seed), options=NoiseOptions(clean=0.0), mirror=MIRROR)
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one.values, two.values)
    np.testing.assert_array_equal(one.scores, two.scores)
    assert not np.array_equal(one.values, three.values, equal_nan=True)


@pytest.mark.parametrize("time", [0.01, 0.2])
def test_processes_have_the_size_asked_for(time: float, rng: np.random.Generator) -> None:
    gt = still(20000, rng)
    options = replace(NOTHING, size=(0.01, 0.01), time=(time, time))
    for seed in range(6):  # all kinds of process
        noisy = corrupt(gt, 30.0, np.random.default_rng(seed), options=options)
        # Heavy tails of Student's t with few degrees of freedom converge slowly.
        assert (noisy.values - gt).std() == pytest.approx(0.01 * body_scale(gt), rel=0.15)


def test_errors_scale_with_the_body(rng: np.random.Generator) -> None:
    gt = np.cumsum(rng.normal(size=(60, 17, 3)), axis=0)
    options = NoiseOptions(clean=0.0, dropouts=0.0)
    small, large = (
        corrupt(gt * size, 60.0, np.random.default_rng(5), options=options, mirror=MIRROR).values / size
        for size in (1.0, 1000.0)
    )
    np.testing.assert_allclose(large, small, atol=1e-9)


def test_swaps_exchange_left_and_right_and_nothing_else(rng: np.random.Generator) -> None:
    gt = still(400, rng)
    values = corrupt(
        gt, 30.0, rng, options=replace(NOTHING, swaps=1.0, burst_rate=(1.0, 1.0)), mirror=MIRROR
    ).values
    swapped = np.isclose(values, gt[:, MIRROR]).all(axis=2)
    kept = np.isclose(values, gt).all(axis=2)
    assert (swapped | kept).all()
    assert 0 < (swapped & ~kept).mean() < 0.5


def test_dropouts_leave_gaps_with_score_0_and_a_value_of_each_joint(rng: np.random.Generator) -> None:
    gt = still(300, rng)
    options = replace(NOTHING, dropouts=1.0, dropout_rate=(2.0, 2.0))
    noisy = corrupt(gt, 30.0, rng, options=options, mirror=MIRROR)
    missing = np.isnan(noisy.values).all(axis=2)
    assert 0.05 < missing.mean() < 0.9
    assert not missing.all(axis=0).any()
    np.testing.assert_array_equal(noisy.scores == 0, missing)


def test_quantised_coordinates_lie_on_a_grid(rng: np.random.Generator) -> None:
    gt = rng.normal(size=(30, 17, 2))
    values = corrupt(gt, 30.0, rng, options=replace(NOTHING, quantised=1.0, grid=(0.01, 0.01))).values
    steps = values / (0.01 * body_scale(gt))
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-6)


def test_lag_trails_the_motion(rng: np.random.Generator) -> None:
    gt = np.zeros((60, 17, 3)) + np.arange(60)[:, None, None]
    gt[:, 0] += 5  # a body with an extent
    values = corrupt(gt, 60.0, rng, options=replace(NOTHING, lag=1.0, lag_time=(0.05, 0.05))).values
    behind = (gt - values)[-1]
    # An exponential mean with decay d trails a ramp by d / (1 - d) frames.
    decay = np.exp(-1 / (0.05 * 60))
    np.testing.assert_allclose(behind, decay / (1 - decay), rtol=1e-3)


def test_bursts_are_rare_and_large(rng: np.random.Generator) -> None:
    gt = still(600, rng)
    options = replace(NOTHING, bursts=1.0, burst_size=(0.5, 0.5), burst_rate=(0.5, 0.5))
    error = np.linalg.norm(corrupt(gt, 30.0, rng, options=options).values - gt, axis=2) / body_scale(gt)
    assert 0.01 < (error > 0.1).mean() < 0.3
    assert np.median(error) < 1e-6


def test_informative_scores_fall_with_the_error(rng: np.random.Generator) -> None:
    gt = still(600, rng)
    options = replace(NOTHING, bursts=1.0, burst_size=(1.0, 1.0), burst_rate=(0.5, 0.5), scored=1.0)
    noisy = corrupt(gt, 30.0, rng, options=options)
    far = np.linalg.norm(noisy.values - gt, axis=2) > 0.5
    assert noisy.scores[far].mean() < noisy.scores[~far].mean()


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"clean": 1.5}, "clean"), ({"size": (0.1, 0.01)}, "size"), ({"processes": 0}, "processes")],
)
def test_refuses_options_out_of_range(changes: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        NoiseOptions(**changes)  # pyright: ignore[reportArgumentType]


def test_refuses_missing_poses_and_impossible_rates(rng: np.random.Generator) -> None:
    gt = still(5, rng)
    with pytest.raises(ValueError, match="fps"):
        corrupt(gt, 0.0, rng)
    gt[2] = np.nan
    with pytest.raises(ValueError, match="finite"):
        corrupt(gt, 30.0, rng)
