"""Protocols, pooling and pairing, by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanet.metrics import evaluate, mpjpe, pa_mpjpe, whole_windows
from hanet.metrics.accumulate import Accumulator
from hanet.metrics.functional import accel
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import H36M17, JHMDB15, LSP14, SMPL24

FEW = {"resamples": 20}


def joints(name: str, T: int, *, seed: int = 0, fps: float = 30.0) -> PoseSequence:
    values = np.random.default_rng(seed).normal(size=(T, 17, 3)).astype(np.float32)
    return PoseSequence(name, values, H36M17, "3d", fps, "m", "camera")


def keypoints(name: str, T: int, *, offset: float = 0.0) -> PoseSequence:
    """Keypoints at (j, 2j) + offset to the right; 100 px boxes."""
    j = np.arange(15.0)
    values = np.broadcast_to(np.stack([j + offset, 2 * j], axis=1), (T, 15, 2)).copy()
    boxes = np.tile([0.0, 0, 100, 50], (T, 1))
    return PoseSequence(name, values, JHMDB15, "2d", 25.0, "px", "image", boxes=boxes)


def off(sequence: PoseSequence, mm: float) -> PoseSequence:
    """All joints but the root displaced by `mm`."""
    values = sequence.values.copy()
    values[:, 1:, 0] += mm / 1000
    return sequence.with_values(values)


# 3D


def test_means_are_the_metrics_pooled_over_frames():
    gt = [joints("a", 9, seed=1), joints("b", 5, seed=2)]
    detected = [joints("a", 9, seed=3), joints("b", 5, seed=4)]
    scores = evaluate(gt, detected, **FEW)
    pairs = [(d.values, g.values) for g, d in zip(gt, detected, strict=True)]
    frames = np.array([9, 5])
    assert scores.means["mpjpe_mm"] == pytest.approx(
        np.average([mpjpe(*pair, root=(0,)) for pair in pairs], weights=frames)
    )
    assert scores.means["pa_mpjpe_mm"] == pytest.approx(
        np.average([pa_mpjpe(*pair) for pair in pairs], weights=frames)
    )
    second = np.average([accel(*pair, root=(0,)) for pair in pairs], weights=frames - 2)
    assert scores.means["accel_mm_per_frame2"] == pytest.approx(second)
    assert scores.means["accel_m_per_s2"] == pytest.approx(second * 0.9)
    assert (scores.frames, scores.sequences, scores.protocol) == (14, 2, "full")


def test_per_joint_and_per_sequence_by_hand():
    gt = [joints("a", 4), joints("b", 12)]
    detected = [off(gt[0], 17), off(gt[1], 34)]
    scores = evaluate(gt, detected, **FEW)
    assert scores.means["mpjpe_mm"] == pytest.approx((4 * 16 + 12 * 32) / 16, rel=1e-5)
    per_joint = scores.per_joint("mpjpe_mm")
    assert per_joint["pelvis"] == 0
    assert per_joint["r_hip"] == pytest.approx((4 * 17 + 12 * 34) / 16, rel=1e-5)
    table = scores.to_frame()
    assert table[["sequence", "track", "frames"]].to_numpy().tolist() == [["a", 0, 4], ["b", 0, 12]]
    assert table["mpjpe_mm"].tolist() == pytest.approx([16, 32], rel=1e-5)
    # Resamples of the two clips give 16, 28 or 32 with probability 1/4, 1/2, 1/4: variance 36, times 2 / 1.
    half = 12.7062 * np.sqrt(72)
    assert scores.intervals["mpjpe_mm"] == pytest.approx((28 - half, 28 + half), rel=1e-4)


def test_the_fastest_frames_are_those_of_all_sequences():
    slow, fast = joints("slow", 20), joints("fast", 20)
    slow = slow.with_values(np.zeros_like(slow.values))
    moving = np.zeros_like(fast.values)
    moving[:, 1:, 0] = (np.arange(20) ** 2 / 1000)[:, None]
    fast = fast.with_values(moving)
    # The two fastest of 40 frames are the last of "fast".
    wrong = moving.copy()
    wrong[18, 1:, 1] += 0.017
    wrong[19, 1:, 1] += 0.034
    scores = evaluate([slow, fast], [slow, fast.with_values(wrong)], **FEW)
    assert scores.means["mpjpe_fast5_mm"] == pytest.approx((16 + 32) / 2, rel=1e-4)
    assert scores.means["mpjpe_mm"] == pytest.approx((16 + 32) / 40, rel=1e-4)
    with pytest.raises(ValueError, match="mpjpe_fast5_mm is a number per frame"):
        scores.per_joint("mpjpe_fast5_mm")
    with pytest.raises(ValueError, match="no metric 'mpjpe'; there are mpjpe_mm"):
        scores.per_joint("mpjpe")


def test_unlabelled_frames_are_not_scored():
    gt = joints("a", 8)
    detected = off(gt, 17).values
    labelled = np.ones((8, 17), dtype=bool)
    labelled[5, 3] = False
    detected[5] = np.nan  # not even needed
    scores = evaluate([replace(gt, labelled=labelled)], [gt.with_values(detected)], **FEW)
    assert scores.frames == 7
    assert scores.means["mpjpe_mm"] == pytest.approx(16, rel=1e-5)
    assert scores.rows[0].tallies["accel_mm_per_frame2"].weight[0] == 3  # frames 1, 2, 3


def test_a_joint_that_is_known_in_no_frame_is_left_out_not_the_frames():
    """3DPW's and AIST++'s 14 joints made of the releases' own: neck and head top are missing throughout."""
    whole = PoseSequence("a", joints("a", 9).values[:, :14], LSP14, "3d", 30.0, "m", "camera_root_relative")
    labelled = np.ones((9, 14), dtype=bool)
    labelled[:, 12:] = False
    gt = replace(whole, labelled=labelled)
    moved = whole.values.copy()
    moved[:, 0, 1] += 0.012
    moved[:, 13, 1] += 99.0  # nobody knows
    scores = evaluate([gt], [whole.with_values(moved)], **FEW)
    assert scores.means["mpjpe_mm"] == pytest.approx(12 / 12, rel=1e-4)
    assert scores.means["pa_mpjpe_mm"] == pytest.approx(
        pa_mpjpe(moved[:, :12], whole.values[:, :12]), rel=1e-5
    )
    assert (scores.frames, scores.means["accel_mm_per_frame2"]) == (9, pytest.approx(0, abs=1e-3))
    by_joint = scores.per_joint("mpjpe_mm")
    assert by_joint["r_ankle"] == pytest.approx(12, rel=1e-4)
    assert np.isnan(by_joint[LSP14.joints[13]]) and by_joint[LSP14.joints[5]] == 0
    labelled[2, 3] = False  # a hip, once: that frame has no root
    assert evaluate([gt], [whole], **FEW).frames == 8
    labelled[:, 3] = False  # never a root: nothing can be measured
    assert evaluate([gt], [whole], **FEW).frames == 0


def test_a_missing_prediction_is_not_dropped():
    gt = joints("walk", 8)
    values = gt.values.copy()
    values[[2, 4], 0] = np.nan
    with pytest.raises(ValueError, match=r"walk: no pose \(NaN\) in 2 frames .* first is 2; fill missing"):
        evaluate([gt], [gt.with_values(values)])


def test_smoothnet_counts_both_ends_as_zero():
    gt, detected = joints("a", 6, seed=1), joints("a", 6, seed=2)
    full = evaluate([gt], [detected], **FEW).means
    smoothnet = evaluate([gt], [detected], protocol="smoothnet", **FEW).means
    assert smoothnet["accel_mm_per_frame2"] == pytest.approx(full["accel_mm_per_frame2"] * 4 / 6)
    assert smoothnet["mpjpe_mm"] == full["mpjpe_mm"]


# Protocols


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=4), st.integers(1, 6), st.integers(1, 5))
def test_full_scores_every_frame_once(lengths, interval, q):
    gt = [joints(str(i), T, seed=i) for i, T in enumerate(lengths)]
    seen: list[int] = []

    def refine(sequence: PoseSequence) -> PoseSequence:
        seen.append(len(sequence))
        return off(sequence, 17)

    scores = evaluate(gt, gt, refine, interval=interval, q=q, resamples=2)
    assert seen == lengths == [row.frames for row in scores.rows]
    assert scores.frames == sum(lengths)
    assert [row.tallies["mpjpe_mm"].weight[0] for row in scores.rows] == lengths
    assert scores.means["mpjpe_mm"] == pytest.approx(16, rel=1e-4)


@pytest.mark.parametrize(("T", "frames"), [(3, 11), (11, 11), (15, 11), (16, 16), (23, 21)])
def test_whole_windows_drops_and_pads(T, frames):
    sequence = keypoints("a", T)
    sequence = replace(sequence, start=7, scores=np.ones((T, 15)), labelled=np.zeros((T, 15), dtype=bool))
    fitted = whole_windows(sequence, window=11, stride=5)
    assert len(fitted) == frames and fitted.start == 7
    kept = min(T, frames)
    assert fitted.boxes is not None and fitted.labelled is not None and fitted.scores is not None
    np.testing.assert_array_equal(fitted.values[:kept], sequence.values[:kept])
    for padded in (fitted.values, fitted.boxes, fitted.scores):
        assert not padded[kept:].any()
    assert fitted.labelled[kept:].all() and not fitted.labelled[:kept].any()


def test_released_scores_the_padding_and_drops_the_tail():
    gt = [joints("short", 4), joints("long", 9)]
    detected = [off(gt[0], 17), off(gt[1], 17)]
    scores = evaluate(gt, detected, protocol="released", interval=2, q=3, step_q=2, **FEW)
    assert [row.frames for row in scores.rows] == [7, 7]
    assert scores.means["mpjpe_mm"] == pytest.approx((4 * 16 + 3 * 0 + 7 * 16) / 14, rel=1e-5)
    # The padded frames of the input are collapsed and have no alignment.
    assert [row.tallies["pa_mpjpe_mm"].weight[0] for row in scores.rows] == [4, 7]


def test_released_needs_its_windows():
    with pytest.raises(ValueError, match="give interval and q"):
        evaluate([joints("a", 4)], [joints("a", 4)], protocol="released", interval=5)


def test_an_unknown_protocol():
    with pytest.raises(ValueError, match="unknown protocol 'fair'; there are full, released, smoothnet"):
        evaluate([], [], protocol="fair")


# 2D


def test_pck_averages_by_hand():
    gt = [keypoints("a", 2), keypoints("b", 6)]
    detected = [keypoints("a", 2, offset=8), keypoints("b", 6, offset=12)]
    scores = evaluate(gt, detected, **FEW)
    means = scores.means
    assert (means["pck_005"], means["pck_010"], means["pck_020"]) == (0, 0.5, 1)
    assert means["pck_010_per_frame"] == 0.25
    # Left shoulder (4, 8) and right hip (5, 10): a torso of 2.2 px, which no prediction is near to.
    assert means["pck_020_torso"] == 0
    assert means["accel_px_per_frame2"] == 0
    assert scores.per_joint("pck_010")["neck"] == 0.5
    assert scores.frames == 8


@pytest.mark.parametrize(
    ("index", "name"),
    [
        *((0, "neck"), (1, "belly"), (2, "face"), (3, "r_shoulder"), (4, "l_shoulder")),
        *((5, "r_hip"), (6, "l_hip"), (7, "r_elbow"), (8, "l_elbow"), (9, "r_knee"), (10, "l_knee")),
        *((11, "r_wrist"), (12, "l_wrist"), (13, "r_ankle"), (14, "l_ankle")),
    ],
)
def test_every_pck_column_has_its_joints_name(index, name):
    """Sub-JHMDB's joint 0 is the neck, not the head: a keypoint that is off shows under its own name."""
    gt = keypoints("a", 2)
    values = gt.values.copy()
    values[:, index] += 50
    scores = evaluate([gt], [gt.with_values(values)], **FEW)
    for metric in ("pck_005", "pck_010", "pck_020", "pck_020_per_frame"):
        assert [joint for joint, share in scores.per_joint(metric).items() if share == 0] == [name]
        assert scores.means[metric] == pytest.approx(14 / 15)


def test_an_unlabelled_keypoint_leaves_the_others_in():
    gt = keypoints("a", 2)
    labelled = np.ones((2, 15), dtype=bool)
    labelled[0, 0] = False
    labelled[:, 1] = False
    detected = keypoints("a", 2).values
    detected[1, 0] = np.nan
    scores = evaluate([replace(gt, labelled=labelled)], [gt.with_values(detected)], **FEW)
    per_joint = scores.per_joint("pck_005")
    assert per_joint["neck"] == 0 and np.isnan(per_joint["belly"])
    assert scores.means["pck_005"] == pytest.approx(13 / 14)
    assert scores.frames == 2


def test_keypoints_without_boxes():
    gt = replace(keypoints("clip", 2), boxes=None)
    with pytest.raises(ValueError, match="clip: PCK measures by the person's box"):
        evaluate([gt], [gt])


# Pairing


def test_sequences_are_read_one_pair_at_a_time():
    order: list[str] = []

    def stream(kind: str) -> Iterator[PoseSequence]:
        for name in "abc":
            order.append(kind + name)
            yield joints(name, 4)

    evaluate(stream("gt "), stream("detected "), lambda s: (order.append("refine"), s)[1], **FEW)
    assert order == [step for name in "abc" for step in (f"gt {name}", f"detected {name}", "refine")]


def test_sequences_that_do_not_pair():
    a, b = joints("a", 4), joints("b", 4)
    with pytest.raises(ValueError, match=r"a: ground truth has key \('a', 0\)"):
        evaluate([a], [b])
    with pytest.raises(ValueError, match="b: in the ground truth, but the detected"):
        evaluate([a, b], [a])
    with pytest.raises(ValueError, match="b: among the detected sequences"):
        evaluate([a], [a, b])
    with pytest.raises(ValueError, match="nothing to score"):
        evaluate([], [])
    with pytest.raises(ValueError, match="a: ground truth has 4 frames"):
        evaluate([a], [a], lambda s: s.with_values(s.values[1:]))


def test_skeletons_are_not_mixed():
    other = PoseSequence("b", np.ones((4, 14, 3)), LSP14, "3d", 30.0, "m", "camera")
    with pytest.raises(ValueError, match="b: 3d on lsp14 cannot be pooled with 3d on h36m17 of a"):
        evaluate([joints("a", 4), other], [joints("a", 4), other])


def test_rotations_are_refused():
    pose = PoseSequence("a", np.ones((4, 24, 6)), SMPL24, "smpl", 30.0, "rot6d", "parent")
    with pytest.raises(ValueError, match="rotations are scored as joints"):
        evaluate([pose], [pose])


# Reports


def test_to_dict_is_json_without_nan():
    report = evaluate([joints("a", 2)], [joints("a", 2)], **FEW).to_dict()
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    assert (report["protocol"], report["sequences"], report["frames"]) == ("full", 1, 2)
    assert report["means"]["mpjpe_mm"] == 0
    assert report["means"]["accel_mm_per_frame2"] is None  # two frames have none
    assert report["intervals_95"]["mpjpe_mm"] == [None, None]  # one sequence has none


def test_an_empty_accumulator():
    with pytest.raises(ValueError, match="nothing to score: no sequences were given"):
        Accumulator(protocol="full", joints=H36M17.joints).scores()
