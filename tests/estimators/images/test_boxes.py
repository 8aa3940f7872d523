"""Boxes from poses, files and detections."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanet.estimators.images.boxes import COLUMNS, chosen, of_poses, read_boxes, without_gaps
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import COCO17, SMPL24

NAN = float("nan")


def sequence(values: np.ndarray, **fields) -> PoseSequence:
    return PoseSequence("walk", values, COCO17, "2d", 25.0, "px", "image", **fields)


def test_the_extent_of_labelled_keypoints_by_hand():
    values = np.tile([50.0, 60.0], (4, 17, 1))
    values[:, 0], values[:, 1] = (40, 50), (60, 90)
    values[1, 2] = np.nan
    labelled = np.ones((4, 17), bool)
    values[2, 3], labelled[2, 3] = (500, 500), False
    labelled[3] = False
    boxes = of_poses(sequence(values, labelled=labelled))
    np.testing.assert_allclose(boxes[:3], np.tile([38, 46, 62, 94], (3, 1)))
    assert np.isnan(boxes[3]).all()


def test_own_boxes_come_first():
    values = np.tile(np.arange(17.0)[:, None] * [1, 2], (3, 1, 1))
    own = np.array([[1, 2, 3, 4], [NAN] * 4, [5, 5, 5, 9]], dtype=np.float32)
    boxes = of_poses(sequence(values, boxes=own))
    assert boxes[0].tolist() == [1, 2, 3, 4]
    np.testing.assert_allclose(boxes[1:], np.tile([-1.6, -3.2, 17.6, 35.2], (2, 1)), rtol=1e-6)


def test_a_single_point_is_no_box():
    values = np.full((1, 17, 2), np.nan)
    values[0, 4] = 3, 4
    assert np.isnan(of_poses(sequence(values))).all()


def test_joints_in_space_have_no_box():
    poses = PoseSequence("w", np.zeros((1, 24, 3)), SMPL24, "3d", 25.0, "m", "camera")
    with pytest.raises(ValueError, match="boxes come from keypoints in the image, got 3d poses in camera"):
        of_poses(poses)


def test_gaps_by_hand():
    boxes = np.full((6, 4), np.nan, np.float32)
    boxes[1], boxes[4], boxes[2] = (0, 0, 10, 10), (30, 0, 40, 40), (5, 5, 5, 5)
    expected = [[0, 0, 10, 10]] * 2 + [[10, 0, 20, 20], [20, 0, 30, 30]] + [[30, 0, 40, 40]] * 2
    np.testing.assert_allclose(without_gaps(boxes), expected)
    assert np.isnan(without_gaps(boxes[:1])).all()


# --- files

ROWS = [
    ("walk", 0, 3, 1.0, 2.0, 30.0, 40.0),
    ("walk", 0, 4, 2.0, 2.0, 31.0, 40.0),
    ("run", 1, 0, 0.0, 0.0, 5.0, 5.0),
]


def write(path, rows=ROWS, columns=COLUMNS):
    if path.suffix == ".json":
        path.write_text(json.dumps([dict(zip(columns, row, strict=True)) for row in rows]))
    else:
        path.write_text("\n".join([",".join(columns), *(",".join(map(str, row)) for row in rows)]))
    return path


@pytest.mark.parametrize("suffix", ["csv", "json"])
def test_a_file(tmp_path, suffix):
    file = read_boxes(write(tmp_path / f"boxes.{suffix}"))
    boxes = file.of(sequence(np.zeros((3, 17, 2)), start=2))
    assert np.isnan(boxes[0]).all() and boxes[1:].tolist() == [[1, 2, 30, 40], [2, 2, 31, 40]]
    with pytest.raises(ValueError, match="has no box of walk, track 7; name sequences"):
        file.of(sequence(np.zeros((3, 17, 2)), track=7))


def test_names_that_look_like_numbers_stay_names(tmp_path):
    file = read_boxes(write(tmp_path / "b.csv", [("12", 0, 0, 0, 0, 1, 1)]))
    assert list(file.tracks) == [("12", 0)]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([*ROWS, ROWS[0]], "a second box of walk, track 0, frame 3"),
        ([("walk", 0, 3, 5.0, 2.0, 5.0, 40.0)], "a box that is empty of walk, track 0, frame 3"),
        ([("walk", 0, 3, "nan", 2.0, 5.0, 40.0)], "a box that is empty"),
        ([("walk", "first", 3, 5.0, 2.0, 5.0, 40.0)], "expected a table of boxes with sequence, track"),
        ([("walk", 0, "9" * 30, 5.0, 2.0, 5.0, 40.0)], "expected a table of boxes with sequence, track"),
    ],
)
def test_wrong_rows(tmp_path, rows, message):
    with pytest.raises(ValueError, match=message):
        read_boxes(write(tmp_path / "b.csv", rows))


def test_wrong_files(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file of boxes"):
        read_boxes(tmp_path / "none.csv")
    with pytest.raises(ValueError, match="it lacks frame"):
        read_boxes(write(tmp_path / "b.csv", [row[:2] + row[3:] for row in ROWS], COLUMNS[:2] + COLUMNS[3:]))
    (tmp_path / "b.json").write_text('[{"sequence": "a"')
    with pytest.raises(ValueError, match="expected a table of boxes"):
        read_boxes(tmp_path / "b.json")


# --- detections

FOUND = np.array([[0, 0, 10, 10], [20, 0, 40, 40], [22, 2, 42, 42]], dtype=np.float32)
SCORES = np.array([0.9, 0.6, 0.8], dtype=np.float32)


@pytest.mark.parametrize(
    ("near", "expected"),
    [
        ([1, 1, 9, 9], 0),
        ([20, 0, 39, 39], 1),
        ([23, 3, 43, 43], 2),
        ([100, 0, 140, 40], None),
        ([NAN] * 4, None),
    ],
)
def test_who_overlaps_most(near, expected):
    box = chosen(FOUND, SCORES, np.array(near, dtype=np.float32))
    assert np.isnan(box).all() if expected is None else box.tolist() == FOUND[expected].tolist()


def test_whoever_scores_highest():
    assert chosen(FOUND[1:], SCORES[1:], None).tolist() == FOUND[2].tolist()
    assert np.isnan(chosen(FOUND[:0], SCORES[:0], None)).all()


@given(st.floats(0, 1))
def test_the_least_overlap(shift):
    """Two unit squares `shift` apart share (1 − s) / (1 + s)."""
    near = np.array([shift, 0, 1 + shift, 1], dtype=np.float32)
    box = chosen(np.array([[0, 0, 1, 1]], dtype=np.float32), np.ones(1, np.float32), near)
    overlap = (1 - shift) / (1 + shift)
    if abs(overlap - 0.3) > 1e-4:
        assert np.isfinite(box).all() == (overlap > 0.3)
