"""MPVPE by hand, under both protocols, in chunks of any size, and in memory that does not grow."""

from __future__ import annotations

import gc
import math
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hanet.metrics.functional import accel, mpjpe, pa_mpjpe
from hanet.metrics.mesh import evaluate_meshes, mpvpe, mpvpe_per_frame
from hanet.poses.skeletons import LSP14, SMPL24
from hanet.smpl.synthetic_body import synthetic_body
from hanet.smpl.tracks import SmplTrack, from_axis_angle

BODY = synthetic_body()


def track(name: str = "a", T: int = 12, seed: int = 0, spread: float = 0.3, **more) -> SmplTrack:
    rng = np.random.default_rng(seed)
    pose = rng.normal(size=(1, 72)) * 0.3 + rng.normal(size=(T, 72)) * spread
    return from_axis_angle(name, pose, fps=25.0, betas=rng.normal(size=10), **more)


def noisy(truth: SmplTrack, seed: int = 1, size: float = 0.05) -> SmplTrack:
    noise = np.random.default_rng(seed).normal(size=truth.poses.values.shape) * size
    return truth.with_poses(truth.poses.with_values((truth.poses.values + noise).astype(np.float32)))


def test_mpvpe_by_hand():
    gt = np.zeros((3, 2, 3))
    pred = gt.copy()
    pred[0] = [[0.003, 0.004, 0], [0, 0, 0.001]]  # 5 mm and 1 mm
    pred[1, 0] = [1, 0, 0]  # 1000 mm and 0
    gt[2, 1] = np.nan
    np.testing.assert_allclose(mpvpe_per_frame(pred, gt), [3, 500, np.nan])
    assert mpvpe(pred, gt) == pytest.approx((3 + 500) / 2)
    assert math.isnan(mpvpe(pred[2:], gt[2:]))


def test_a_perfect_prediction_scores_zero_and_translation_does_not_count():
    truth = track(transl=np.zeros((12, 3)))
    moved = replace(truth, transl=np.full((12, 3), 5, np.float32))
    means = evaluate_meshes([truth], [moved], BODY).means
    assert all(value == pytest.approx(0, abs=1e-4) for value in means.values())


def test_a_turned_root_by_hand():
    """Half a turn about the vertical through the pelvis moves a vertex by twice its distance from it."""
    pose = np.zeros((3, 24, 3))
    turned = pose.copy()
    turned[:, 0, 1] = np.pi
    scores = evaluate_meshes(
        [from_axis_angle("a", pose, fps=25.0)], [from_axis_angle("a", turned, fps=25.0)], BODY
    )
    rest = BODY.smpl.v_template.double().numpy() - BODY.rest_joints[0]
    assert scores.means["mpvpe_mm"] == pytest.approx(2000 * np.hypot(rest[:, 0], rest[:, 2]).mean(), rel=1e-5)
    assert scores.means["pa_mpjpe_mm"] == pytest.approx(0, abs=1e-3)
    assert scores.means["accel_mm_per_frame2"] == pytest.approx(0, abs=1e-3)


def test_the_protocols_differ_by_the_pelvis():
    """A shape that moves the pelvis counts under `released`; alignment takes the pelvis' share away."""
    truth = from_axis_angle("a", np.zeros((1, 72)), fps=25.0)
    betas = np.zeros(10)
    betas[0] = 1  # by hand: the first shape scales the body about the origin by 4 %
    larger = from_axis_angle("a", np.zeros((1, 72)), fps=25.0, betas=betas)
    rest = BODY.smpl.v_template.double().numpy()
    got = evaluate_meshes([truth], [larger], BODY).means
    for metric, origin in (("mpvpe_mm", np.zeros(3)), ("mpvpe_pelvis_mm", BODY.rest_joints[0])):
        expected = 40 * np.linalg.norm(rest - origin, axis=1).mean()
        assert got[metric] == pytest.approx(expected, rel=1e-4)
    # AIST++ gives the size as a factor instead.
    scaled = replace(truth, scaling=1.04)
    means = evaluate_meshes([scaled], [larger], BODY).means
    assert means["mpvpe_mm"] == pytest.approx(0, abs=1e-3)
    assert means["mpvpe_pelvis_mm"] == pytest.approx(0, abs=1e-3)


def test_joint_metrics_are_those_of_the_posed_joints():
    truth = track(T=20)
    detected = noisy(truth)
    scores = evaluate_meshes([truth], [detected], BODY, chunk=7)
    joints = [BODY.joints(t.matrices(), torch.from_numpy(t.betas)).numpy() for t in (detected, truth)]
    assert scores.means["mpjpe_mm"] == pytest.approx(mpjpe(*joints, root=SMPL24.root), rel=1e-5)
    assert scores.means["pa_mpjpe_mm"] == pytest.approx(pa_mpjpe(*joints), rel=1e-5)
    expected = accel(*joints, root=SMPL24.root)
    assert scores.means["accel_mm_per_frame2"] == pytest.approx(expected, rel=1e-4)
    assert scores.means["accel_m_per_s2"] == pytest.approx(expected * 0.625, rel=1e-4)
    assert set(scores.per_joint("mpjpe_mm")) == set(SMPL24.joints)
    assert evaluate_meshes([truth], [detected], BODY, joints="lsp14").joints == LSP14.joints


@settings(max_examples=15)
@given(chunk=st.integers(1, 40), T=st.integers(1, 30), gap=st.integers(0, 29))
def test_the_size_of_a_chunk_changes_nothing(chunk, T, gap):
    truth = track(T=T)
    truth.poses.values[gap % T] = np.nan
    detected = noisy(track(T=T))
    whole = evaluate_meshes([truth], [detected], BODY, chunk=T)
    parts = evaluate_meshes([truth], [detected], BODY, chunk=chunk)
    assert whole.frames == parts.frames == T - 1
    for name, mean in whole.means.items():
        assert parts.means[name] == pytest.approx(mean, rel=1e-4, nan_ok=True)


def test_unknown_truth_is_left_out_and_unknown_predictions_are_refused():
    truth, detected = track(T=6), noisy(track(T=6))
    labelled = np.ones((6, 24), dtype=bool)
    labelled[2, 5] = False
    partly = truth.with_poses(replace(truth.poses, labelled=labelled))
    without = evaluate_meshes([partly], [detected], BODY)
    assert without.frames == 5
    errors = []
    for t in (0, 1, 3, 4, 5):
        one = [
            SmplTrack(replace(x.poses, values=x.poses.values[[t]]), x.betas[[t]]) for x in (truth, detected)
        ]
        errors.append(evaluate_meshes(one[:1], one[1:], BODY).means["mpvpe_mm"])
    assert without.means["mpvpe_mm"] == pytest.approx(np.mean(errors), rel=1e-5)
    detected.poses.values[2] = np.nan
    assert evaluate_meshes([partly], [detected], BODY).means == without.means
    with pytest.raises(
        ValueError, match="a: no pose \\(NaN\\) in 1 frames that are to be scored, the first is 2"
    ):
        evaluate_meshes([truth], [detected], BODY)


def test_intervals_come_from_sequences():
    truths = [track(name, T=5, seed=i) for i, name in enumerate("abcd")]
    detected = [noisy(t, size=0.02 * (i + 1)) for i, t in enumerate(truths)]
    scores = evaluate_meshes(iter(truths), iter(detected), BODY)
    low, high = scores.intervals["mpvpe_mm"]
    assert low < scores.means["mpvpe_mm"] < high
    assert list(scores.to_frame()["sequence"]) == list("abcd")


@pytest.mark.parametrize(
    "gt, pred, more, text",
    [
        ("a", "a", {"chunk": 0}, "chunk must be at least 1 frame, got 0"),
        ("ab", "a", {}, "b: has no partner, because the predicted tracks end before it"),
        ("a", "ab", {}, "b: has no partner, because the true tracks end before it"),
        ("a", "b", {}, "key"),
        ("", "", {}, "nothing to score"),
    ],
)
def test_wrong_input_is_named(gt, pred, more, text):
    with pytest.raises(ValueError, match=text):
        evaluate_meshes([track(n, T=2) for n in gt], [track(n, T=2) for n in pred], BODY, **more)


def test_memory_does_not_grow_with_the_track():
    """Beyond the tracks, which here are views of one frame; the body is posed `chunk` frames at a time."""
    posed: list[int] = []

    def peak(T: int) -> int:
        one = track(T=1)
        values = np.broadcast_to(one.poses.values, (T, 24, 6))
        long = SmplTrack(replace(one.poses, values=values), np.broadcast_to(one.betas, (T, 10)))
        gc.collect()
        tracemalloc.start()
        evaluate_meshes([long], [long], BODY, chunk=16)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    hook = BODY.register_forward_hook(lambda _, inputs, __: posed.append(len(inputs[0])))
    short, long = peak(160), peak(1600)
    hook.remove()
    assert max(posed) == 16 and sum(posed) == 2 * 1760
    # What grows is a flag a number of the track (`isfinite`), 0.3 MB; its vertices would be 29 MB in float32.
    assert long - short < 1_000_000
