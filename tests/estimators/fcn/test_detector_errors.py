"""Detector-like errors: where they come, how large they are, and what scores tell of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hanet.estimators.fcn.detector_errors import DetectorErrors, detect, frame_kinds
from hanet.poses.frame_kinds import FRAME_KINDS
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import H36M17, JHMDB15, Skeleton

NONE = DetectorErrors(
    jitter=0.0,
    drift=0.0,
    drift_time=0.5,
    burst_rate=0.0,
    burst_time=0.2,
    burst_size=0.0,
    swap_rate=0.0,
    swap_time=0.2,
)
SIZE = 250.0


def make(T=200, fps=50.0, name="walk", skeleton: Skeleton = H36M17, size=SIZE, **fields) -> PoseSequence:
    """Joint j stands at (j, 100·j) the whole time, in a box whose longer side is `size`."""
    joint = np.arange(len(skeleton), dtype=np.float32)
    values = np.tile(np.stack([joint, 100 * joint], axis=-1), (T, 1, 1))
    boxes = np.tile(np.float32([10, 20, 10 + 0.4 * size, 20 + size]), (T, 1))
    return PoseSequence(name, values, skeleton, "2d", fps, "px", "image", boxes=boxes, **fields)


def error(truth: PoseSequence, seed=1, **errors: float) -> np.ndarray:
    """Detected minus true keypoints, in shares of the person's size (T, J, 2)."""
    return (detect(truth, replace(NONE, **errors), seed=seed).values - truth.values) / SIZE


def joint(*names: str) -> list[int]:
    return [H36M17.index(name) for name in names]


PLAIN = joint("pelvis", "r_hip", "l_hip", "spine", "thorax", "nose", "head_top", "l_shoulder", "r_shoulder")
LIMBS = joint(*(f"{s}_{p}" for s in "lr" for p in ("elbow", "wrist", "knee", "ankle")))


def test_no_errors_give_the_true_keypoints():
    truth = make(start=5, track=2)
    detected = detect(truth, NONE, seed=0)
    np.testing.assert_array_equal(detected.values, truth.values)
    assert (detected.key, detected.start, detected.boxes is truth.boxes) == (truth.key, 5, True)
    assert detected.scores.shape == (200, 17)
    assert detected.scores.mean() == pytest.approx(0.9, abs=0.01)


ALL = replace(NONE, jitter=0.01, drift=0.01, burst_rate=0.5, burst_size=0.2, swap_rate=0.5)


def test_seed_and_name_decide_and_nothing_else():
    truth = make()
    first = detect(truth, ALL, seed=1)
    again = detect(replace(truth, values=truth.values.copy()), ALL, seed=1)
    np.testing.assert_array_equal(again.values, first.values)
    np.testing.assert_array_equal(again.scores, first.scores)
    for other in (make(name="run"), make(track=1), make(start=3)):
        assert (detect(other, ALL, seed=1).values != first.values).any(axis=(1, 2)).all()
    assert (detect(truth, ALL, seed=2).values != first.values).any(axis=(1, 2)).all()


def test_jitter_is_white_and_as_large_as_asked():
    noise = error(make(T=20_000), jitter=0.02)
    assert noise[:, PLAIN].std() == pytest.approx(0.02, rel=0.01)
    for part, factor in {"wrist": 1.6, "ankle": 1.4, "elbow": 1.2, "knee": 1.1}.items():
        assert noise[:, joint(f"l_{part}", f"r_{part}")].std() == pytest.approx(0.02 * factor, rel=0.02)
    assert abs(noise.mean()) < 1e-4
    assert abs(np.mean(noise[1:] * noise[:-1])) < 0.01 * 0.02**2


@pytest.mark.parametrize("fps", [25.0, 100.0])
def test_drift_keeps_its_time_at_any_frame_rate(fps):
    """The correlation falls to 1/e after `drift_time` seconds, whatever the frame rate."""
    drift = error(make(T=40_000, fps=fps), drift=0.02, drift_time=0.2)[:, PLAIN]
    assert drift.std() == pytest.approx(0.02, rel=0.02)
    assert drift[:500].std() == pytest.approx(0.02, rel=0.2)  # from the first frame on
    for seconds in (0.2, 0.4):
        lag = round(seconds * fps)
        correlation = np.mean(drift[lag:] * drift[:-lag]) / drift.var()
        assert correlation == pytest.approx(np.exp(-seconds / 0.2), abs=0.02)


def test_errors_grow_with_the_person():
    """By the median over the track of the box's longer side."""
    small, large = make(), make(size=4 * SIZE)
    large.boxes[:50] = small.boxes[:50]
    np.testing.assert_allclose(
        error(large, jitter=0.01, burst_rate=1.0, burst_size=0.1),
        4 * error(small, jitter=0.01, burst_rate=1.0, burst_size=0.1),
        atol=1e-5,
    )


def test_bursts_move_limbs_and_nothing_else():
    truth = make(T=30_000)
    shift = error(truth, burst_rate=0.3, burst_time=0.2, burst_size=0.2)
    moved = (shift != 0).any(axis=-1)
    assert not moved[:, PLAIN].any()
    assert moved[:, LIMBS].any(axis=0).all()
    for limb in (("elbow", "wrist"), ("knee", "ankle")):
        for side in "lr":
            upper, end = joint(*(f"{side}_{part}" for part in limb))
            np.testing.assert_array_equal(moved[:, upper], moved[:, end])  # a limb is lost as a whole
            # The end is lost further: about twice as far as the joint above it.
            ratio = np.abs(shift[moved[:, end], end]).mean() / np.abs(shift[moved[:, end], upper]).mean()
            assert ratio == pytest.approx(2, rel=0.15)
    # A rate of 0.3 a second with a mean of 0.2 s: lost for about 6% of the time.
    assert moved[:, LIMBS].mean() == pytest.approx(1 - np.exp(-0.06), rel=0.2)
    # One burst displaces along one direction, to which each frame adds 0.3 of that.
    wrist = shift[moved[:, joint("l_wrist")[0]], joint("l_wrist")[0]]
    assert wrist.std() == pytest.approx(0.2 * np.sqrt(1.09), rel=0.25)


def test_bursts_come_as_often_at_any_frame_rate():
    share = [
        (
            error(make(T=round(1000 * fps), fps=fps), burst_rate=0.3, burst_time=0.4, burst_size=0.2) != 0
        ).mean()
        for fps in (25.0, 100.0)
    ]
    assert share[0] == pytest.approx(share[1], rel=0.2)


def test_swaps_exchange_left_and_right():
    truth = make(T=60_000)
    detected = detect(truth, replace(NONE, swap_rate=0.2, swap_time=0.5), seed=1)
    swapped = (detected.values != truth.values).any(axis=-1)
    mirrored = truth.values[:, H36M17.mirror]
    np.testing.assert_array_equal(detected.values, np.where(swapped[..., None], mirrored, truth.values))
    arms = joint(*(f"{s}_{p}" for s in "lr" for p in ("shoulder", "elbow", "wrist")))
    legs = joint(*(f"{s}_{p}" for s in "lr" for p in ("hip", "knee", "ankle")))
    for limbs in (arms, legs):
        assert (swapped[:, limbs] == swapped[:, limbs[:1]]).all()  # all six at once
        assert swapped[:, limbs[0]].mean() == pytest.approx(0.09, abs=0.03)
    assert (swapped[:, arms[0]] != swapped[:, legs[0]]).any()
    assert not swapped[:, joint("pelvis", "spine", "thorax", "nose", "head_top")].any()
    assert detected.scores[swapped].mean() == pytest.approx(0.75, abs=0.01)
    assert detected.scores[~swapped].mean() == pytest.approx(0.9, abs=0.01)


def test_scores_fall_on_the_joints_that_bursts_moved():
    """Also where a swap gives a lost joint's place to its mirror image."""
    truth = replace(make(T=20_000), values=np.zeros((20_000, 17, 2), np.float32))
    for swaps in (0.0, 1.0):
        errors = replace(NONE, burst_rate=0.3, burst_size=0.2, swap_rate=swaps, swap_time=1.0)
        detected = detect(truth, errors, seed=1)
        moved = (detected.values != 0).any(axis=-1)
        assert detected.scores[moved].mean() < 0.46
        assert detected.scores[moved].max() < 0.75
        assert detected.scores[~moved].mean() > 0.85 - 0.1 * swaps
        assert detected.scores[~moved].min() > 0.45
    assert detected.scores.min() >= 0.05 and detected.scores.max() <= 1


def test_other_skeletons_with_limbs():
    truth = make(skeleton=JHMDB15)
    detected = detect(truth, ALL, seed=0)
    assert detected.values.shape == (200, 15, 2) and detected.skeleton is JHMDB15
    assert np.isfinite(detected.values).all()


def test_what_is_unknown_stays_so_and_touches_nothing_else():
    """A joint that is never known, and a frame of nobody: neither keypoints nor a box."""
    truth = make()
    values, boxes = truth.values.copy(), truth.boxes.copy()
    values[:, 10] = values[7] = boxes[7] = np.nan
    found, whole = (detect(t, ALL, seed=1) for t in (replace(truth, values=values, boxes=boxes), truth))
    known = np.isfinite(values)
    np.testing.assert_array_equal(found.values, np.where(known, whole.values, np.nan))
    np.testing.assert_array_equal(found.scores, whole.scores)


def test_a_single_frame():
    assert detect(make(T=1), ALL, seed=0).values.shape == (1, 17, 2)


def test_what_cannot_be_detected_is_refused():
    with pytest.raises(ValueError, match="walk: detections need 2D keypoints with person boxes"):
        detect(replace(make(), boxes=None), NONE, seed=0)
    joints = PoseSequence("walk", np.zeros((3, 17, 3)), H36M17, "3d", 50.0, "m", "camera")
    with pytest.raises(ValueError, match="walk: detections need 2D keypoints"):
        detect(replace(joints, boxes=np.zeros((3, 4))), NONE, seed=0)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("jitter", -0.1, "jitter must be at least 0, got -0.1"),
        ("burst_rate", float("nan"), "burst_rate must be at least 0, got nan"),
        ("drift_time", 0.0, "drift_time must be positive, got 0.0"),
        ("drift_time", -1.0, "drift_time must be positive, got -1.0"),
    ],
)
def test_errors_that_cannot_be_are_refused(field, value, message):
    with pytest.raises(ValueError, match=message):
        replace(NONE, **{field: value})


def kinds_of(truth: PoseSequence, errors: DetectorErrors) -> np.ndarray:
    return np.array(FRAME_KINDS)[frame_kinds(truth, errors, seed=1)]


def test_frames_without_errors_are_clean():
    assert set(kinds_of(make(), NONE)) == {"clean"}


def test_frames_of_bursts_and_swaps_are_those_that_moved():
    """Bursts alone move lost limbs, swaps alone exchange sides; nothing else moves in them."""
    truth = make(T=2000)
    for kind, errors in (
        ("burst", replace(NONE, burst_rate=0.5, burst_size=0.2)),
        ("swap", replace(NONE, swap_rate=0.5)),
    ):
        moved = (detect(truth, errors, seed=1).values != truth.values).any(axis=(1, 2))
        np.testing.assert_array_equal(kinds_of(truth, errors) == kind, moved)
        assert 0 < moved.mean() < 1


def test_a_swap_counts_before_a_burst_and_a_burst_before_jitter():
    truth = make(T=4000)
    swaps, bursts = replace(NONE, swap_rate=0.5), replace(NONE, burst_rate=0.5, burst_size=0.2)
    all_kinds = kinds_of(truth, ALL)
    assert set(all_kinds) == set(FRAME_KINDS)
    # Random numbers are drawn in the same order, whatever their sizes.
    lost = kinds_of(truth, bursts) == "burst"
    assert set(all_kinds[lost]) == {"burst", "swap"}
    both = replace(bursts, swap_rate=swaps.swap_rate)
    assert (kinds_of(truth, both) == "swap").any()


def test_jitter_is_beyond_three_standard_deviations():
    """Of 17 joints' distances, Rayleigh's, any is beyond 3 with probability 1 - (1 - exp(-9 / 2))^17."""
    share = (kinds_of(make(T=20_000), replace(NONE, jitter=0.01)) == "jitter").mean()
    assert share == pytest.approx(1 - (1 - np.exp(-4.5)) ** 17, abs=0.01)
    both = (kinds_of(make(T=20_000), replace(NONE, jitter=0.01, drift=0.01)) == "jitter").mean()
    assert both == pytest.approx(share, abs=0.03)
