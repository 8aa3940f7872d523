"""Errors, wrong joints and error-prone spans, by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hanet.figures.charts.errors import (
    Span,
    error_prone_spans,
    mean_known,
    running_mean,
    worst_span,
    wrong_joints,
)
from hanet.figures.charts.errors import errors as errors_of
from hanet.figures.choose import by_method, find_sequence, median_key, rows_around, spread_rows
from hanet.metrics import accel, mpjpe
from hanet.poses.sequence import PoseSequence


def test_3d_errors_are_those_of_the_metrics(person: PoseSequence, noisy):
    poses = noisy(person, 0.02)
    found = errors_of(person, poses)
    root = person.skeleton.root
    assert found.unit == "mm"
    assert found.frames.mean() == pytest.approx(mpjpe(poses.values, person.values, root=root))
    assert np.isnan(found.accel[[0, -1]]).all()
    assert found.accel[1:-1].mean() == pytest.approx(accel(poses.values, person.values, root=root))


def test_keypoint_errors_leave_out_what_is_unknown(keypoints: PoseSequence):
    labelled = np.ones((20, 17), dtype=bool)
    labelled[0, 0] = False
    moved = keypoints.values.copy()
    moved[:, 0] += 34.0  # (34, 34): 48.08 px
    moved[:, 1] += [3.0, 4.0]
    found = errors_of(replace(keypoints, labelled=labelled), keypoints.with_values(moved))
    assert found.unit == "px"
    assert found.frames[0] == pytest.approx(5.0 / 16)
    assert found.frames[1] == pytest.approx((5.0 + 34 * np.sqrt(2)) / 17, rel=1e-5)
    assert found.accel[1:-1] == pytest.approx(0.0, abs=1e-4)


def test_rotations_have_no_errors_to_draw(person: PoseSequence):
    rotations = replace(
        person, values=np.zeros((2, 17, 6)), representation="smpl", unit="rot6d", frame_of_reference="parent"
    )
    with pytest.raises(ValueError, match="walk: rotations have no positions"):
        errors_of(rotations, rotations)
    with pytest.raises(ValueError, match="90 frames, the poses to compare have 89"):
        errors_of(person, replace(person, values=person.values[1:]))


def test_wrong_joints_by_millimetres_and_by_box(person: PoseSequence, keypoints: PoseSequence):
    moved = person.values.copy()
    moved[3, 5, 0] += 0.151
    moved[4, 5, 0] += 0.149
    wrong = wrong_joints(person, person.with_values(moved), wrong_mm=150.0, wrong_alpha=np.inf)
    assert np.argwhere(wrong).tolist() == [[3, 5]]
    moved = keypoints.values.copy()
    moved[3, 5, 0] += 20.5  # of a box 80 by 200: 0.1 · 200 = 20
    moved[4, 5, 0] += 19.5
    moved[5, 5] = np.nan  # not found: nothing to ring
    wrong = wrong_joints(keypoints, keypoints.with_values(moved), wrong_mm=0.0, wrong_alpha=0.1)
    assert np.argwhere(wrong).tolist() == [[3, 5]]
    with pytest.raises(ValueError, match="expected ground truth with boxes"):
        wrong_joints(replace(keypoints, boxes=None), keypoints, wrong_mm=0.0, wrong_alpha=0.1)


def test_running_mean_shrinks_at_ends_and_skips_the_unknown():
    values = np.array([1.0, 2.0, np.nan, 4.0, 8.0])
    assert running_mean(values, 3) == pytest.approx([1.5, 1.5, np.nan, 6.0, 6.0], nan_ok=True)
    assert running_mean(values, 1) == pytest.approx(values, nan_ok=True)
    assert running_mean(values, 99)[0] == pytest.approx(15 / 4)
    assert mean_known(np.array([[1.0, np.nan], [np.nan, np.nan]])) == pytest.approx(
        [1.0, np.nan], nan_ok=True
    )


def test_spans_are_the_worst_fifth_of_the_smoothed_error():
    position = np.full(100, 10.0)
    position[30:40] = 50.0
    position[70:80] = 90.0
    position[95] = 30.0  # too short by itself, once smoothed too low
    # Smoothed over 5 frames, each plateau reaches 2 frames further; the 80 % quantile cuts the lower one.
    spans = error_prone_spans(position, fps=10.0)
    assert [(s.start, s.stop) for s in spans] == [(31, 39), (69, 81)]  # 20 of 100
    worst = worst_span(position, fps=10.0)
    assert worst == spans[-1] and worst.worst == 72


def test_short_runs_are_no_spans_and_a_flat_error_has_none():
    position = np.zeros(200)
    position[100] = 1.0
    assert error_prone_spans(position, fps=1.0) == [Span(100, 101, 100)]  # one frame is a second here
    position[100:] = np.nan
    assert error_prone_spans(position, fps=30.0) == []
    assert worst_span(position, fps=30.0) == Span(0, 200, 0)
    assert error_prone_spans(np.full(5, np.nan), fps=30.0) == []


def test_the_median_sequence():
    assert median_key({"a": 3.0, "b": 1.0, "c": 2.0}) == "c"
    assert median_key({"a": 4.0, "b": 1.0, "c": 2.0, "d": 3.0}) == "c"
    assert median_key({"b": 1.0, "a": 1.0, "c": float("nan")}) == "b"
    with pytest.raises(ValueError, match="none of 1 sequences has an error"):
        median_key({"a": float("nan")})


def test_rows():
    assert spread_rows(Span(10, 20, 12), 2) == [12, 17]
    assert spread_rows(Span(10, 12, 10), 4) == [10, 11]
    assert rows_around(50, 10, length=100) == range(45, 55)
    assert rows_around(1, 10, length=100) == range(10)
    assert rows_around(99, 10, length=100) == range(90, 100)
    assert rows_around(3, 10, length=5) == range(5)
    assert rows_around(3, 0, length=5) == range(3, 4)


def test_find_sequence_lists_what_there_is(tmp_path, person: PoseSequence, write):
    from hanet.cache.files import PoseCache

    others = [replace(person, name=f"s{i}", track=i) for i in range(7)]
    late = replace(person, name="s0", track=0, start=200)
    cache = PoseCache.open(write(tmp_path / "a.parquet", *others, late))
    assert find_sequence(cache, "s3").track == 3
    assert find_sequence(cache, "s0", track=0, start=200).start == 200
    with pytest.raises(ValueError, match=r"no sequence s9; it has 7: s0 \(track 0\), .*s4 \(track 4\), …"):
        find_sequence(cache, "s9")
    with pytest.raises(ValueError, match="no sequence s3, track 0, from frame 5; it has 7"):
        find_sequence(cache, "s3", track=0, start=5)


def test_methods_by_name():
    assert by_method(["a=x", "b=y=z"]) == {"a": "x", "b": "y=z"}
    for entry in ("a", "=x", "a="):
        with pytest.raises(ValueError, match="expected METHOD=FILE"):
            by_method([entry])
    with pytest.raises(ValueError, match="method a is given twice: x and y"):
        by_method(["a=x", "a=y"])
