"""PoseTrack's mAP over videos: by hand, equal to poseval's on a reference video, and its refusals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanet.metrics.posetrack import GROUPS, posetrack_scores
from hanet.metrics.statistics import draw
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import COCO17, POSETRACK15, POSETRACK17
from hanet.poses.video_labels import PoseTrackVideo
from tests.support.paths import REFERENCE

POSETRACK = REFERENCE / "posetrack_ap" / "video.npz"
HEAD = (0.0, 0.0, 30.0, 40.0)  # a diagonal of 50: a head of 30 px, matches within 15
POSE = np.stack([np.arange(15.0) * 50 + 100, np.full(15, 200.0)], axis=1)


def sequence(name: str, values: np.ndarray, track: int = 0, start: int = 0, **more) -> PoseSequence:
    return PoseSequence(
        name, values, POSETRACK15, "2d", 25.0, "px", "image", track=track, start=start, **more
    )


def predicted(name: str, values: np.ndarray, score: float = 0.5, **more) -> PoseSequence:
    return sequence(name, values, scores=np.full(values.shape[:2], score), **more)


def video(name: str, heads: dict, ignore: dict | None = None) -> PoseTrackVideo:
    frames = tuple(sorted({frame for _, frame in heads}))
    return PoseTrackVideo(name, {}, frames, heads, ignore or {})


def test_a_perfect_prediction_and_one_half_a_head_off():
    labels = [video("a", {(0, 0): HEAD, (0, 1): HEAD})]
    truth = [sequence("a", np.stack([POSE] * 2))]
    off = np.stack([POSE] * 2)
    off[1, POSETRACK15.index("nose"), 0] += 15
    off[1, POSETRACK15.index("l_knee"), 0] += 15.1
    scores = posetrack_scores(labels, truth, [predicted("a", off)])
    # One of two knees is found, at a precision of one half: equal scores enter together.
    assert {j: ap for j, ap in scores.per_joint.items() if ap != 1} == {"l_knee": 0.25}
    assert scores.total == pytest.approx((14 + 0.25) / 15)
    assert (scores.frames, scores.people, scores.predicted) == (2, 2, 2)


def test_resampled_videos_by_hand():
    """In one video all is found, in the other nothing: both of the one, both of the other, or one of each."""
    labels = [video(name, {(0, 0): HEAD}) for name in ("a", "b")]
    truth = [sequence(name, POSE[None]) for name in ("a", "b")]
    poses = [predicted("a", POSE[None], score=0.9), predicted("b", POSE[None] + 300, score=0.5)]
    scores = posetrack_scores(labels, truth, poses)
    assert scores.total == pytest.approx(0.5)
    draws = draw(2, resamples=50, seed=3)
    found, count = scores.resampled(resamples=50, seed=3)
    assert count == 2
    np.testing.assert_allclose(found, draws[:, 0] / 2)
    assert {0.0, 0.5, 1.0} == set(found)
    poses[1] = replace(poses[1], scores=np.full((1, 15), 0.95))  # surer than the hit: a precision of 1/2
    found = posetrack_scores(labels, truth, poses).resampled(resamples=50, seed=3).values
    np.testing.assert_allclose(found, np.array([0, 0.25, 1])[draws[:, 0]])


def test_one_video_has_no_resamples():
    scores = posetrack_scores(
        [video("a", {(0, 0): HEAD})], [sequence("a", POSE[None])], [predicted("a", POSE[None])]
    )
    found = scores.resampled(resamples=4, seed=3).values
    assert found.shape == (4,) and np.isnan(found).all()


@pytest.mark.parametrize("joint", POSETRACK15.joints)
def test_every_column_is_the_mean_of_its_own_joints(joint):
    """The order of the evaluation starts at the right ankle; a column of another joint must not move."""
    values = POSE[None].copy()
    values[0, POSETRACK15.index(joint)] += 100
    scores = posetrack_scores(
        [video("a", {(0, 0): HEAD})], [sequence("a", POSE[None])], [predicted("a", values)]
    )
    assert [j for j, ap in scores.per_joint.items() if ap == 0] == [joint]
    expected = {
        "ankle": "Ankl", "knee": "Knee", "hip": "Hip", "wrist": "Wri", "elbow": "Elb", "shoulder": "Shou",
    }.get(joint.split("_")[1] if "_" in joint else joint, "Head")  # fmt: skip
    columns = scores.columns()
    assert list(columns) == ["Head", "Shou", "Elb", "Wri", "Hip", "Knee", "Ankl", "Total"]
    assert [name for name, ap in columns.items() if ap < 1] == [expected, "Total"]
    assert columns[expected] == pytest.approx(2 / 3 if expected == "Head" else 1 / 2)
    assert columns["Total"] == pytest.approx(14 / 15)  # of joints, not of columns


def test_the_groups_are_all_joints_once():
    assert sorted(j for joints in GROUPS.values() for j in joints) == sorted(POSETRACK15.joints)


def test_unlabelled_frames_and_frames_without_people_are_left_out():
    labels = [replace(video("a", {(0, 4): HEAD}), labelled=(2, 4))]
    truth = [sequence("a", np.stack([np.full((15, 2), np.nan), POSE]), start=3)]
    wrong = np.stack([POSE + 300] * 6)
    wrong[4] = POSE
    # All frames but 4 are wrong: 2 shows nobody, the others are not labelled.
    scores = posetrack_scores(labels, truth, [predicted("a", wrong)])
    assert (scores.total, scores.frames, scores.predicted) == (1, 1, 1)


def test_an_unlabelled_joint_is_unknown_and_what_is_predicted_there_is_false():
    labelled = np.ones((2, 15), dtype=bool)
    nose = POSETRACK15.index("nose")
    labelled[0, nose] = False
    truth = [sequence("a", np.stack([POSE] * 2), labelled=labelled)]
    prediction = [predicted("a", np.stack([POSE] * 2))]
    labels = [video("a", {(0, 0): HEAD, (0, 1): HEAD})]
    assert posetrack_scores(labels, truth, prediction).per_joint["nose"] == 0.5
    labelled[1, nose] = False
    scores = posetrack_scores(labels, truth, prediction)
    assert np.isnan(scores.per_joint["nose"]) and scores.total == 1 and scores.columns()["Head"] == 1


def test_a_second_pose_on_one_person_is_false_and_a_surer_one_first():
    labels, truth = [video("a", {(0, 0): HEAD})], [sequence("a", POSE[None])]
    near = POSE[None].copy()
    near[0, 0] += 100  # matches one joint less, so the person keeps the other
    twice = [predicted("a", near, 0.9), predicted("a", POSE[None], 0.1, track=1)]
    scores = posetrack_scores(labels, truth, twice)
    assert set(scores.per_joint.values()) == {0.5}
    assert (scores.people, scores.predicted) == (1, 2)
    swapped = [predicted("a", near, 0.1), predicted("a", POSE[None], 0.9, track=1)]
    assert posetrack_scores(labels, truth, swapped).total == 1


def test_regions_hide_truth_and_prediction():
    wall = ((0.0, 0.0), (125.0, 0.0), (125.0, 400.0), (0.0, 400.0))  # around the first joint only
    labels = [video("a", {(0, 0): HEAD, (0, 1): HEAD}, {0: (wall,)})]
    truth = [sequence("a", np.stack([POSE] * 2))]
    beside = np.stack([POSE] * 2)
    beside[0, 0] = [20, 20]  # wrong, but in the region
    assert posetrack_scores(labels, truth, [predicted("a", beside)]).total == 1
    without = [replace(labels[0], ignore={})]
    assert posetrack_scores(without, truth, [predicted("a", beside)]).total < 1


def test_people_without_keypoints_make_a_frame_whose_predictions_are_false():
    labels = [video("a", {(0, 0): HEAD, (0, 1): HEAD})]
    truth = [sequence("a", POSE[None])]
    scores = posetrack_scores(labels, truth, [predicted("a", np.stack([POSE] * 2))])
    assert (scores.total, scores.frames, scores.people) == (0.5, 2, 1)


def test_no_prediction_at_all():
    scores = posetrack_scores([video("a", {(0, 0): HEAD})], [sequence("a", POSE[None])], [])
    assert (scores.total, scores.predicted) == (0, 0)


def test_skeletons_meet_by_name():
    names = dict(zip(POSETRACK15.joints, POSE, strict=True))
    truth = PoseSequence(
        "a", np.array([[names.get(j, [np.nan] * 2) for j in POSETRACK17.joints]]), POSETRACK17,
        "2d", 25.0, "px", "image",
    )  # fmt: skip
    coco = PoseSequence(
        "a", np.array([[names.get(j, [7.0, 7.0]) for j in COCO17.joints]]), COCO17,
        "2d", 25.0, "px", "image", scores=np.ones((1, 17)),
    )  # fmt: skip
    scores = posetrack_scores([video("a", {(0, 0): HEAD})], [truth], [coco])
    assert {j for j, ap in scores.per_joint.items() if ap == 0} == {"head_bottom", "head_top"}
    assert scores.columns()["Head"] == pytest.approx(1 / 3)


# Against poseval


def _reference() -> tuple[list[PoseTrackVideo], list[PoseSequence], list[PoseSequence], np.ndarray]:
    with np.load(POSETRACK) as file:
        arrays = dict(file)
    T = len(arrays["gt"])
    heads = {
        (n, t): tuple(head.tolist())
        for t, frame in enumerate(arrays["heads"])
        for n, head in enumerate(frame)
        if np.isfinite(head).all()
    }
    ignore: dict[int, tuple] = {}
    for key in sorted(k for k in arrays if k.startswith("region_")):
        t = int(key.split("_")[1])
        ignore[t] = (*ignore.get(t, ()), tuple(map(tuple, arrays[key].tolist())))
    labels = PoseTrackVideo("v", {}, tuple(range(T)), heads, ignore)
    truth = [sequence("v", gt, track=n) for n, gt in enumerate(arrays["gt"].swapaxes(0, 1))]
    pairs = zip(arrays["pred"].swapaxes(0, 1), arrays["scores"].swapaxes(0, 1), strict=True)
    poses = [sequence("v", pred, track=m, scores=scores) for m, (pred, scores) in enumerate(pairs)]
    return [labels], truth, poses, arrays["average_precision"]


def test_equal_to_poseval():
    labels, truth, poses, expected = _reference()
    scores = posetrack_scores(labels, truth, poses)
    np.testing.assert_allclose(list(scores.per_joint.values()), expected[:15], atol=1e-12)
    assert scores.total == pytest.approx(expected[15], abs=1e-12)
    assert 0.2 < scores.total < 0.8  # a video on which errors of every kind occur


@settings(max_examples=10)
@given(st.lists(st.integers(0, 99), min_size=4, max_size=4, unique=True))
def test_the_names_of_tracks_say_nothing(numbers):
    labels, truth, poses, expected = _reference()
    renamed = [replace(p, track=n) for p, n in zip(poses, numbers, strict=True)]
    assert posetrack_scores(labels, truth, renamed).total == pytest.approx(expected[15], abs=1e-12)


# Refusals


def test_what_cannot_be_scored():
    labels, truth = [video("a", {(0, 0): HEAD})], [sequence("a", POSE[None])]
    with pytest.raises(
        ValueError, match="a, track 0: a prediction without scores cannot be ranked; refined pos"
    ):
        posetrack_scores(labels, truth, truth)
    with pytest.raises(
        ValueError, match="b, track 0: prediction of a video that has no labels; give the labels"
    ):
        posetrack_scores(labels, truth, [predicted("b", POSE[None])])
    with pytest.raises(ValueError, match="b, track 2: ground truth of a video that has no labels"):
        posetrack_scores(labels, [sequence("b", POSE[None], track=2)], [])
    for heads in ({(0, 0): None}, {(1, 0): HEAD}, {(0, 1): HEAD}):
        with pytest.raises(ValueError, match="a: track 0 has keypoints but no head box in frame 0"):
            posetrack_scores([video("a", heads)], truth, [predicted("a", POSE[None])])
    for videos in ([], [video("a", {})], [video("a", {(0, 0): HEAD})]):
        with pytest.raises(ValueError, match="nothing to score: no frame has an annotated keypoint"):
            posetrack_scores(videos, [], [])
