"""Perturbed rotations: each error has its size, its place and its seed."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from hanet.estimators.regressor.errors import RegressorErrors, perturb
from hanet.poses.skeletons import SMPL24
from hanet.smpl.tracks import SmplTrack, from_axis_angle

NONE = {field.name: 0.0 for field in fields(RegressorErrors)} | {"drift_time": 0.3}


def still(T: int = 4000, seed: int = 0) -> SmplTrack:
    pose = np.random.default_rng(seed).normal(size=(1, 24, 3)) * 0.5
    return from_axis_angle("still", np.repeat(pose, T, axis=0), fps=50.0, transl=np.ones((T, 3)))


def degrees_off(truth: SmplTrack, seen: SmplTrack) -> np.ndarray:
    """Axis-angle error (T, 24, 3) in degrees."""
    relative = truth.matrices().transpose(-1, -2).double().numpy() @ seen.matrices().double().numpy()
    return np.degrees(Rotation.from_matrix(relative.reshape(-1, 3, 3)).as_rotvec()).reshape(-1, 24, 3)


def test_no_errors_change_nothing():
    truth = still(20)
    seen = perturb(truth, RegressorErrors(**NONE), seed=1)
    np.testing.assert_allclose(seen.poses.values, truth.poses.values, atol=1e-6)
    np.testing.assert_array_equal(seen.betas, truth.betas)
    np.testing.assert_array_equal(seen.transl, truth.transl)


def test_noise_has_its_size_and_its_memory():
    truth = still()
    jitter = degrees_off(truth, perturb(truth, RegressorErrors(**NONE | {"jitter_degrees": 3.0}), seed=1))
    assert jitter.std() == pytest.approx(3, rel=0.03)
    assert abs((jitter[1:] * jitter[:-1]).mean()) < 0.1
    drift = degrees_off(truth, perturb(truth, RegressorErrors(**NONE | {"drift_degrees": 3.0}), seed=1))
    assert drift.std() == pytest.approx(3, rel=0.1)
    lag = 15  # the correlation time of 0.3 s
    assert (drift[lag:] * drift[:-lag]).mean() / drift.var() == pytest.approx(np.exp(-1), abs=0.07)
    bias = degrees_off(truth, perturb(truth, RegressorErrors(**NONE | {"bias_degrees": 3.0}), seed=1))
    assert np.abs(bias - bias[0]).max() < 1e-3 and bias[0].std() == pytest.approx(3, rel=0.3)


def test_bursts_hit_limbs_for_their_share_of_time():
    truth = still()
    errors = RegressorErrors(**NONE | {"burst_rate": 0.2, "burst_time": 0.5, "burst_degrees": 30.0})
    off = np.linalg.norm(degrees_off(truth, perturb(truth, errors, seed=3)), axis=-1) > 0.1
    limbs = {SMPL24.index(f"{s}_{p}") for s in "lr" for p in ("shoulder", "elbow", "hip", "knee")}
    assert set(np.flatnonzero(off.any(axis=0))) == limbs
    assert 0.04 < off[:, sorted(limbs)].mean() < 0.2


def test_a_swap_is_the_mirror_image():
    pose = np.zeros((400, 24, 3))
    elbow, other = SMPL24.index("l_elbow"), SMPL24.index("r_elbow")
    pose[:, elbow] = [0.3, -1.0, 0.2]  # by hand: mirrored left to right, x stays and y and z change sign
    truth = from_axis_angle("a", pose, fps=50.0)
    seen = perturb(truth, RegressorErrors(**NONE | {"swap_rate": 0.5, "swap_time": 0.5}), seed=0).axis_angle()
    swapped = np.linalg.norm(seen[:, elbow], axis=1) < 1e-3
    assert 0 < swapped.sum() < 400
    np.testing.assert_allclose(seen[swapped, other], [[0.3, 1.0, -0.2]] * swapped.sum(), atol=1e-5)
    np.testing.assert_allclose(seen[~swapped, elbow], [[0.3, -1.0, 0.2]] * (~swapped).sum(), atol=1e-5)


def test_the_seed_and_the_name_decide():
    truth, errors = still(50), RegressorErrors()
    first = perturb(truth, errors, seed=1)
    np.testing.assert_array_equal(first.poses.values, perturb(truth, errors, seed=1).poses.values)
    assert not np.array_equal(first.poses.values, perturb(truth, errors, seed=2).poses.values)
    assert np.ptp(first.betas - truth.betas, axis=0).max() < 1e-6 and (first.betas != truth.betas).all()


def test_frames_without_a_pose_stay_without():
    truth = still(10)
    truth.poses.values[4] = np.nan
    seen = perturb(truth, RegressorErrors(), seed=0)
    assert np.isnan(seen.poses.values[4]).all()
    assert np.isfinite(np.delete(seen.poses.values, 4, axis=0)).all()


@pytest.mark.parametrize(
    "field, value", [("jitter_degrees", -1.0), ("drift_time", 0.0), ("betas", float("nan"))]
)
def test_impossible_errors_are_refused(field, value):
    with pytest.raises(ValueError, match=f"{field} must be"):
        RegressorErrors(**{field: value})
