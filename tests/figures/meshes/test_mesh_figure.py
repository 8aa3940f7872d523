"""Rendering by hand, rings and choice of frames, and files that are whole or not there."""

from __future__ import annotations

from dataclasses import replace

import av
import numpy as np
import pytest
from PIL import Image

from hanet.figures.meshes.pictures import (
    RING,
    SKIN,
    TRUTH,
    WORST_MM,
    View,
    compare_figure,
    error_colours,
    pelvis_aligned,
    render,
    worst_frames,
)
from hanet.figures.meshes.video import compare_video
from hanet.poses.skeletons import SMPL24
from hanet.smpl.synthetic_body import synthetic_body
from hanet.smpl.tracks import from_axis_angle

BODY = synthetic_body()
IMAGE = np.eye(3) * [1, -1, -1]  # y up and z to the viewer, as in a rest pose, to a camera's axes


def square(z: float = 0.0, half: float = 0.25) -> np.ndarray:
    return np.array([[-half, -half, z], [half, -half, z], [half, half, z], [-half, half, z]])


FACES = np.array([[0, 1, 2], [0, 2, 3]])
VIEW = View(IMAGE, np.array([0.0, 0, 2]), focal=80.0, size=(40, 30))


def test_projection_by_hand():
    np.testing.assert_allclose(VIEW.project(np.array([0.25, 0.25, 0.0])), [20 + 10, 15 - 10, 2])
    moved = replace(VIEW, centre=(0.0, 0.0))
    np.testing.assert_allclose(moved.project(np.array([0.25, 0.25, 1.0])), [20, -20, 1])


def test_a_square_covers_its_pixels_and_no_other():
    picture = render(square(), FACES, VIEW)
    inside = np.zeros((30, 40), dtype=bool)
    inside[6:24, 11:29] = True
    border = np.zeros((30, 40), dtype=bool)
    border[4:27, 9:32] = True
    assert picture.dtype == np.uint8
    assert (picture[inside] != 255).all() and (picture[~border] == 255).all()
    # One flat surface has one shade of the colour.
    assert np.ptp(picture[inside].reshape(-1, 3), axis=0).max() == 0


def test_what_faces_away_is_not_drawn_and_what_is_near_hides_what_is_far():
    assert (render(square(), FACES[:, ::-1], VIEW) == 255).all()
    both = np.concatenate([square(0.5), square(-0.5)])
    colours = np.repeat([[255.0, 0, 0], [0, 255.0, 0]], 4, axis=0)
    for faces in (np.concatenate([FACES, FACES + 4]), np.concatenate([FACES + 4, FACES])):
        red, green, _ = render(both, faces, VIEW, colours=colours)[15, 20]
        assert red > 100 and green == 0  # z = 0.5 is nearer to the viewer


def test_light_falls_on_what_faces_it():
    lit = render(square(), FACES, VIEW)[15, 20]
    tilted = square()
    tilted[:, 2] -= 2 * tilted[:, 1] * -1  # leans back: its face looks down
    assert render(tilted, FACES, VIEW)[15, 20].sum() < lit.sum()


def test_a_background_shows_where_there_is_no_mesh_and_through_a_pale_one():
    background = np.full((30, 40, 3), 10, np.uint8)
    picture = render(square(), FACES, VIEW, background=background)
    assert (picture[0] == 10).all() and (picture[15, 20] > 50).all()
    pale = render(square(), FACES, VIEW, background=background, opacity=0.5)[15, 20].astype(float)
    np.testing.assert_allclose(pale, (picture[15, 20].astype(float) + 10) / 2, atol=1)
    np.testing.assert_array_equal(
        render(np.full((4, 3), np.nan), FACES, VIEW, background=background), background
    )
    with pytest.raises(ValueError, match=r"background must be \(30, 40, 3\), got \(40, 30, 3\)"):
        render(square(), FACES, VIEW, background=np.zeros((40, 30, 3), np.uint8))


@pytest.mark.parametrize("up", [(0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (0.0, -1.0, 0.0)])
@pytest.mark.parametrize("azimuth", [0.0, 70.0, 180.0])
def test_a_view_around_points_holds_them_upright(up, azimuth, rng):
    points = rng.normal(size=(50, 3))
    view = View.around(points, size=(200, 100), up=up, azimuth=azimuth)
    pixels = view.project(points)
    assert (pixels[:, :2] >= 0).all() and (pixels[:, 0] <= 200).all() and (pixels[:, 1] <= 100).all()
    assert max(np.ptp(pixels[:, 0]) / 200, np.ptp(pixels[:, 1]) / 100) > 0.6
    below, above = view.project(np.stack([points.mean(axis=0), points.mean(axis=0) + 0.3 * np.array(up)]))
    assert above[1] < below[1] and abs(above[0] - below[0]) < 1e-6
    np.testing.assert_allclose(np.linalg.det(view.rotation), 1)


def test_the_front_of_the_rest_pose_has_its_left_on_the_right():
    (mesh,) = pelvis_aligned(BODY, from_axis_angle("a", np.zeros((1, 72)), fps=25.0), [0])
    view = View.around(mesh)
    hand = mesh[mesh[:, 0].argmax()]
    assert view.project(hand)[0] > 300
    toes = mesh[mesh[:, 2].argmax()]
    assert view.project(toes)[2] < view.project(mesh)[:, 2].mean()  # they point at the viewer


def test_colours_of_errors():
    colours = error_colours(np.array([0.0, WORST_MM / 2, WORST_MM, 10 * WORST_MM]))
    np.testing.assert_allclose(colours[0], SKIN)
    np.testing.assert_allclose(colours[2], colours[3])
    assert colours[1, 0] > colours[1, 2] and colours[2].sum() < colours[1].sum()


def test_worst_frames_keep_their_distance():
    errors = np.array([1.0, 9, 8, np.nan, 5, 7, np.nan])
    assert worst_frames(errors, 3) == [1, 2, 5]
    assert worst_frames(errors, 3, apart=2) == [1, 5]
    assert worst_frames(errors, 99) == [1, 2, 5, 4, 0]
    assert worst_frames(np.full(3, np.nan), 2) == []


def tracks(T: int = 3):
    pose = np.zeros((T, 24, 3))
    truth = from_axis_angle("a", pose, fps=25.0)
    pose[1, SMPL24.index("l_hip")] = [-1.0, 0, 0]
    return truth, from_axis_angle("a", pose, fps=25.0)


def test_pelvis_aligned_meshes_have_their_pelvis_at_the_origin():
    truth, _ = tracks()
    turned = from_axis_angle("a", np.tile([0.5, 0, 0] + [0] * 69, (2, 1)), fps=25.0, transl=np.ones((2, 3)))
    for track in (truth, turned):
        mesh = pelvis_aligned(BODY, track, [1])
        assert np.abs(BODY.smpl.J_regressor[0].numpy() @ mesh[0]).max() < 2e-2
    assert pelvis_aligned(BODY, truth, []).shape == (0, len(BODY.smpl.v_template), 3)


def test_the_figure_rings_the_worst_frame(tmp_path):
    truth, detected = tracks()
    frames = [0, 1]
    meshes = {"input": pelvis_aligned(BODY, detected, frames), "HANet": pelvis_aligned(BODY, truth, frames)}
    true = pelvis_aligned(BODY, truth, frames)

    def ringed_pixels(rings: int) -> np.ndarray:
        path = tmp_path / "mesh.png"
        compare_figure(path, meshes, true, BODY.faces, frames=frames, rings=rings)
        picture = np.asarray(Image.open(path).convert("RGB")).astype(int)
        colour = [int(RING[i : i + 2], 16) for i in (1, 3, 5)]
        return np.argwhere(np.abs(picture - colour).sum(axis=-1) < 12) / picture.shape[:2]

    assert not len(ringed_pixels(0))
    where = ringed_pixels(1)
    in_first_column = where[where[:, 1] < 0.33]
    assert len(in_first_column) > 100 and (in_first_column[:, 0] > 0.5).all()  # the second row
    assert [p.name for p in tmp_path.iterdir()] == ["mesh.png"]


def test_a_figure_over_images_and_wrong_input(tmp_path):
    truth, detected = tracks()
    true, mesh = (pelvis_aligned(BODY, t, [1]) for t in (truth, detected))
    view = View.around(true, size=(120, 160))
    blue = [np.full((160, 120, 3), (0, 0, 255), np.uint8)]
    path = tmp_path / "mesh.png"
    compare_figure(path, {"input": mesh}, true, BODY.faces, frames=[1], images=blue, view=view)
    picture = np.asarray(Image.open(path).convert("RGB"))
    assert (picture == (0, 0, 255)).all(axis=-1).mean() > 0.2
    with pytest.raises(ValueError, match="expected one image per frame and the view"):
        compare_figure(path, {"input": mesh}, true, BODY.faces, frames=[1], images=blue)
    with pytest.raises(ValueError, match=r"and 2 frames"):
        compare_figure(path, {"input": mesh}, true, BODY.faces, frames=[1, 2])


def test_a_video_has_all_frames_in_even_sizes(tmp_path):
    truth, detected = tracks()
    path = tmp_path / "mesh.mp4"
    compare_video(path, {"input": detected}, truth, BODY, size=(81, 101), worst=20.0)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        pictures = [f.to_ndarray(format="rgb24") for f in container.decode(stream)]
        assert stream.codec_context.pix_fmt == "yuv420p" and stream.average_rate == 25
    assert [p.shape for p in pictures] == [(100, 162, 3)] * 3
    # The edge is coloured in the bad frame alone.
    redness = [int(p[50, 1, 0]) - int(p[50, 1, 1]) for p in pictures]
    assert redness[1] > 60 and abs(redness[0]) < 20 and abs(redness[2]) < 20
    assert (pictures[0][:, 100:] < 240).any(), TRUTH
