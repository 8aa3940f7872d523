"""The leakage guard finds what is shared by name, by group and by content, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanet.datasets.common.leakage import (
    Declaration,
    Leak,
    LeakageError,
    SequenceSummary,
    check_leakage,
    find_leaks,
    frame_hashes,
    report,
    summarize,
)
from hanet.poses.names import clip_of
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import JHMDB15, LIMBS12


def sequence(name: str, values: np.ndarray) -> PoseSequence:
    return PoseSequence(name, values, LIMBS12, "3d", 30.0, "m", "world_root_relative")


def poses(seed: int, T: int = 10) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(T, 12, 3)).astype(np.float32)


def test_clean_splits_give_nothing():
    splits = {s: [sequence(f"{s}{i}", poses(10 * k + i)) for i in range(3)] for k, s in enumerate("abc")}
    assert find_leaks(splits, group=clip_of) == check_leakage(splits) == []
    assert report([]) == "No leak between the splits found."


def test_two_cameras_of_one_clip():
    train = [sequence("walk/cam0", poses(0, T=5)), sequence("run/cam0", poses(1))]
    test = [
        sequence("walk/cam1", poses(2, T=6)),
        sequence("walk/cam2", poses(3, T=7)),
        sequence("sit", poses(4)),
    ]
    (leak,) = find_leaks({"train": train, "test": test})
    assert leak == Leak("clip", ("train", "test"), ("walk",), frames=13, total=23)
    assert str(leak) == (
        "train → test, clip: 13 of 23 frames (56.52%) of test belong to clips that train has too: walk"
    )


def body(name: str, seed: int, thigh: float = 0.4) -> PoseSequence:
    """A person with limbs of fixed lengths (0.4, 0.4, 0.3 and 0.25 m), in random poses."""
    rng = np.random.default_rng(seed)
    values = np.zeros((6, 12, 3))
    lengths = {"knee": thigh, "ankle": 0.4, "elbow": 0.3, "wrist": 0.25}
    for parent, child in LIMBS12.bones:
        way = rng.normal(size=(6, 3))
        length = lengths.get(LIMBS12.joints[child][2:], 0.2)
        values[:, child] = values[:, parent] + length * way / np.linalg.norm(way, axis=1, keepdims=True)
    return sequence(name, values.astype(np.float32))


def test_one_body_under_two_names():
    """By bones alone: neither names nor poses are shared. Half a percent is one person, 2 % are two."""
    splits = {
        "train": [body("ann/1", 0), body("ben/1", 1, thigh=0.408)],
        "test": [
            body("cat/1", 2, thigh=0.4001),
            body("dan/1", 3, thigh=0.392),
            body("ben/2", 4, thigh=0.408),
        ],
    }
    named = find_leaks({"train": splits["train"], "test": splits["test"][:2]}, group=clip_of, people=True)
    assert named == [Leak("body", ("train", "test"), ("cat/1 (like ann/1)",), frames=6, total=12)]
    assert find_leaks({k: v[:2] for k, v in splits.items()}, group=clip_of) == []
    # The same person's other take is a leak by name, not one of bodies.
    kinds = [
        leak.kind for leak in find_leaks({k: v[1:] for k, v in splits.items()}, group=clip_of, people=True)
    ]
    assert kinds == ["clip", "group"]


def test_bodies_that_nobody_can_measure():
    """2D keypoints, and joints that are never known, prove nothing."""
    unknown = body("cat/1", 2)
    unknown.values[:, LIMBS12.index("l_knee")] = np.nan
    assert summarize(unknown).limbs is None
    flat = PoseSequence("dan", poses(1)[..., :2], LIMBS12, "2d", 30.0, "px", "image")
    assert summarize(flat).limbs is None
    np.testing.assert_allclose(
        sorted(summarize(body("ann", 0)).limbs), sorted([0.4] * 4 + [0.3] * 2 + [0.25] * 2), atol=1e-6
    )
    assert find_leaks({"train": [body("ann", 0)], "test": [unknown]}, group=clip_of, people=True) == []


def test_one_person_in_two_splits():
    train = [sequence("m01_s01", poses(0)), sequence("m01_s02", poses(1))]
    val, test = (
        [sequence("m02_s03", poses(2))],
        [sequence("m02_s02", poses(3)), sequence("m02_s04", poses(4))],
    )
    splits = {"train": train, "val": val, "test": test}
    leaks = find_leaks(splits, group=lambda name: name[-3:])
    assert leaks == [Leak("group", ("train", "test"), ("s02",), frames=10, total=20)]
    assert find_leaks(splits) == []


def test_a_renamed_copy_shows_as_sequence_and_frames():
    test = [sequence("new", poses(2)), sequence("renamed", poses(0))]
    leaks = find_leaks({"train": [sequence("walk", poses(0))], "test": test})
    assert leaks == [
        Leak("sequence", ("train", "test"), ("renamed",), frames=10, total=20),
        Leak("frame", ("train", "test"), ("renamed",), frames=10, total=20),
    ]


def test_shared_frames_are_counted_in_the_later_split():
    shared = poses(0, T=3)
    train = [sequence("a", np.concatenate([poses(1), shared]))]
    test = [
        sequence("b", np.concatenate([shared[::-1], poses(2, T=4), shared[:1]])),
        sequence("c", poses(3, T=8)),
    ]
    assert find_leaks({"train": train, "test": test}) == [
        Leak("frame", ("train", "test"), ("b",), frames=4, total=16)
    ]
    assert find_leaks({"test": test, "train": train}) == [
        Leak("frame", ("test", "train"), ("a",), frames=3, total=13)
    ]


def test_a_sequence_backwards_is_no_copy_but_shares_its_frames():
    leaks = find_leaks({"train": [sequence("a", poses(0))], "test": [sequence("b", poses(0)[::-1])]})
    assert [leak.kind for leak in leaks] == ["frame"]


def test_storage_in_single_precision_does_not_hide_a_copy():
    values = np.random.default_rng(0).normal(size=(1000, 12, 3))
    train, test = sequence("a", values), sequence("b", values.astype(np.float32))
    (leak,) = (leak for leak in find_leaks({"train": [train], "test": [test]}) if leak.kind == "frame")
    assert leak.share > 0.95  # the others hold a value on the border of two steps


def test_poses_a_millimetre_apart_are_not_the_same():
    noisy = sequence("b", poses(0) + np.float32(1e-3))
    assert find_leaks({"train": [sequence("a", poses(0))], "test": [noisy]}) == []


def test_frames_without_a_pose_are_no_leak():
    values = poses(0, T=4)
    values[1] = np.nan
    values[2] = 0
    summary = summarize(sequence("a", values))
    assert (summary.num_frames, len(summary.hashes)) == (4, 2)
    nobody = [sequence(name, np.full((3, 12, 3), np.nan, np.float32)) for name in "bc"]
    assert find_leaks({"train": nobody[:1], "test": nobody[1:]}) == []
    # One unknown joint does not make a frame unknown, wherever its NaN came from.
    some, other = poses(1, T=2), poses(1, T=2)
    some[:, 3], other[:, 3] = np.nan, -np.float32(np.nan)
    leaks = find_leaks({"train": [sequence("a", some)], "test": [sequence("b", other)]})
    assert [(leak.kind, leak.frames) for leak in leaks] == [("sequence", 2), ("frame", 2)]


def test_pixels_are_compared_to_a_hundredth():
    values = np.random.default_rng(0).integers(0, 320, size=(3, 15, 2)).astype(np.float32)
    a, b, c = (
        summarize(PoseSequence("a", values + np.float32(d), JHMDB15, "2d", 25.0, "px", "image")).hashes
        for d in (0, 0.004, 0.02)
    )
    assert np.array_equal(a, b)
    assert not np.intersect1d(a, c).size


@settings(max_examples=50, deadline=None)
@given(
    T=st.integers(1, 5), frame=st.integers(0, 4), joint=st.integers(0, 11), axis=st.integers(0, 2),
    step=st.sampled_from([-1, 1]),
)  # fmt: skip
def test_one_step_of_one_value_changes_its_frame_alone(T, frame, joint, axis, step):
    grid = np.random.default_rng(3).integers(-1000, 1000, size=(T, 12, 3)).astype(np.float64)
    changed = grid.copy()
    changed[frame % T, joint, axis] += step
    differs = frame_hashes(grid, 1.0) != frame_hashes(changed, 1.0)
    assert differs.nonzero()[0].tolist() == [frame % T]


def test_hashes_know_the_order_of_values_and_do_not_collide():
    values = np.zeros((2, 12, 3))
    values[0, 0, 0], values[1, 5, 1] = 1, 1
    assert len(set(frame_hashes(values, 1.0).tolist())) == 2
    assert (
        len(set(frame_hashes(values[:, ::-1], 1.0).tolist()) & set(frame_hashes(values, 1.0).tolist())) == 0
    )
    # All poses of a small grid: neighbouring integers, the hardest case for a weak hash.
    grid = np.stack(np.meshgrid(*[np.arange(-20.0, 21)] * 3), axis=-1).reshape(-1, 1, 3)
    assert len(np.unique(frame_hashes(grid, 1.0))) == len(grid) == 41**3


def test_summaries_serve_as_well_as_sequences():
    train, test = sequence("a/0", poses(0)), sequence("a/1", poses(0))
    assert find_leaks({"train": [summarize(train)], "test": iter([summarize(test)])}) == find_leaks(
        {"train": iter([train]), "test": [test]}
    )


def test_check_names_splits_and_first_offenders():
    shared = [sequence(f"clip{i}/0", poses(i)) for i in range(7)]
    other = [sequence(f"clip{i}/1", poses(100 + i)) for i in range(7)]
    with pytest.raises(
        LeakageError,
        match=r"train → test, clip: 70 of 70 frames \(100.00%\) of test .*: "
        r"clip0, clip1, clip2, clip3, clip4 and 2 more\nRemove the shared clips from one split",
    ):
        check_leakage({"train": shared, "test": other})


def test_declared_leaks_are_returned_with_their_reason():
    splits = {"train": [sequence("a", poses(0))], "test": [sequence("b", poses(0)), sequence("c", poses(1))]}
    declaration = Declaration(("test", "train"), ("sequence", "frame"), "as the released splits have it")
    leaks = check_leakage(splits, declared=[declaration])
    assert [(leak.kind, leak.share, leak.reason) for leak in leaks] == [
        ("sequence", 0.5, "as the released splits have it"),
        ("frame", 0.5, "as the released splits have it"),
    ]
    assert report(leaks) == (
        "Leaks between splits:\n"
        "- train → test, sequence: 10 of 20 frames (50.00%) of test lie in sequences that repeat "
        "one of train: b (declared: as the released splits have it)\n"
        "- train → test, frame: 10 of 20 frames (50.00%) of test repeat a pose of train: b"
        " (declared: as the released splits have it)"
    )


def test_what_is_not_declared_is_still_refused():
    splits = {s: [sequence(name, poses(0))] for s, name in (("train", "a"), ("val", "b"), ("test", "c"))}
    declared = [Declaration(("train", "test"), ("sequence", "frame"), "known")]
    with pytest.raises(LeakageError) as refused:
        check_leakage(splits, declared=declared)
    assert "train → val, sequence" in str(refused.value)
    assert "val → test, frame" in str(refused.value)
    assert "train → test" not in str(refused.value)
    with pytest.raises(ValueError, match=r"leaks are declared for dev; the splits are train, val, test"):
        check_leakage(splits, declared=[Declaration(("train", "dev"), ("clip",), "known")])
    with pytest.raises(ValueError, match=r"between train and test needs a reason"):
        Declaration(("train", "test"), ("clip",), " ")


def test_nothing_to_compare_is_refused():
    train, read = [sequence("a", poses(0))], iter(())
    with pytest.raises(ValueError, match=r"got the splits train, test, without any in test; an iterator"):
        find_leaks({"train": train, "test": read})
    with pytest.raises(ValueError, match=r"without any in test"):
        find_leaks({"train": train, "test": [SequenceSummary("b", 0, np.zeros(0, np.uint64))]})
    with pytest.raises(ValueError, match=r"two or more splits, got the splits train; "):
        find_leaks({"train": train})
