"""People become tracks and tracks become sequences."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanet.formats.linking import Person, Video, associate
from hanet.poses.skeletons import COCO17

BODY = np.random.default_rng(3).uniform(0, 100, (17, 2))
SIZE = float(np.ptp(BODY, axis=0).max())


def someone(x: float, y: float = 0.0, *, track: int | None = None, box=None, missing=()) -> Person:
    """The same body at a place; missing joints are zeros."""
    keypoints, scores = BODY + np.array([x + 1000, y + 1000]), np.ones(17)
    keypoints[list(missing)], scores[list(missing)] = 0, 0
    return Person(keypoints, scores, box, track, f"f.json, entry {x}")


def video(frames: dict[int, list[Person]]) -> Video:
    return Video("walk", (640, 480), frames)


@settings(max_examples=40)
@given(
    count=st.integers(1, 5),
    frames=st.integers(1, 6),
    seed=st.integers(0, 1000),
    start=st.integers(0, 9),
)
def test_people_apart_keep_their_numbers_in_any_order(count, frames, seed, start):
    rng = np.random.default_rng(seed)
    orders = [rng.permutation(count) for _ in range(frames)]
    groups = {
        start + t: [someone(150 * p + rng.uniform(-9, 9), rng.uniform(-9, 9)) for p in order]
        for t, order in enumerate(orders)
    }
    numbers = associate(groups)
    first = dict(zip(orders[0].tolist(), numbers[start], strict=True))
    assert sorted(first.values()) == list(range(count))
    for t, order in enumerate(orders):
        assert numbers[start + t] == [first[p] for p in order.tolist()]


def test_the_total_distance_decides_not_the_first_come():
    """Two people a step to the right: the nearest of each alone would be the other's place."""
    step = 0.2 * SIZE
    numbers = associate({0: [someone(0), someone(step * 1.2)], 1: [someone(step), someone(step * 2.2)]})
    assert numbers == {0: [0, 1], 1: [0, 1]}


def test_a_pair_too_far_apart_is_none_and_displaces_none():
    far = 0.31 * SIZE
    assert associate({0: [someone(0)], 1: [someone(far)]}) == {0: [0], 1: [1]}
    assert associate({0: [someone(0)], 1: [someone(far)]}, max_distance=0.32) == {0: [0], 1: [0]}
    numbers = associate({0: [someone(0), someone(500)], 1: [someone(-900), someone(0.29 * SIZE)]})
    assert numbers[1] == [2, 0]


def test_a_gap_ends_a_track():
    assert associate({3: [someone(0)], 5: [someone(0)], 6: [someone(0)]}) == {3: [0], 5: [1], 6: [1]}


def test_joints_missing_in_either_do_not_count():
    half = associate({0: [someone(0, missing=range(8))], 1: [someone(0, missing=range(6, 12))]})
    assert half == {0: [0], 1: [0]}
    none = associate({0: [someone(0, missing=range(8))], 1: [someone(0, missing=range(8, 17))]})
    assert none == {0: [0], 1: [1]}
    single = [someone(0, missing=range(1, 17)) for _ in range(2)]
    assert associate({0: single[:1], 1: single[1:]}) == {0: [0], 1: [0]}
    assert associate({0: single[:1], 1: [someone(1, missing=range(1, 17))]}) == {0: [0], 1: [1]}


def test_a_sequence_says_all_that_is_known():
    box = np.array([1.0, 2, 3, 4])
    (sequence,) = sequences(
        video({4: [someone(0, box=box)], 5: [someone(1, box=box, missing=[2])]}), COCO17, 25.0
    )
    assert (sequence.name, sequence.track, sequence.start, len(sequence)) == ("walk", 0, 4, 2)
    assert (sequence.unit, sequence.frame_of_reference, sequence.fps) == ("px", "image", 25.0)
    assert (sequence.skeleton, sequence.image_size) == (COCO17, (640, 480))
    assert np.argwhere(~sequence.labelled).tolist() == [[1, 2]]
    assert np.isnan(sequence.values[1, 2]).all()
    assert np.isfinite(sequence.values[sequence.labelled]).all()
    np.testing.assert_allclose(sequence.values[0], BODY + 1000, rtol=1e-6)
    assert sequence.scores.sum() == 33
    np.testing.assert_array_equal(sequence.boxes, [box, box])


def test_boxes_are_all_or_none():
    box = np.array([1.0, 2, 3, 4])
    (sequence,) = sequences(video({4: [someone(0, box=box)], 5: [someone(1)]}), COCO17, 25.0)
    assert sequence.boxes is None


def test_given_numbers_are_kept_and_gaps_cut():
    frames = {t: [someone(0, track=9), someone(300, track=4)] for t in range(6)}
    frames[2] = [someone(0, track=9)]
    frames[4] = [someone(300, track=4)]
    found = sequences(video(frames), COCO17, 25.0)
    assert [(s.track, s.start, len(s)) for s in found] == [(4, 0, 2), (4, 3, 3), (9, 0, 4), (9, 5, 1)]


def test_numbers_that_cannot_be():
    with pytest.raises(ValueError, match=r"entry 1: track 3 is in frame 0 of walk already; .*track again"):
        sequences(video({0: [someone(0, track=3), someone(1, track=3)]}), COCO17, 25.0)
    with pytest.raises(ValueError, match="entry 1: no track number, where 2 other people of walk have one"):
        sequences(video({0: [someone(0, track=3), someone(1)], 1: [someone(2, track=3)]}), COCO17, 25.0)


def test_nobody():
    empty = video({})
    empty.add(3, someone(0, missing=range(17)))
    assert sequences(empty, COCO17, 25.0) == []
