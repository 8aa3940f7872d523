"""The parts of PoseTrack's average precision, by hand and against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanet.metrics.average_precision import (
    assign,
    average_precision,
    head_size,
    inside,
    joint_matches,
    without_ignored,
)

SQUARE = ((0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (0.0, 10.0))


def test_the_head_size_by_hand():
    boxes = np.array([[10.0, 20, 40, 60], [5, 5, 5, 5], [40, 60, 10, 20]])  # 30 by 40: a diagonal of 50
    np.testing.assert_allclose(head_size(boxes), [30, 0, 30])


def test_a_match_is_within_half_a_head():
    gt = np.zeros((2, 3, 2))
    gt[0, 2] = np.nan
    pred = np.array([[[5.0, 0], [0, 5.001], [0, 0]]])
    matches = joint_matches(gt, np.array([10.0, 0.0]), pred)
    assert matches.tolist() == [[[True, False, False], [False, False, False]]]
    assert not joint_matches(gt, np.array([10.0, 10.0]), np.full((1, 3, 2), np.nan)).any()


def matches(*rows: list[int], joints: int = 4) -> np.ndarray:
    """From how many joints each predicted pose (row) matches of each person (column)."""
    counts = np.array(rows)
    return np.arange(joints) < counts[..., None]


@pytest.mark.parametrize(
    ("counts", "annotated", "assigned"),
    [
        ([[4, 0], [0, 3]], [4, 4], [0, 1]),
        ([[3, 2], [4, 3]], [4, 4], [-1, 0]),  # both want person 0; the loser does not fall back on person 1
        ([[2, 1]], [4, 1], [1]),  # the largest share, not the most joints
        ([[2, 2]], [4, 4], [0]),  # a tie: the first person
        ([[2], [2]], [4], [0, -1]),  # a tie: the first pose
        ([[0, 0]], [4, 4], [-1]),
        ([[1, 0], [0, 0]], [4, 0], [0, -1]),  # a person without annotated joints
    ],
)
def test_who_goes_to_whom(counts, annotated, assigned):
    assert assign(matches(*counts), np.array(annotated)).tolist() == assigned


def test_nobody_to_assign():
    assert assign(np.zeros((2, 0, 4), dtype=bool), np.zeros(0, dtype=int)).tolist() == [-1, -1]
    assert assign(np.zeros((0, 2, 4), dtype=bool), np.ones(2, dtype=int)).tolist() == []


@pytest.mark.parametrize(
    ("scores", "hits", "positives", "expected"),
    [
        ([0.9, 0.8, 0.7], [1, 1, 1], 3, 1.0),
        ([0.9, 0.8, 0.7], [0, 0, 0], 3, 0.0),
        # Hit, miss, hit of 4: precision 1 up to a recall of 1/4, 2/3 up to 1/2.
        ([0.9, 0.8, 0.7], [1, 0, 1], 4, 1 / 4 + 2 / 3 / 4),
        # Miss, hit, hit: 2/3 is the best precision at any recall up to 2/3.
        ([0.9, 0.8, 0.7], [0, 1, 1], 3, 2 / 3 * 2 / 3),
        ([0.7, 0.9, 0.8], [1, 0, 1], 3, 2 / 3 * 2 / 3),
        # Equal scores enter together, whatever their order: 1/2 up to a recall of 1.
        ([0.5, 0.5], [1, 0], 1, 0.5),
        ([0.5, 0.5], [0, 1], 1, 0.5),
        # No score ranks last: 1 up to 1/2, then 2/3.
        ([np.nan, 0.1, 0.0], [1, 1, 0], 2, 1 / 2 + 2 / 3 / 2),
        ([], [], 3, 0.0),
    ],
)
def test_average_precision_by_hand(scores, hits, positives, expected):
    got = average_precision(np.array(scores, dtype=float), np.array(hits, dtype=bool), positives)
    assert got == pytest.approx(expected)


def test_nothing_to_find_is_no_precision():
    assert np.isnan(average_precision(np.array([0.5]), np.array([False]), 0))


PREDICTIONS = st.lists(st.tuples(st.integers(0, 12), st.booleans()), min_size=1, max_size=40)


@given(PREDICTIONS, st.integers(0, 5))
def test_it_is_the_area_under_scikit_learns_curve(predictions, missed):
    """scikit-learn gives the curve of those found; precision is interpolated, recall is of all there were."""
    metrics = pytest.importorskip("sklearn.metrics")
    scores = np.array([score for score, _ in predictions], dtype=float)
    hits = np.array([hit for _, hit in predictions])
    if not hits.any():
        assert average_precision(scores, hits, missed + 1) == 0
        return
    precision, recall, _ = metrics.precision_recall_curve(hits, scores)  # recall falls to 0
    interpolated = np.maximum.accumulate(precision[:-1])
    area = -np.diff(recall) @ interpolated * hits.sum() / (hits.sum() + missed)
    assert average_precision(scores, hits, int(hits.sum()) + missed) == pytest.approx(area)


@given(PREDICTIONS, st.randoms())
def test_the_order_of_predictions_and_the_scale_of_scores_say_nothing(predictions, random):
    scores = np.array([score for score, _ in predictions], dtype=float)
    hits = np.array([hit for _, hit in predictions])
    order = np.array(random.sample(range(len(hits)), len(hits)))
    expected = average_precision(scores, hits, len(hits))
    assert average_precision(scores[order] * 3 - 7, hits[order], len(hits)) == pytest.approx(expected)
    assert 0 <= expected <= hits.mean() + 1e-9 or hits.all()


def test_regions_by_hand():
    points = np.array([[5.0, 5.0], [11, 5], [np.nan, 5], [22, 3], [-1, -1]])
    assert inside(points, [SQUARE]).tolist() == [True, False, False, False, False]
    triangle = ((20.0, 0.0), (30.0, 0.0), (20.0, 10.0))
    assert inside(points, [SQUARE, triangle]).tolist() == [True, False, False, True, False]
    assert not inside(points, []).any()
    assert not inside(points, [SQUARE[:2], ()]).any()
    assert inside(np.zeros((0, 15, 2)), [SQUARE]).shape == (0, 15)
    # A bow tie holds its two wings and not what is between them.
    bow = ((0.0, 0.0), (10.0, 10.0), (10.0, 0.0), (0.0, 10.0))
    assert inside(np.array([[2.0, 5.0], [8, 5], [5, 2], [5, 8]]), [bow]).tolist() == [
        True,
        True,
        False,
        False,
    ]


def test_ignored_keypoints_are_taken_out_and_the_rest_stays():
    poses = np.array([[[5.0, 5.0], [50, 50]], [[1, 1], [2, 2]]])
    out = without_ignored(poses, [SQUARE])
    assert np.isnan(out[0, 0]).all() and out[0, 1].tolist() == [50, 50] and np.isnan(out[1]).all()
    np.testing.assert_array_equal(without_ignored(poses, []), poses)


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans(), st.integers(0, 3)), max_size=12))
def test_a_weight_counts_a_prediction_so_many_times(rows):
    scores, hits, weights = (np.array(part, dtype=kind) for part, kind in zip(
        zip(*rows, strict=True) if rows else ((), (), ()), (float, bool, int), strict=True
    ))  # fmt: skip
    positives = 1 + int(hits @ weights)
    repeated = average_precision(np.repeat(scores, weights), np.repeat(hits, weights), positives)
    assert average_precision(scores, hits, positives, weights) == pytest.approx(repeated)
