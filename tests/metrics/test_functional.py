"""Every metric by hand, and the properties that define it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from hanet.metrics import (
    accel,
    accel_m_per_s2,
    accel_smoothnet,
    box_size,
    fast_frames,
    frame_speed,
    mpjpe,
    mpjpe_per_frame,
    pa_mpjpe,
    pck,
    procrustes,
    torso_size,
)
from hanet.metrics.functional import accel_per_joint, collapsed, pck_hits
from hanet.poses.skeletons import JHMDB15

SEEDS = st.integers(0, 2**32 - 1)


def poses(seed: int, T: int = 4, J: int = 6, D: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(T, J, D))


# MPJPE


def test_mpjpe_by_hand():
    gt = np.zeros((2, 2, 3))
    pred = np.zeros((2, 2, 3))
    pred[0, 1] = [0.003, 0.004, 0]  # 5 mm at one of two joints
    pred[1] += 7.0  # a shift of all joints is no error
    np.testing.assert_allclose(mpjpe_per_frame(pred, gt, root=(0,)), [2.5, 0], atol=1e-12)
    assert mpjpe(pred, gt, root=(0,)) == pytest.approx(1.25)


def test_the_root_is_the_mean_of_its_joints():
    gt = np.zeros((1, 2, 3))
    pred = np.zeros((1, 2, 3))
    pred[0, 1, 0] = 0.01
    # Both joints are 5 mm from their mean.
    assert mpjpe(pred, gt, root=(0, 1)) == pytest.approx(5.0)
    assert mpjpe(pred, gt, root=(1,)) == pytest.approx(5.0)  # 10 mm at joint 0, none at the root
    pred[0, 0, 0] = -0.02
    assert mpjpe(pred, gt, root=(0, 1)) == pytest.approx(15.0)


def test_unknown_frames_are_left_out_and_missing_predictions_are_not():
    gt, pred = poses(0, T=3), poses(1, T=3)
    known = mpjpe(pred[1:], gt[1:], root=(0,)), pa_mpjpe(pred[1:], gt[1:])
    gt[0, 2] = np.nan
    assert (mpjpe(pred, gt, root=(0,)), pa_mpjpe(pred, gt)) == pytest.approx(known)
    assert np.isnan(mpjpe_per_frame(pred, gt, root=(0,))).tolist() == [True, False, False]
    pred[1, 4] = np.nan
    assert np.isnan(mpjpe(pred, gt, root=(0,)))
    assert np.isnan(pa_mpjpe(pred, gt))


def test_no_known_frame_is_nan():
    gt = np.full((4, 3, 3), np.nan)
    pred = np.zeros((4, 3, 3))
    assert np.isnan([mpjpe(pred, gt, root=(0,)), pa_mpjpe(pred, gt), accel(pred, gt, root=(0,))]).all()


# PA-MPJPE


def test_pa_mpjpe_by_hand():
    gt = np.array([[[-1.0, 0, 0], [1, 0, 0], [0, -1, 0], [0, 1, 0]]])
    pred = gt.copy()
    pred[0, :2] *= 2  # a cross with arms 2 and 1: the best scale is (2+2+1+1)/(4+4+1+1)
    error = (2 * (2 * 0.6 - 1) + 2 * (1 - 0.6)) / 4
    assert pa_mpjpe(pred, gt) == pytest.approx(1000 * error)


@given(SEEDS, st.floats(0.1, 10))
def test_procrustes_undoes_a_similarity(seed, scale):
    gt, moved = poses(seed), poses(seed)
    rng = np.random.default_rng(seed)
    for t, rotation in enumerate(Rotation.random(len(gt), random_state=rng)):
        moved[t] = scale * rotation.apply(gt[t]) + rng.normal(size=3)
    np.testing.assert_allclose(procrustes(moved, gt), gt, atol=1e-9)


@given(SEEDS, st.floats(0.1, 10))
def test_pa_mpjpe_ignores_a_similarity_of_the_prediction(seed, scale):
    pred, gt = poses(seed), poses(seed + 1)
    moved = scale * Rotation.random(random_state=seed).apply(pred.reshape(-1, 3)).reshape(pred.shape) + 3.0
    assert pa_mpjpe(moved, gt) == pytest.approx(pa_mpjpe(pred, gt))


@given(SEEDS)
def test_no_similarity_is_better_in_squares(seed):
    """Procrustes minimises squared distances, so no root alignment and no other similarity beats it there."""
    pred, gt = poses(seed), poses(seed + 1)

    def squares(aligned: np.ndarray) -> np.ndarray:
        return ((aligned - gt) ** 2).sum(axis=(1, 2))

    best = squares(procrustes(pred, gt))
    other = Rotation.random(random_state=seed).apply(pred.reshape(-1, 3)).reshape(pred.shape)
    for candidate in (pred, other, 0.5 * other, pred - pred[:, :1] + gt[:, :1]):
        assert (best <= squares(candidate) + 1e-9).all()


def test_a_mirror_image_is_not_undone():
    gt = poses(3)
    mirrored = gt * [-1, 1, 1]
    assert pa_mpjpe(mirrored, gt) > 100
    flat = gt * [1, 1, 0]  # turning a flat pose over is a rotation
    np.testing.assert_allclose(procrustes(flat * [-1, 1, 1], flat), flat, atol=1e-9)


def test_a_collapsed_prediction_lands_on_the_centroid():
    gt = poses(4)
    pred = np.ones_like(gt)
    pred[1] = poses(5)[1]
    assert collapsed(pred).tolist() == [True, False, True, True]
    np.testing.assert_allclose(procrustes(pred, gt)[0], np.tile(gt[0].mean(axis=0), (6, 1)))


# Accel


def test_accel_by_hand():
    gt = np.zeros((3, 2, 3))
    pred = np.zeros((3, 2, 3))
    pred[1, 1] = [0, 0.003, 0.004]  # second difference: 10 mm at one of two joints
    assert accel(pred, gt, root=(0,)) == pytest.approx(5.0)
    assert accel_smoothnet(pred, gt, root=(0,)) == pytest.approx(5.0 / 3)
    assert accel_m_per_s2(5.0, 30.0) == pytest.approx(4.5)


@given(SEEDS)
def test_constant_velocity_has_no_acceleration(seed):
    start, velocity = poses(seed, T=1), poses(seed + 1, T=1)
    moving = start + velocity * np.arange(7)[:, None, None]
    assert accel(moving, np.zeros_like(moving), root=(0,)) == pytest.approx(0, abs=1e-9)


def test_accel_needs_three_known_frames_in_a_row():
    gt, pred = poses(0, T=7), poses(1, T=7)
    gt[3, 1] = np.nan
    ends = [accel(pred[part], gt[part], root=(0,)) for part in (slice(0, 3), slice(4, 7))]
    assert accel(pred, gt, root=(0,)) == pytest.approx(np.mean(ends))
    assert np.isnan(accel(pred[:2], gt[:2], root=(0,)))


def test_without_a_root_only_the_unknown_keypoint_is_left_out():
    gt, pred = poses(0, T=3, D=2), poses(1, T=3, D=2)
    gt[1, 2] = np.nan
    error = accel_per_joint(pred, gt, root=None)
    assert np.isnan(error).tolist() == [[False, False, True, False, False, False]]
    second = (pred - gt)[0] - 2 * (pred - gt)[1] + (pred - gt)[2]
    assert error[0, 0] == pytest.approx(np.hypot(*second[0]))


# PCK


def test_pck_by_hand():
    gt = np.zeros((2, 2, 2))
    pred = np.array([[[3.0, 4], [3, 4.1]], [[0, 0], [0, 5]]])
    size = np.array([50.0, 40.0])  # 5 px and 4 px at alpha 0.1
    np.testing.assert_array_equal(pck_hits(pred, gt, size, alpha=0.1), [[1, 0], [1, 0]])
    np.testing.assert_array_equal(pck(pred, gt, size, alpha=0.1), [1, 0])
    np.testing.assert_array_equal(pck(pred, gt, size, alpha=0.125), [1, 1])


def test_pck_of_the_unknown_and_the_missed():
    gt = np.zeros((2, 3, 2))
    pred = np.zeros((2, 3, 2))
    size = np.array([10.0, 10.0])
    gt[0, 0] = np.nan  # known once, hit
    gt[:, 1] = np.nan  # never known
    pred[0, 2] = np.nan  # missed once
    np.testing.assert_array_equal(pck(pred, gt, size, alpha=0.1), [1, np.nan, 0.5])
    size[1] = np.nan  # the frame of the other hit has no box
    np.testing.assert_array_equal(pck(pred, gt, size, alpha=0.1), [np.nan, np.nan, 0])


def test_sizes_by_hand():
    np.testing.assert_array_equal(box_size(np.array([[10.0, 20, 40, 30], [0, 0, 5, 6]])), [30, 6])
    gt = np.zeros((1, 15, 2))
    gt[0, JHMDB15.index("l_shoulder")] = [3, 4]
    np.testing.assert_array_equal(torso_size(gt, JHMDB15), [5])


# The fastest frames


def test_frame_speed_by_hand():
    gt = np.zeros((4, 2, 3))
    gt[:, 1, 0] = [0, 1, 4, 9]
    # Differences 1, (4-0)/2, (9-1)/2, 5 at one of two joints.
    np.testing.assert_allclose(frame_speed(gt, root=(0,)), [0.5, 1, 2, 2.5])
    np.testing.assert_allclose(frame_speed(gt + np.arange(4)[:, None, None], root=(0,)), [0.5, 1, 2, 2.5])
    assert np.isnan(frame_speed(gt[:1], root=(0,))).all()


def test_fast_frames_by_hand():
    speed = np.arange(40.0)
    assert np.flatnonzero(fast_frames(speed)).tolist() == [38, 39]
    assert fast_frames(speed[:20]).sum() == 1
    assert fast_frames(speed[:21]).sum() == 2
    speed[20:] = np.nan
    assert np.flatnonzero(fast_frames(speed)).tolist() == [19]
    assert not fast_frames(np.full(3, np.nan)).any()


@pytest.mark.parametrize("share", [0.0, 1.1])
def test_a_share_outside_0_and_1_is_refused(share):
    with pytest.raises(ValueError, match="share must be above 0"):
        fast_frames(np.arange(3.0), share=share)
