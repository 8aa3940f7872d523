"""Refining frame by frame: `hanet.Stream`, and files refined at the same lag."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

import hanet
from hanet.methods.fixed_lag import FixedLag
from hanet.methods.general import FASTEST, refine_general
from hanet.methods.window_stream import WINDOW
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import Skeleton

TWO_BONES = Skeleton("five", ("a", "b", "c", "d", "e"), (-1, 0, 0, 0, 0), (0, 1, 2, 3, 4))


def motion(rng: np.random.Generator, T: int = 150, J: int = 5, D: int = 3) -> np.ndarray:
    """Smooth motion in metres of a body about two metres tall."""
    rest = rng.normal(size=(1, J, D))
    return rest + 0.6 * gaussian_filter1d(rng.normal(size=(T, J, D)), 12.0, axis=0)


def streamed(poses: np.ndarray, fps: float, lag: float, **options: Any) -> np.ndarray:
    stream = hanet.Stream(fps, poses.shape[1], lag, **options)
    frames = [frame for pose in poses if (frame := stream.push(pose)) is not None]
    return np.stack([*frames, *stream.finish()])


@pytest.mark.parametrize(("fps", "lag", "frames"), [(30.0, 0, 0), (30.0, 100, 3), (120.0, 33, 4)])
def test_a_frame_comes_after_the_lag(fps: float, lag: float, frames: int, rng: np.random.Generator) -> None:
    stream = hanet.Stream(fps, 5, lag)
    given = [stream.push(pose) for pose in motion(rng, T=12)]
    assert [frame is None for frame in given] == [t < frames for t in range(12)]
    assert len(stream.finish()) == frames


@pytest.mark.parametrize("lag", [0.0, 33.0, 100.0])
@pytest.mark.parametrize("D", [2, 3])
def test_equals_a_track_refined_at_this_lag(lag: float, D: int, rng: np.random.Generator) -> None:
    noisy = motion(rng, D=D) + 0.02 * rng.normal(size=(150, 5, D))
    noisy[40:44, 2] = np.nan
    np.testing.assert_array_equal(hanet.refine(noisy, fps=60, lag=lag), streamed(noisy, 60, lag))


def test_no_frame_depends_on_later_ones(rng: np.random.Generator) -> None:
    noisy = motion(rng) + 0.02 * rng.normal(size=(150, 5, 3))
    other = noisy.copy()
    other[100:] += 1.0
    one, changed = (streamed(poses, 30, 100) for poses in (noisy, other))
    np.testing.assert_array_equal(one[:97], changed[:97])
    assert np.abs(one[97:] - changed[97:]).max() > 1e-3


@pytest.mark.parametrize("lag", [0.0, 66.0])
def test_a_constant_pose_stays_as_it_is(lag: float, rng: np.random.Generator) -> None:
    poses = np.repeat(1e4 * rng.normal(size=(1, 5, 2)), 80, axis=0)
    np.testing.assert_array_equal(streamed(poses, 30, lag), poses)


def test_jitter_is_removed_and_more_of_it_at_more_lag(rng: np.random.Generator) -> None:
    gt = motion(rng, T=400)
    noisy = gt + 0.02 * rng.normal(size=gt.shape)
    errors = [np.abs(streamed(noisy, 30, lag) - gt).mean() for lag in (0, 33, 100)]
    assert errors == sorted(errors, reverse=True)
    assert errors[0] < 0.95 * np.abs(noisy - gt).mean() and errors[2] < 0.65 * np.abs(noisy - gt).mean()


def test_smooth_motion_is_hardly_changed(rng: np.random.Generator) -> None:
    gt = motion(rng)
    assert np.abs(streamed(gt, 30, 100) - gt).max() < 4e-3  # of a body of two metres


def test_a_missing_joint_moves_on_and_then_is_missing(rng: np.random.Generator) -> None:
    gt = motion(rng)
    seen = gt.copy()
    seen[:5, 0] = np.nan
    seen[40:46, 1] = np.nan  # 0.2 s
    seen[60:100, 2] = np.nan  # 1.3 s
    seen[:, 3] = np.nan
    refined = streamed(seen, 30, 100, max_gap=0.25)
    expected = np.zeros((150, 5), dtype=bool)
    expected[:5, 0] = expected[67:100, 2] = expected[:, 3] = True
    np.testing.assert_array_equal(np.isnan(refined).any(axis=2), expected)
    assert np.linalg.norm(refined[40:46, 1] - gt[40:46, 1], axis=1).max() < 0.1
    assert np.linalg.norm(refined[100:, 2] - gt[100:, 2], axis=1).max() < 0.1


def test_confidence_0_is_a_missing_joint(rng: np.random.Generator) -> None:
    poses, scores = motion(rng, T=30), np.ones(5)
    marked, given = hanet.Stream(30, 5, 33), hanet.Stream(30, 5, 33)
    for pose in poses:
        missing, wrong = pose.copy(), pose.copy()
        missing[2], wrong[2], scores[2] = np.nan, 0.0, 0.0
        one, other = marked.push(missing), given.push(wrong, scores)
        np.testing.assert_array_equal([] if one is None else one, [] if other is None else other)


def test_outliers_are_removed_and_a_lasting_jump_is_followed(rng: np.random.Generator) -> None:
    gt = motion(rng) + 0.005 * rng.normal(size=(150, 5, 3))
    noisy = gt.copy()
    noisy[60:62, 1] += 0.8
    noisy[100:, 2] += 2.0
    refined = streamed(noisy, 30, 66)
    assert np.linalg.norm(refined[55:70, 1] - gt[55:70, 1], axis=1).max() < 0.1
    assert np.linalg.norm(refined[120:, 2] - noisy[120:, 2], axis=1).max() < 0.05


def test_commutes_with_shift_scale_and_order_of_joints(rng: np.random.Generator) -> None:
    noisy = motion(rng) + 0.02 * rng.normal(size=(150, 5, 3))
    order, refined = rng.permutation(5), streamed(noisy, 30, 66)
    moved = streamed(1000 * noisy[:, order] + 50.0, 30, 66)
    np.testing.assert_allclose(moved, 1000 * refined[:, order] + 50.0, atol=1e-6)


@pytest.mark.parametrize(("fps", "lag"), [(30.0, 0.0), (30.0, 100.0), (120.0, 33.0)])
def test_the_network_refines_the_last_frames(fps: float, lag: float, rng: np.random.Generator) -> None:
    noisy = motion(rng, T=70) + 0.02 * rng.normal(size=(70, 5, 3))
    noisy[40:44, 2] = np.nan
    frames, kept = round(lag * fps / 1000), WINDOW * int(np.ceil(fps / FASTEST))
    given = streamed(noisy, fps, lag, network=True)
    for t in (0, 20, 60):
        last = t + frames + 1
        first = max(0, last - kept)
        np.testing.assert_allclose(given[t], refine_general(noisy[first:last], fps)[t - first], atol=1e-12)
    other = noisy.copy()
    other[50:] += 1.0
    changed = streamed(other, fps, lag, network=True)
    np.testing.assert_array_equal(given[: 50 - frames], changed[: 50 - frames])
    sequence = PoseSequence.joints("s", noisy, TWO_BONES, fps=fps, frame_of_reference="camera")
    np.testing.assert_array_equal(FixedLag(0.25, lag, network=True).refine(sequence).values, given)


def test_the_network_holds_a_missing_joint_and_then_it_is_missing(rng: np.random.Generator) -> None:
    seen = motion(rng, T=90, J=3)
    seen[:5, 0] = seen[30:80, 1] = np.nan
    refined = streamed(seen, 30, 66, network=True, max_gap=0.25)
    assert np.isnan(refined[:5, 0]).all() and np.isfinite(refined[5:, 0]).all()
    np.testing.assert_array_equal(
        np.isnan(refined[:, 1]).any(axis=1), (np.arange(90) > 36) & (np.arange(90) < 80)
    )
    np.testing.assert_allclose(refined[33:37, 1], np.repeat(refined[32:33, 1], 4, axis=0))
    stream = hanet.Stream(30, 3, 66, network=True)
    assert stream.finish() == []
    given = [frame for frame in map(stream.push, seen) if frame is not None] + stream.finish()
    np.testing.assert_array_equal(given[:30], refined[:30])
    assert stream.push(np.zeros((3, 2))) is None  # it starts again, in 2D


def test_wrong_frames_and_options_are_refused() -> None:
    stream = hanet.Stream(30, 5)
    stream.push(np.zeros((5, 2)))
    for frame, scores in ((np.zeros((5, 3)), None), (np.zeros((4, 2)), None), (np.zeros((5, 2)), np.ones(4))):
        with pytest.raises(ValueError, match="expected"):
            stream.push(frame, scores)
    with pytest.raises(ValueError, match="infinite"):
        stream.push(np.full((5, 2), np.inf))
    for fps in (0, 10**400, float("inf")):
        with pytest.raises(ValueError, match="fps must be"):
            hanet.Stream(fps=fps, joints=5)
    for options in ({"joints": 0}, {"lag": -1}, {"lag": 5000}):
        with pytest.raises(ValueError, match="lag of 0 to 1000"):
            hanet.Stream(**dict[str, Any]({"fps": 30, "joints": 5, **options}))
    with pytest.raises(ValueError, match="lag of 0 to 1000"):
        FixedLag(0.25, 5000.0)
    with pytest.raises(ValueError, match="general refiner's alone"):
        hanet.refine(np.zeros((9, 5, 2)), fps=30, method="median", lag=33)
