"""Detected tracks find annotated people: who is who, who comes back, and what was never found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hanet.estimators.common.joint_mixes import GUESSED, on_skeleton
from hanet.estimators.keypoints.pairing import pair_with_truth
from hanet.poses.sequence import PoseSequence, check_pair
from hanet.poses.skeletons import BODY25, COCO17, H36M17, JHMDB15, LIMBS12, POSETRACK15, Skeleton

SHAPE = np.stack([np.linspace(0, 100, 12), np.linspace(0, 40, 12)], axis=1)
"""A person of 100 px."""


def track(
    number: int, x: list[float], *, start: int = 0, name: str = "video", skeleton: Skeleton = LIMBS12
) -> PoseSequence:
    """A person standing at x in each frame; NaN for nobody."""
    values = SHAPE[None, : len(skeleton)] + np.array(x)[:, None, None] * [1.0, 0.0]
    values[np.isnan(x)] = np.nan
    return PoseSequence(
        name=name,
        values=values.astype(np.float32),
        skeleton=skeleton,
        representation="2d",
        fps=25.0,
        unit="px",
        frame_of_reference="image",
        track=number,
        start=start,
        labelled=np.asarray(np.isfinite(values).all(axis=2)),
        scores=np.full(values.shape[:2], 0.5, dtype=np.float32),
        image_size=(640, 480),
    )


def x_of(found: PoseSequence | None) -> list[float]:
    assert found is not None and np.isfinite(found.values).all()
    return found.values[:, 0, 0].tolist()


def test_people_are_paired_for_the_least_total_distance() -> None:
    truth = [track(0, [100.0, 100.0]), track(1, [120.0, 120.0])]
    # The nearest of the first is 115, which the second needs more.
    detected = [track(7, [115.0, 115.0]), track(3, [88.0, 88.0]), track(5, [400.0, 400.0])]
    first, second = pair_with_truth(truth, detected)
    assert (x_of(first), x_of(second)) == ([88.0, 88.0], [115.0, 115.0])
    for gt, found in zip(truth, (first, second), strict=True):
        assert found is not None
        check_pair(gt, found)
        assert found.image_size == (640, 480) and found.labelled is None and found.scores is not None
        assert (found.scores == 0.5).all()


def test_a_track_that_changes_hands_is_put_together() -> None:
    truth = [track(0, [0.0, 1.0, 2.0, 3.0]), track(1, [200.0] * 4)]
    detected = [track(4, [0.0, 1.0, 200.0, 200.0]), track(9, [200.0, 200.0, 2.0, 3.0])]
    first, second = pair_with_truth(truth, detected)
    assert (x_of(first), x_of(second)) == ([0.0, 1.0, 2.0, 3.0], [200.0] * 4)


def test_frames_without_detection_lie_between_those_around() -> None:
    truth = [track(0, [0.0, 0.0, 0.0, 0.0, 0.0])]
    (found,) = pair_with_truth(truth, [track(1, [4.0], start=1), track(2, [8.0], start=3)])
    assert x_of(found) == [4.0, 4.0, 6.0, 8.0, 8.0]
    assert found is not None and found.scores is not None
    assert found.scores[:, 0].tolist() == [0.0, 0.5, 0.0, 0.5, 0.0]


def test_frames_without_annotation_follow_who_was_last_paired() -> None:
    nan = float("nan")
    truth = [track(0, [nan, 0.0, nan, nan, 50.0, nan])]
    # Track 1 is near in frame 1, track 2 in frame 4; both are there all the time.
    detected = [track(1, [-9.0, 1.0, 10.0, 20.0, 300.0, 300.0]), track(2, [500.0] * 3 + [450.0, 51.0, 52.0])]
    (found,) = pair_with_truth(truth, detected)
    assert x_of(found) == [-9.0, 1.0, 10.0, 20.0, 51.0, 52.0]


def test_beyond_the_limit_is_nobody() -> None:
    truth = [track(0, [0.0, 0.0])]
    assert pair_with_truth(truth, [track(0, [31.0, 31.0])]) == [None]  # of a person of 100 px
    assert x_of(pair_with_truth(truth, [track(0, [29.0, 31.0])])[0]) == [29.0, 29.0]
    assert x_of(pair_with_truth(truth, [track(0, [31.0, 31.0])], max_distance=0.4)[0]) == [31.0, 31.0]
    assert pair_with_truth(truth, []) == [None]
    boxed = [
        replace(truth[0], boxes=np.tile(np.array([0, 0, 50, 20], dtype=np.float32), (2, 1)))
    ]  # the size is the box's
    assert pair_with_truth(boxed, [track(0, [29.0, 29.0])]) == [None]


def test_joints_that_were_not_found() -> None:
    detected = track(0, [0.0, 10.0, 20.0])
    detected.values[1, 3] = np.nan
    detected.values[:, 5] = np.nan
    detected = replace(detected, labelled=np.isfinite(detected.values).all(axis=2))
    (found,) = pair_with_truth([track(0, [0.0, 10.0, 20.0])], [detected])
    assert found is not None and found.scores is not None
    np.testing.assert_allclose(found.values[:, 3], track(0, [0.0, 10.0, 20.0]).values[:, 3], atol=1e-4)
    assert found.scores[1, 3] == 0 and (found.scores[:, 5] == 0).all()
    others = np.delete(np.arange(12), 5)
    np.testing.assert_allclose(found.values[:, 5], found.values[:, others].mean(axis=1), atol=1e-4)


@pytest.mark.parametrize("other", [track(0, [0.0], name="other"), track(0, [0.0], skeleton=LIMBS12)])
def test_tracks_of_other_videos_or_joints_are_refused(other: PoseSequence) -> None:
    if other.name == "video":
        other = on_skeleton(coco(), JHMDB15)[0]
    with pytest.raises(ValueError, match="cannot be paired with video on limbs12; give tracks of one video"):
        pair_with_truth([track(0, [0.0])], [other])


# --- joints


def coco(skeleton: Skeleton = COCO17) -> PoseSequence:
    values = np.arange(2 * len(skeleton), dtype=np.float32).reshape(1, -1, 2) ** 1.5
    return PoseSequence(
        name="video", values=values, skeleton=skeleton, representation="2d", fps=25.0, unit="px",
        frame_of_reference="image", scores=np.linspace(0.1, 0.9, len(skeleton), dtype=np.float32)[None],
    )  # fmt: skip


def test_trunk_and_head_are_guessed_and_limbs_go_by_name() -> None:
    poses = coco()
    found, guess = on_skeleton(poses, JHMDB15)
    assert guess == "coco17_to_jhmdb15_guessed" and found.skeleton == JHMDB15

    def at(joint: str) -> np.ndarray:
        return poses.values[0, COCO17.index(joint)]

    neck = (at("l_shoulder") + at("r_shoulder")) / 2
    np.testing.assert_allclose(found.values[0, JHMDB15.index("neck")], neck)
    np.testing.assert_array_equal(found.values[0, JHMDB15.index("face")], at("nose"))
    np.testing.assert_array_equal(found.values[0, JHMDB15.index("l_wrist")], at("l_wrist"))
    head, _ = on_skeleton(poses, POSETRACK15)
    bottom, top = (head.values[0, POSETRACK15.index(f"head_{end}")] for end in ("bottom", "top"))
    np.testing.assert_allclose((bottom + top) / 2, at("nose"), rtol=1e-5)
    np.testing.assert_allclose(bottom, (at("nose") + neck) / 2, rtol=1e-5)


def test_what_needs_no_guess_and_what_cannot_be_had() -> None:
    poses = coco()
    assert on_skeleton(poses, COCO17)[0] is poses and on_skeleton(poses, COCO17)[1] is None
    found, guess = on_skeleton(coco(BODY25), COCO17)
    assert guess is None and found.skeleton == COCO17
    with pytest.raises(ValueError, match="coco17 has no pelvis, spine, thorax, head_top, which h36m17 needs"):
        on_skeleton(coco(), H36M17)
    assert ("body25", "posetrack15") in GUESSED
