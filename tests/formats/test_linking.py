"""People become tracks and tracks become sequences."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanet.formats import FormatError
from hanet.formats.linking import Person, Track, Video, associate, link
from hanet.poses.sequence import PoseSequence
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


def test_a_gap_ends_a_track_unless_it_is_short():
    frames = {3: [someone(0)], 5: [someone(0)], 6: [someone(0)], 9: [someone(0)]}
    assert associate(frames) == {3: [0], 5: [1], 6: [1], 9: [2]}
    assert associate(frames, max_gap=1) == {3: [0], 5: [0], 6: [0], 9: [1]}
    assert associate(frames, max_gap=2) == {3: [0], 5: [0], 6: [0], 9: [0]}


def test_who_was_there_a_frame_before_goes_first():
    """A stale track never takes a person from a track that is still seen, however near."""
    near, far = 0.25 * SIZE, 0.3 * SIZE
    frames = {0: [someone(0), someone(far)], 1: [someone(far)], 2: [someone(near / 10)], 3: [someone(0)]}
    assert associate(frames, max_gap=5) == {0: [0, 1], 1: [1], 2: [1], 3: [1]}


def test_joints_missing_in_either_do_not_count():
    half = associate({0: [someone(0, missing=range(8))], 1: [someone(0, missing=range(6, 12))]})
    assert half == {0: [0], 1: [0]}
    none = associate({0: [someone(0, missing=range(8))], 1: [someone(0, missing=range(8, 17))]})
    assert none == {0: [0], 1: [1]}
    single = [someone(0, missing=range(1, 17)) for _ in range(2)]
    assert associate({0: single[:1], 1: single[1:]}) == {0: [0], 1: [0]}
    assert associate({0: single[:1], 1: [someone(1, missing=range(1, 17))]}) == {0: [0], 1: [1]}


def sequences(frames: dict[int, list[Person]]) -> list[PoseSequence]:
    return [track.sequence for track in link(video(frames), COCO17, 25.0)[0]]


def test_a_sequence_says_all_that_is_known():
    box = np.array([1.0, 2, 3, 4])
    (sequence,) = sequences({4: [someone(0, box=box)], 5: [someone(1, box=box, missing=[2])]})
    assert (sequence.name, sequence.track, sequence.start, len(sequence)) == ("walk", 0, 4, 2)
    assert (sequence.unit, sequence.frame_of_reference, sequence.fps) == ("px", "image", 25.0)
    assert (sequence.skeleton, sequence.image_size) == (COCO17, (640, 480))
    assert np.argwhere(~sequence.labelled).tolist() == [[1, 2]]
    assert np.isnan(sequence.values[1, 2]).all()
    assert np.isfinite(sequence.values[sequence.labelled]).all()
    np.testing.assert_array_equal(sequence.values[0], BODY + 1000)
    assert sequence.scores.sum() == 33
    np.testing.assert_array_equal(sequence.boxes, [box, box])


def test_a_box_that_is_missing():
    box = np.array([1.0, 2, 3, 4])
    (sequence,) = sequences({4: [someone(0, box=box)], 5: [someone(1)]})
    np.testing.assert_array_equal(sequence.boxes, [box, [np.nan] * 4])
    (sequence,) = sequences({4: [someone(0)], 5: [someone(1)]})
    assert sequence.boxes is None


def test_a_wild_box_is_missing_and_a_wild_score_is_none():
    wild = someone(1, box=np.array([1.0, 2, 1e300, 4]))
    wild.scores[3] = 1e300
    (sequence,) = sequences({4: [someone(0, box=np.array([1.0, 2, 3, 4]))], 5: [wild]})
    np.testing.assert_array_equal(sequence.boxes[1], [np.nan] * 4)
    assert sequence.scores[1, 3] == 0 and sequence.scores.max() == 1


def test_given_numbers_are_kept_and_pieces_joined():
    frames = {t: [someone(0, track=9), someone(300, track=4)] for t in range(6)}
    frames[2] = [someone(0, track=9)]
    frames[4] = [someone(300, track=4)]
    four, nine = sequences(frames)
    assert [(s.track, s.start, len(s)) for s in (four, nine)] == [(4, 0, 6), (9, 0, 5 + 1)]
    assert four.labelled.all(axis=1).tolist() == [True, True, False, True, True, True]
    assert nine.labelled.any(axis=1).tolist() == [True, True, True, True, False, True]
    assert np.isnan(nine.values[4]).all() and not nine.scores[4].any()


def test_two_people_cannot_be_one():
    frames = {0: [someone(0, track=3), someone(1, track=3)], 1: [someone(0, track=3), someone(9, track=4)]}
    with pytest.raises(FormatError, match=r"entry 1: track 3 is in frame 0 of walk already; .*track again"):
        link(video(frames), COCO17, 25.0)


@pytest.mark.parametrize("number", [0, 7])
def test_a_number_that_all_people_have_is_a_placeholder(number):
    frames = {t: [someone(0, track=number), someone(300, track=number)] for t in range(4)}
    tracks, notes = link(video(frames), COCO17, 25.0)
    assert [(t.sequence.track, len(t.sequence)) for t in tracks] == [(0, 4), (1, 4)]
    assert notes == [
        "walk: all people have the same number, so track numbers tell nobody apart; people were linked by "
        "position"
    ]


def test_one_person_with_one_number_is_a_track_with_gaps():
    frames = {t: [someone(300 * t, track=0)] for t in (0, 1, 50)}
    tracks, notes = link(video(frames), COCO17, 25.0)
    assert [(t.sequence.track, len(t.sequence)) for t in tracks] == [(0, 51)] and notes == []


def test_a_number_for_every_detection_is_a_placeholder():
    frames = {t: [someone(0, track=2 * t), someone(300, track=2 * t + 1)] for t in range(4)}
    tracks, notes = link(video(frames), COCO17, 25.0)
    assert [len(t.sequence) for t in tracks] == [4, 4]
    assert "every detection has a number of its own" in notes[0]


def test_places_in_a_list_are_no_numbers():
    """Two people who stay, listed in turns: their numbers change hands with every frame."""
    places = [0, 300]
    frames = {t: [someone(places[(p + t) % 2] + t, track=p) for p in range(2)] for t in range(5)}
    tracks, notes = link(video(frames), COCO17, 25.0)
    assert "people are numbered afresh in each frame" in notes[0]
    for track, place in zip(tracks, places, strict=True):
        np.testing.assert_allclose(track.sequence.values[:, 0, 0], BODY[0, 0] + 1000 + place + np.arange(5))
    # The same numbers where they follow the people, one of whom leaves.
    frames = {t: [someone(300 * p + t, track=p) for p in range(2 if t < 3 else 1)] for t in range(5)}
    tracks, notes = link(video(frames), COCO17, 25.0)
    assert [len(t.sequence) for t in tracks] == [5, 3] and notes == []


def test_people_without_number_among_others_are_linked():
    frames = {t: [someone(0, track=3), someone(300)] for t in range(3)}
    tracks, notes = link(video(frames), COCO17, 25.0)
    assert [(t.sequence.track, len(t.sequence)) for t in tracks] == [(3, 3), (4, 3)]
    assert notes == [
        "walk: 3 of 6 detections have no track number; they were linked by position and numbered from 4"
    ]


def test_nobody():
    empty = video({})
    empty.add(3, someone(0, missing=range(17)))
    assert link(empty, COCO17, 25.0) == ([], [])


def test_a_numbered_person_without_joints_keeps_the_place():
    """So that filled joints can be written into the entry; a track without any joint is none."""
    found = video({})
    for t in range(3):
        found.add(t, someone(0, track=1, missing=range(17) if t == 1 else ()))
        found.add(t, someone(0, track=2, missing=range(17)))
    (track,), _ = link(found, COCO17, 25.0)
    assert isinstance(track, Track) and list(track.people) == [0, 1, 2]
    assert track.sequence.labelled.any(axis=1).tolist() == [True, False, True]


def test_tracks_that_are_nearly_empty():
    """Two detections far apart must not ask for the memory between them; a long pause is none of these."""
    gone = {n: video({0: [someone(0, track=1)], n: [someone(0, track=1)]}) for n in (100_199, 100_200)}
    assert len(link(gone[100_199], COCO17, 25.0)[0][0].sequence) == 100_200
    with pytest.raises(
        FormatError, match=r"span 100201 frames .*at most 100200 for 2 detections of 17 joints"
    ):
        link(gone[100_200], COCO17, 25.0)
