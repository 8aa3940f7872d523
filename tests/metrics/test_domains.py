"""Scores on domains, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from hanet.metrics.domains import Score, row, score, share_interval
from hanet.poses.pair import Pair
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import H36M17, Skeleton

TWO = Skeleton("two", ("a", "b"), (-1, 0), (0,))


def pair(values: np.ndarray, gt: np.ndarray, root: tuple[int, ...] = (), person: str = "p") -> Pair:
    if gt.shape[2] == 2:
        sequence = PoseSequence.keypoints("s", values, TWO, fps=30.0)
    else:
        sequence = PoseSequence.joints("s", values, TWO, fps=30.0, frame_of_reference="camera")
    return Pair("d", person, sequence, gt, root)


def test_3d_is_in_millimetres_relative_to_the_root() -> None:
    gt = np.zeros((10, 2, 3))
    found = gt + np.array([1.0, 0, 0])  # the root is off by a metre, and so is the other joint
    found[:, 1, 1] += 0.01
    assert score(pair(found, gt, root=(0,)), found).error == pytest.approx(5.0)
    assert score(pair(found, gt), found).error == pytest.approx(500 + 500 * np.hypot(1, 0.01), rel=1e-6)
    assert np.isnan(score(pair(found, gt), found).pck)


def test_accel_is_the_second_difference_of_the_error() -> None:
    gt = np.zeros((5, 2, 3))
    found = gt.copy()
    found[2, 0, 0] = 0.004  # second differences 4, -8, 4 mm of one of two joints over three frames
    assert score(pair(found, gt), found).accel == pytest.approx(16 / 6)


def test_pck_counts_known_keypoints_within_the_share_of_the_box() -> None:
    gt = np.zeros((4, 2, 2))
    gt[:, 1] = [0.0, 200.0]  # 0.025 of the box are 5 pixels
    found = gt.copy()
    found[0, 0] = [4.9, 0.0]
    found[1, 0] = [5.1, 0.0]
    found[2, 0] = np.nan
    result = score(pair(found, gt), found)
    assert (result.weight, result.pck) == (7, pytest.approx(100 * 6 / 7))


def test_rows_weigh_frames_and_count_harm_by_sequence_and_person() -> None:
    zeros = np.zeros((3, 2, 3))
    pairs = [pair(zeros, zeros, person=person) for person in ("p", "p", "q")]
    before = [
        Score(1, 10.0, 1.0, 1.0, np.nan, 1.0, 1.0, 0.0),
        Score(3, 10.0, 1.0, 1.0, np.nan, 1.0, 1.0, 0.0),
        Score(1, 10.0, 1.0, 1.0, np.nan, 1.0, 1.0, 0.0),
    ]
    errors = (10.6, 9.0, 10.4)  # worse by more than 0.5 mm, better, not worse by more than that
    after = [
        Score(b.weight, error, 0.5, 1.0, np.nan, 1.0, 4.0, 2.0)
        for b, error in zip(before, errors, strict=True)
    ]
    found = row("m", pairs, before, after, np.random.default_rng(0))
    assert found.error == pytest.approx((10.6 + 27.0 + 10.4) / 5)
    assert found.accel == pytest.approx(0.5)
    assert found.unharmed == pytest.approx(2 / 3)
    assert found.unharmed_people == 1.0  # on average, p gains
    assert found.low < -0.4 < found.high


def test_skeletons_of_pairs_may_be_any() -> None:
    gt = np.random.default_rng(0).normal(size=(6, 17, 3))
    sequence = PoseSequence.joints("s", gt, H36M17, fps=30.0, frame_of_reference="camera")
    assert score(Pair("d", "p", sequence, gt), gt).error == 0.0


def test_intervals_of_shares() -> None:
    assert share_interval(0, 10)[0] == 0.0 and share_interval(10, 10)[1] == 1.0
    # 10 of 10: the low end is the tenth root of 0.025.
    assert share_interval(10, 10)[0] == pytest.approx(0.025**0.1)
    assert share_interval(5, 10) == pytest.approx((0.18709, 0.81291), abs=1e-5)


def test_spectrum_and_lag_of_a_wave() -> None:
    t = np.arange(240)[:, None, None] / 30
    phases = np.array([0.0, 1.0])[:, None]
    gt = np.concatenate([np.sin(2 * np.pi * 3 * t + phases), np.cos(2 * np.pi * 3 * t + phases)], axis=2)
    late = np.roll(gt, 2, axis=0)
    truth = pair(gt, gt)
    same, half, after = (score(truth, poses) for poses in (gt, 0.5 * gt, late))
    assert same.power == pytest.approx(same.gt_power) and same.lag == pytest.approx(0.0, abs=1e-9)
    assert half.power == pytest.approx(0.25 * same.gt_power)
    assert after.lag == pytest.approx(2000 / 30, rel=0.05)
    slow = pair(np.repeat(gt, 10, axis=0), np.repeat(gt, 10, axis=0))  # 0.3 Hz
    assert score(slow, slow.gt).gt_power < 0.05 * 10 * same.gt_power
