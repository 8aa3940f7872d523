"""Figures of scores: places of names, order, scales."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.text import Text

from hanet.figures.charts.joints import body_order, by_joint, joint_label
from hanet.figures.charts.scores import MethodScores, apart, budget, comparison
from hanet.poses.skeletons import H36M17


def row(mpjpe: float, accel: float, observed: float = 1.0, interval: bool = True) -> dict:
    ends = {"low": mpjpe - 5, "high": mpjpe + 5} if interval else {}
    return {
        "observed": observed, "frames": 10, "mpjpe_mm": {"mean": mpjpe, **ends},
        "accel_mm_per_frame2": {"mean": accel},
    }  # fmt: skip


ROWS = {
    "input": row(90, 40), "one_euro": row(89, 13), "gaussian": row(88.5, 0.6), "constant_offset": row(80, 40),
    "linear_interpolation": row(90, 2.5, 0.2), "deciwatch": row(60, 2.6, 0.2, interval=False),
    "hanet": row(50, 1.4, 0.6),
}  # fmt: skip
SCORES = {name: MethodScores.from_dict(values) for name, values in ROWS.items()}


def test_names_beside_points_do_not_overlap():
    figure = budget(SCORES)
    figure.draw_without_rendering()
    for axes, logarithmic in zip(figure.axes, (False, True), strict=True):
        assert (axes.get_yscale() == "log") == logarithmic
        assert [text.get_text() for text in axes.texts].count("HANet") == 1
        assert len(axes.texts) == len(SCORES)
        boxes = [Text.get_window_extent(text) for text in axes.texts]  # without the leading lines
        assert not any(a.overlaps(b) for a, b in combinations(boxes, 2))
        assert all(box.x1 <= figure.bbox.x1 for box in boxes)
        points = [tuple(container.lines[0].get_xydata()[0]) for container in axes.containers]
        metric = "accel_mm_per_frame2" if logarithmic else "mpjpe_mm"
        assert points == [(r.observed, r.metrics[metric].mean) for r in SCORES.values()]
    # Every other error bar's ends are the interval's.
    (bar,) = figure.axes[0].containers[0].lines[2]
    assert bar.get_segments()[0].tolist() == [[1.0, 85.0], [1.0, 95.0]]


@given(st.lists(st.floats(-50, 150), min_size=1, max_size=12))
def test_places_keep_their_distance_and_stay_inside(wanted: list[float]):
    places = apart(np.array(wanted), gap=10.0, low=0.0, high=200.0)
    ordered = np.sort(places)
    assert (np.diff(ordered) >= 10.0 - 1e-9).all()
    assert ordered[0] >= -1e-9 and ordered[-1] <= 200.0 + 1e-9
    assert (np.argsort(np.array(wanted), kind="stable") == np.argsort(places, kind="stable")).all()


def test_places_by_hand():
    def places(*wanted: float, high: float = 100.0) -> list[float]:
        return apart(np.array(wanted), gap=10.0, low=0.0, high=high).tolist()

    assert places(50.0, 20.0) == [50.0, 20.0]  # nothing to move
    assert places(50.0, 50.0) == [45.0, 55.0]
    assert places(0.0, 0.0) == [0.0, 10.0]
    assert places(5.0, 5.0, 5.0, high=10.0) == [0.0, 5.0, 10.0]  # no room: the gap shrinks
    assert places() == []


def test_the_best_is_at_the_top():
    figure = comparison(SCORES)
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names[-1] == "HANet" and names[-2] == "DeciWatch" and names[0] == "linear interpolation"
    left, right = figure.axes
    assert left.get_xscale() == "linear" and right.get_xscale() == "log"
    assert {text.get_text() for text in left.texts} >= {"50.0", "60.0"}
    figure.draw_without_rendering()
    assert all(text.get_window_extent().x1 <= figure.bbox.x1 for text in right.texts)


def test_of_keypoints_more_is_better():
    cells = {"input": 0.5, "hanet": 0.9}
    rows = {
        name: MethodScores.from_dict({"observed": 1.0, "pck_005": {"mean": value}})
        for name, value in cells.items()
    }
    (axes,) = comparison(rows).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["input", "HANet"]
    assert [text.get_text() for text in axes.texts] == ["0.500", "0.900"]


def test_scores_without_a_shared_metric_are_refused():
    with pytest.raises(ValueError, match="0 methods share none of the metrics mpjpe_mm"):
        budget({})
    with pytest.raises(ValueError, match="expected a method's observed and its metrics' means"):
        MethodScores.from_dict({"mpjpe_mm": {"mean": 1.0}})


def test_joints_from_head_to_foot_without_the_root():
    values = {joint: float(i) for i, joint in enumerate(H36M17.joints)}
    (axes,) = by_joint({"input": values, "hanet": {j: v / 2 for j, v in values.items()}}).axes
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels[:4] == ["head top", "nose", "thorax", "left shoulder"]
    assert labels[-2:] == ["left ankle", "right ankle"] and "pelvis" not in labels
    assert axes.get_ylim() == (15.5, -0.5)
    places = dict(zip(labels, axes.lines[0].get_xdata(), strict=True))
    assert places["left wrist"] == values["l_wrist"]


def test_joint_names():
    assert body_order(["r_knee", "tail", "l_knee", "nose", "wing"]) == [
        "nose",
        "l_knee",
        "r_knee",
        "tail",
        "wing",
    ]
    assert joint_label("l_big_toe") == "left big toe" and joint_label("spine1") == "spine1"


def test_joints_of_other_skeletons_are_refused():
    with pytest.raises(ValueError, match="b has other joints than a"):
        by_joint({"a": {"nose": 1.0}, "b": {"neck": 1.0}})
    with pytest.raises(ValueError, match="at least one method"):
        by_joint({})
