"""Rendered people: body, raster, scene, film, and the data set from raw files to videos."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hanet.cache.files import PoseCache
from hanet.datasets.common.ingest import write
from hanet.datasets.rendered import content
from hanet.datasets.rendered.content import Shot, rendered, staged
from hanet.datasets.rendered.figure import Figure, FigureError, Mesh
from hanet.datasets.rendered.film import pictures
from hanet.datasets.rendered.options import RenderedIngest
from hanet.datasets.rendered.raster import paint, window
from hanet.estimators.common.frames import read_video
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import H36M17, SMPL24
from hanet.smpl.retargeting import retarget
from tests.support import tiny
from tests.support.body_files import heads, write_body

CAMERAS = {"count": 1, "distance": [3.0, 4.0], "off_centre": 0.0}
INGEST = {
    "fps": 10.0,
    "seed": 1,
    "source_cameras": CAMERAS,
    "target_cameras": CAMERAS,
    "train_variation": {"bones": 0.1, "limb_degrees": 20.0, "tilt_degrees": 10.0},
    "glitches": {"max_speed": 15.0, "max_stretch": 0.5, "min_frames": 3},
    "people": {
        "a": ["climb_0"], "b": ["climb_1"], "c": ["climb_2"],
        "d": ["climb_3", "climb_4", "omomo*", "humanoid3d_wave", "walker_turn", "acclaim_demo"],
    },
    "splits": {"train": ["a"], "val": ["b"], "test": ["c"]},
    "left_out": ["d"],
    "pixels": 64,
    "workers": 1,
}  # fmt: skip


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("raw")
    tiny.write_raw(folder)
    write_body(folder)
    return folder


def standing(angle: float = 0.0) -> PoseSequence:
    """A person, world frame, turned about the vertical."""
    pose = {**tiny.POSE, "head_top": (0.0, 0.0, 1.75)}
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    values = np.array([[pose[joint] for joint in H36M17.joints]] * 2) @ turn.T
    return PoseSequence.joints("a", values, H36M17, fps=10.0, frame_of_reference="world")


# --- the body


def test_joints_and_skin_follow_the_rig(raw: Path):
    mesh = Mesh.read(raw)
    figure = Figure.draw(mesh, np.random.default_rng(0))
    rest = {joint: figure.rest[SMPL24.index(joint)] for joint in ("l_knee", "r_wrist")}
    assert rest["l_knee"][0] == pytest.approx(heads()["calf_l"][0] / 10, abs=1e-6)
    assert rest["r_wrist"][0] == pytest.approx(heads()["hand_r"][0] / 10, abs=1e-6)
    np.testing.assert_allclose(figure.weights.sum(axis=1), 1)
    turned, placed = figure.pose(retarget(standing(0.7), figure.rest))
    joints = figure.joints(turned, placed)
    for start, end in (("l_hip", "l_knee"), ("r_elbow", "r_wrist")):
        a, b = H36M17.index(start), H36M17.index(end)
        want, got = (points[:, b] - points[:, a] for points in (standing(0.7).values, joints))
        unit = (v / np.linalg.norm(v, axis=-1, keepdims=True) for v in (want, got))
        np.testing.assert_allclose(*unit, atol=1e-6)
    hand = figure.weights[:, SMPL24.index("l_wrist")] == 1
    moved = figure.skinned(turned[0], placed[0])[hand]
    at_rest = figure.vertices[hand] - figure.rest[SMPL24.index("l_wrist")]
    rigid = at_rest @ turned[0, SMPL24.index("l_wrist")].T + placed[0, SMPL24.index("l_wrist")]
    np.testing.assert_allclose(moved, rigid, atol=1e-9)


def test_a_target_changes_the_shape(raw: Path):
    mesh = Mesh.read(raw)
    taller = mesh.shaped([("height/female-young-averagemuscle-averageweight-maxheight", 1.0)])
    np.testing.assert_allclose(taller[:, 1], 1.1 * mesh.vertices[:, 1], atol=1e-4)


@pytest.mark.parametrize("name", ["3dobjs/base.obj", "rigs/standard/rig.game_engine.json"])
def test_damaged_assets_are_named(tmp_path: Path, name: str):
    path = write_body(tmp_path) / name
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(FigureError, match="run the download stage again"):
        Mesh.read(tmp_path)


# --- pictures


def test_a_triangle_covers_its_samples_and_near_ones_hide_far_ones():
    points = np.array([[0, 0, 2], [8, 0, 2], [0, 8, 2], [0, 0, 1], [4, 0, 1], [0, 4, 1.0]])
    faces = np.array([[0, 2, 1], [3, 5, 4]])  # counterclockwise from outside: clockwise with y down
    colours = np.array([[1.0, 0, 0], [0, 1.0, 0]])
    where = window(points[:, :2], (10, 10))
    assert where == (0, 0, 8, 8)
    layer = paint(points, faces, colours, where)
    np.testing.assert_allclose(layer[0, 0], [0, 1, 0, 1])  # the near one
    np.testing.assert_allclose(layer[0, 5], [1, 0, 0, 1])
    assert layer[7, 7, 3] == 0
    assert layer[..., 3].sum() == pytest.approx(32, abs=4)  # half of 8 × 8
    assert paint(points, faces[:, ::-1], colours, where).sum() == 0  # seen from behind
    assert window(points[:, :2] + 100, (10, 10))[2:] == (0, 0)


def shot(raw: Path, split: str = "test", **more: object) -> Shot:
    options = RenderedIngest.model_validate(INGEST | more)
    (clip,) = content.clips_of_people(raw, options, "rendered")[0][split]
    return Shot(raw, clip, split, 0, 1, options)


def test_the_body_is_where_its_joints_are(raw: Path):
    truth, camera, take = staged(shot(raw, occluded=0.0, exposure=[0.0, 0.0]))
    first = next(pictures(take)).astype(int)
    empty = (take.scene.background * 255).astype(np.uint8).astype(int)
    changed = np.abs(first - empty).sum(axis=-1) > 0
    x, y = camera.project(camera.to_camera(truth.joints[0])).T
    assert changed[y.astype(int), x.astype(int)].mean() > 0.9
    rows, columns = np.nonzero(changed)
    assert rows.min() > y.min() - 8 and rows.max() < y.max() + 8
    assert columns.min() > x.min() - 8 and columns.max() < x.max() + 8


def test_fast_motion_is_blurred_and_what_stands_in_front_hides(raw: Path):
    _, _, take = staged(shot(raw, occluded=1.0, exposure=[0.0, 0.0]))
    assert take.scene.front is not None
    front = take.scene.front
    hidden = front[..., 3] == 1
    assert hidden.any()
    first = next(pictures(take))
    np.testing.assert_array_equal(first[hidden], (front[..., :3] * 255).astype(np.uint8)[hidden])
    fast = replace(take, placed=take.placed + np.arange(len(take.placed))[:, None, None] * [0.5, 0, 0])
    sharp, blurred = (
        next(pictures(replace(fast, scene=replace(take.scene, front=None, exposure=exposure))))
        for exposure in (0.0, 0.5)
    )
    assert (sharp != blurred).any()


def test_shots_are_drawn_by_seed_split_and_camera(raw: Path):
    one, again = staged(shot(raw))[2], staged(shot(raw))[2]
    np.testing.assert_array_equal(one.figure.vertices, again.figure.vertices)
    np.testing.assert_array_equal(one.scene.background, again.scene.background)
    other = staged(shot(raw, "val"))[2]
    assert (one.figure.colours != other.figure.colours).any()
    assert (one.scene.background != other.scene.background).any()


# --- the data set


def test_from_clips_to_videos(raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    options = RenderedIngest.model_validate(INGEST)
    folder, scratch, filmed = tmp_path / "poses", tmp_path / "scratch", []
    real = content.film

    def failing(take, path):
        filmed.append(take.name)
        if len(filmed) == 2:
            raise OSError("the disk is full")
        return real(take, path)

    monkeypatch.setattr(content, "film", failing)
    folder.mkdir()
    for _ in range(2):
        if len(filmed) == 0:
            with pytest.raises(OSError, match="the disk is full"):
                write(rendered(raw, options, "it", scratch=scratch), raw, folder, "it")
        else:
            write(rendered(raw, options, "it", scratch=scratch), raw, folder, "it")
    assert filmed == ["climb_0/cam0", "climb_1/cam0", "climb_1/cam0", "climb_2/cam0"]  # resumed
    gt = next(PoseCache.open(folder / "gt-test.parquet").sequences())
    keypoints = next(PoseCache.open(folder / "keypoints-test.parquet").sequences())
    assert (gt.name, gt.skeleton, gt.image_size, gt.person) == ("climb_2/cam0", H36M17, (64, 64), "c")
    assert np.abs(gt.values[:, 0]).max() < 1e-6  # relative to the pelvis
    assert (keypoints.values > 0).all() and (keypoints.values < 64).all()
    frames = list(read_video(folder / "frames/climb_2/cam0.mp4", 10))
    assert len(frames) == int(gt.start) + len(gt)
    assert not scratch.exists() or not any(scratch.iterdir())


def test_exposure_is_a_range():
    with pytest.raises(ValueError, match=r"expected \[shortest, longest\] from 0 to 1"):
        RenderedIngest.model_validate(INGEST | {"exposure": [0.5, 0.2]})
