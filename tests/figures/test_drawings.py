"""Curves, skeletons, people: what is on the axes, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from PIL import Image

from hanet.figures.charts.curves import curves
from hanet.figures.images import find_images, read_image
from hanet.figures.skeletons.bodies import (
    extent,
    identity_colours,
    project,
    side_colours,
    two_views,
)
from hanet.figures.skeletons.people import people
from hanet.figures.skeletons.stills import skeletons, views
from hanet.figures.style import CENTRE, IDENTITIES, LEFT, METHODS, RIGHT, WRONG
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import H36M17


def rings(axes: Axes) -> int:
    """How many joints are ringed in a panel."""
    found = [c for c in axes.collections if isinstance(c, PathCollection)]
    return sum(
        len(c.get_offsets()) for c in found if [to_hex(e) for e in c.get_edgecolors()] == [WRONG.lower()]
    )


def all_text_inside(figure: Figure) -> bool:
    figure.draw_without_rendering()
    box, whole = figure.get_tightbbox(), figure.bbox_inches
    return box.x0 > -0.02 and box.y0 > -0.02 and box.x1 < whole.x1 + 0.02 and box.y1 < whole.y1 + 0.02


def test_curves_show_every_method_in_its_colour(person: PoseSequence, noisy):
    methods = {"input": noisy(person, 0.03), "hanet": noisy(person, 0.001)}
    figure = curves(person, methods)
    above, below = figure.axes
    for axes in (above, below):
        assert [line.get_color() for line in axes.lines] == [METHODS["input"].colour, METHODS["hanet"].colour]
    labels = [text.get_text() for text in above.get_legend().get_texts()]
    assert labels[0].startswith("input  ") and labels[2] == "worst spans\nof the input"
    assert above.get_ylabel() == "MPJPE (mm)" and below.get_ylabel() == "Accel (mm/frame²)"
    assert above.lines[0].get_xdata()[30] == pytest.approx(1.0)
    assert below.get_yscale() == "log"
    assert above.patches, "no span is shaded"
    assert all_text_inside(figure)


def test_curves_without_the_input_have_no_spans(keypoints: PoseSequence, noisy):
    figure = curves(keypoints, {"mine": noisy(keypoints, 2.0)})
    assert not figure.axes[0].patches
    assert figure.axes[0].get_ylabel() == "mean error (px)"
    assert figure.axes[0].get_xlim()[0] == pytest.approx(5 / 30)
    one = replace(keypoints, values=keypoints.values[:1], boxes=keypoints.boxes[:1])
    assert curves(one, {"mine": one}).axes[0].get_legend().get_texts()[0].get_text() == "mine  0.0"
    with pytest.raises(ValueError, match="at least one method"):
        curves(keypoints, {})


def test_sides_differ():
    colours = dict(zip(H36M17.joints, side_colours(H36M17), strict=True))
    assert (colours["l_knee"], colours["r_knee"], colours["spine"]) == (LEFT, RIGHT, CENTRE)
    person = identity_colours(H36M17, "#000000")
    assert person[H36M17.index("l_hip")] == "#000000" and person[H36M17.index("r_hip")] == "#808080"


def test_the_camera_sees_the_front_and_the_side(person: PoseSequence):
    front, side = two_views(person)
    point = np.array([[[1.0, 2.0, 3.0]]])
    assert front.project(point).tolist() == [[[1.0, -2.0]]]
    assert side.project(point).tolist() == [[[3.0, -2.0]]]


@pytest.mark.parametrize("turn", [0.0, 1.0, 2.5])
def test_in_a_world_the_front_faces_the_hips(person: PoseSequence, turn: float):
    c, s = np.cos(turn), np.sin(turn)
    # From the camera's axes (x right, y down, z ahead) to a world with z up, turned about z.
    to_world = np.array([[c, s, 0.0], [0.0, 0.0, -1.0], [-s, c, 0.0]])
    world = replace(person, values=person.values @ to_world, frame_of_reference="world")
    gt, moved = (
        project(world, world, wrong_mm=1.0, wrong_alpha=1.0),
        project(person, person, wrong_mm=1.0, wrong_alpha=1.0),
    )
    for name in ("front", "side"):
        assert gt[name].points == pytest.approx(moved[name].points, abs=1e-5)


def test_a_body_without_a_front_is_drawn_or_refused(person: PoseSequence):
    world = replace(person, frame_of_reference="world")
    upright = person.values.copy()
    upright[:, [H36M17.index("l_hip"), H36M17.index("r_hip")]] = 0.0
    front, _ = two_views(replace(world, values=upright))
    assert np.abs(front.right @ front.up) < 1e-9
    with pytest.raises(ValueError, match="walk: no frame of the ground truth is known"):
        two_views(replace(world, values=np.full_like(person.values, np.nan)))


def test_views_ring_wrong_joints(person: PoseSequence):
    moved = person.values.copy()
    moved[10, 3] += 0.5
    figure = views(person, {"input": person.with_values(moved), "hanet": person}, [10, 20], wrong_mm=150.0)
    grid = np.array(figure.axes).reshape(2, 4)
    assert [[rings(axes) for axes in line] for line in grid] == [[1, 1, 0, 0], [0, 0, 0, 0]]
    assert [axes.get_title() for axes in grid[0]] == ["0.33 s\nfront", "\nside", "0.67 s\nfront", "\nside"]
    assert grid[1, 0].get_ylabel() == "HANet"
    assert grid[0, 0].get_ylim() == grid[1, 3].get_ylim()  # one scale
    assert all_text_inside(figure)


def test_a_legend_is_whole_in_a_narrow_figure(keypoints: PoseSequence):
    figure = skeletons(keypoints, {"input": keypoints}, [2])
    assert figure.bbox.width < 3.5 * figure.dpi
    [legend] = figure.legends
    assert [text.get_text() for text in legend.get_texts()][-1] == "more than 0.1 of the box off"
    figure.draw_without_rendering()
    box = legend.get_window_extent()
    assert box.x0 >= 0 and box.x1 <= figure.bbox.width and box.y0 >= 0
    assert all_text_inside(figure)


def test_images_of_another_size_are_refused(keypoints: PoseSequence, tmp_path: Path):
    Image.fromarray(np.zeros((240, 320, 3), dtype=np.uint8)).save(tmp_path / "img_7.png")
    found = replace(keypoints, image_size=(640, 480))
    with pytest.raises(ValueError, match=r"img_7\.png is 320×240 pixels, the poses are of images of 640×480"):
        skeletons(found, {"input": found}, [2], images=find_images(tmp_path))
    with pytest.raises(ValueError, match="the poses are of images of 640×480"):
        people([found], [7], images=find_images(tmp_path))


def test_skeletons_on_images(keypoints: PoseSequence, tmp_path: Path):
    Image.fromarray(np.full((240, 320, 3), 200, dtype=np.uint8)).save(tmp_path / "img_7.png")
    moved = keypoints.values.copy()
    moved[2, 4] += 30.0
    moved[2, 5] = np.nan
    methods = {"input": keypoints.with_values(moved), "hanet": keypoints}
    figure = skeletons(keypoints, methods, [2], images=find_images(tmp_path))
    left, right = figure.axes
    assert (rings(left), rings(right)) == (1, 0)
    assert left.images[0].get_array().shape == (240, 320, 3)
    assert left.get_ylim()[0] > left.get_ylim()[1]  # y down
    assert left.get_ylabel() == "frame 7" and left.get_title() == "input"
    assert all_text_inside(figure)
    assert not skeletons(keypoints, methods, [2]).axes[0].images
    with pytest.raises(ValueError, match="no image of frame 8; there are 1 images, of frames 7 to 7"):
        skeletons(keypoints, methods, [3], images=find_images(tmp_path))


def test_what_cannot_be_drawn_is_refused(person: PoseSequence, keypoints: PoseSequence):
    with pytest.raises(ValueError, match="expected 3D joints, got 2d poses; skeletons draws"):
        views(keypoints, {"input": keypoints}, [0])
    with pytest.raises(ValueError, match="expected keypoints, got 3d poses; views draws"):
        skeletons(person, {"input": person}, [0])
    with pytest.raises(ValueError, match=r"expected frames within 5\.\.24, got frame 25"):
        skeletons(keypoints, {"input": keypoints}, [20])
    with pytest.raises(ValueError, match="no frames were chosen"):
        views(person, {"input": person}, [])
    with pytest.raises(ValueError, match="only 3D joints have two views, got 2d"):
        two_views(keypoints)
    unknown = replace(keypoints, values=np.full_like(keypoints.values, np.nan))
    with pytest.raises(ValueError, match="every joint is unknown in these frames"):
        skeletons(unknown, {"input": unknown}, [0])
    assert extent(np.array([[0.0, 0.0], [4.0, 2.0], [np.nan, 9.0]]), margin=0.5).tolist() == [
        [-2, -2],
        [6, 4],
    ]


def test_people_keep_their_colours(keypoints: PoseSequence):
    other = replace(keypoints, track=7, start=15, values=keypoints.values + 40)
    figure = people([other, keypoints], [10, 20, 16])
    one, two, both, empty = figure.axes
    assert [axes.get_title(loc="left") for axes in (one, two, both)] == ["frame 10", "frame 20", "frame 16"]
    assert [text.get_text() for text in one.texts] == ["1"]
    assert [text.get_text() for text in both.texts] == ["7", "1"]
    assert [text.get_color() for text in both.texts] == [IDENTITIES[1], IDENTITIES[0]]
    assert not empty.axison
    bodies = [c for c in both.collections if isinstance(c, LineCollection)]
    assert len(bodies) == 2
    assert all_text_inside(figure)


def test_people_on_an_image_fill_it_and_keep_their_numbers_inside(keypoints: PoseSequence, tmp_path: Path):
    Image.fromarray(np.zeros((240, 320, 3), dtype=np.uint8)).save(tmp_path / "000005.jpg")
    high = replace(keypoints, values=keypoints.values - np.array([0.0, 200.0], dtype=np.float32))
    hidden = replace(keypoints, track=2, values=np.full_like(keypoints.values, np.nan))
    (axes,) = people([high, hidden], [5], images=find_images(tmp_path)).axes
    assert axes.get_xlim() == (0, 320) and axes.get_ylim() == (240, 0)
    (number,) = axes.texts
    assert 0 < number.xy[1] < 240


def test_people_that_cannot_be_drawn(person: PoseSequence, keypoints: PoseSequence):
    with pytest.raises(ValueError, match="expected tracks and frames, got 0 and 1"):
        people([], [0])
    with pytest.raises(ValueError, match="keypoints of people of dance, got 3d poses of walk"):
        people([keypoints, person], [5])
    with pytest.raises(ValueError, match="dance: no track has frame 99"):
        people([keypoints], [99])


def test_images_by_number(tmp_path: Path):
    with pytest.raises(ValueError, match="expected JPEG or PNG images named by frame number, found none"):
        find_images(tmp_path)
    (tmp_path / "v2_0012.jpg").write_bytes(b"\xff\xd8 cut")
    (tmp_path / "notes_3.txt").touch()
    (tmp_path / "cover.png").touch()
    found = find_images(tmp_path)
    assert list(found) == [12]
    with pytest.raises(ValueError, match=r"v2_0012\.jpg: expected an image, got another or a damaged file"):
        read_image(found, 12)
    (tmp_path / "v2_12.png").touch()
    with pytest.raises(ValueError, match=r"v2_0012.jpg and v2_12.png are both frame 12"):
        find_images(tmp_path)
