"""SMPL results and BVH: rotations are read as they are, and come back as numbers near the ones before."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from hanet.formats import FormatError, PoseFile, ReadOptions, detect, read
from hanet.formats.turns import axis_angle_to_6d, from_6d, nearest_axis_angle, nearest_euler
from hanet.methods.parsing import parse
from hanet.methods.pose_files import refine_file
from hanet.poses.skeletons import SMPL24
from tests.support import array_files, smpl_results


@dataclass(frozen=True)
class Case:
    """Results of a program.

    `tracks` are (name, number, first frame, frames); `places` the fields that refinement may change.
    """

    write: Callable[[Path], Path]
    tracks: list[tuple[str, int, int, int]]
    places: tuple[str, ...]
    joints: int = 24
    fps: float | None = None


CASES = {
    "vibe": Case(
        smpl_results.vibe, [("vibe_output", 1, 4, 6), ("vibe_output", 2, 0, 7)], ("1/pose", "2/pose")
    ),
    "wham": Case(
        smpl_results.wham,
        [("wham_output", 0, 0, 6), ("wham_output/pose_world", 0, 0, 6)],
        ("0/pose", "0/pose_world"),
    ),
    "phalp": Case(smpl_results.phalp, [("demo", 3, 0, 6)], ("global_orient", "body_pose")),
    "hybrik": Case(smpl_results.hybrik, [("res", 0, 0, 6)], ("pred_thetas",)),
    "romp": Case(smpl_results.romp, [("video_results", 2, 0, 6)], ("smpl_thetas",)),
    "gvhmr": Case(
        smpl_results.gvhmr,
        [("hmr4d_results/incam", 0, 0, 6), ("hmr4d_results/global", 0, 0, 6)],
        ("global_orient", "body_pose"),
        22,
    ),
    "aist": Case(smpl_results.aist, [("dance", 0, 0, 6)], ("smpl_poses",)),
    "amass": Case(smpl_results.amass, [("walk_poses", 0, 0, 6)], ("poses",), 52, 120.0),
}


def leaves(value: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    """Place, type and value of everything in a content."""
    if isinstance(value, np.ndarray) and value.dtype == object:
        value = value.tolist()
    if isinstance(value, dict | list | tuple):
        yield at, type(value)
        for key, entry in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(entry, f"{at}/{key}")
    elif isinstance(value, np.ndarray | torch.Tensor):
        array = np.asarray(value)
        yield at, (type(value), array.dtype, array.shape, array.tobytes())
    else:
        yield at, (type(value), value)


def open_case(name: str, folder: Path) -> tuple[Path, PoseFile]:
    folder.mkdir()
    path = CASES[name].write(folder)
    assert detect(path) == "smpl"
    return path, read(path, ReadOptions(fps=None if CASES[name].fps else 30.0))


@pytest.mark.parametrize("name", CASES)
def test_what_is_read(tmp_path: Path, name: str):
    case = CASES[name]
    _, poses = open_case(name, tmp_path / "in")
    assert [(t.name, t.track, t.start, len(t)) for t in poses.tracks] == case.tracks
    assert poses.fps == (case.fps or 30.0) and poses.unit == "rot6d"
    assert poses.skeleton.joints[:22] == SMPL24.joints[:22] and len(poses.skeleton) == case.joints
    track = poses.tracks[0]
    expected = smpl_results.matrices()[:, :22]
    np.testing.assert_allclose(from_6d(track.values[:, :22]), expected, atol=2e-6)
    columns = expected[..., :2].reshape(6, 22, 6)  # the layout of this project's caches
    np.testing.assert_allclose(track.values[:, :22], columns, atol=2e-6)


@pytest.mark.parametrize("name", CASES)
def test_unchanged_rotations_come_back_equal(tmp_path: Path, name: str):
    path, poses = open_case(name, tmp_path / "in")
    out = tmp_path / f"out{path.suffix}"
    assert poses.write(out, poses.tracks) == ()
    assert list(leaves(smpl_results.load(out))) == list(leaves(smpl_results.load(path)))


@pytest.mark.parametrize("name", CASES)
def test_refined_rotations_are_written_and_nothing_else(tmp_path: Path, name: str):
    case = CASES[name]
    path, poses = open_case(name, tmp_path / "in")
    out = tmp_path / f"out{path.suffix}"
    refine_file(poses, out, parse("gaussian:sigma=0.05"))
    before, after = dict(leaves(smpl_results.load(path))), dict(leaves(smpl_results.load(out)))
    assert list(before) == list(after)
    changed = [place for place in before if before[place] != after[place]]
    assert changed and all(place.endswith(case.places) for place in changed)
    again = read(out, ReadOptions(fps=None if case.fps else 30.0))
    for new, old in zip(again.tracks, poses.tracks, strict=True):
        known = np.isfinite(old.values).all(axis=2)
        apart = from_6d(new.values[known]).swapaxes(1, 2) @ from_6d(old.values[known])
        angles = Rotation.from_matrix(apart).magnitude()
        assert 1e-3 < angles.max() < 0.2
        # The lower noise of the result is that of rotations, not of what is written.
        steps = [np.diff(t.values, 2, axis=0) for t in (new, old)]
        assert np.nanmean(steps[0] ** 2) < 0.5 * np.nanmean(steps[1] ** 2)


def test_axis_angles_beyond_half_a_turn_stay_beyond(tmp_path: Path):
    path, poses = open_case("vibe", tmp_path / "in")
    refine_file(poses, tmp_path / "out.pkl", parse("gaussian:sigma=0.05"))
    before, after = (smpl_results.load(p)[1]["pose"] for p in (path, tmp_path / "out.pkl"))
    assert np.linalg.norm(before[:, :3], axis=1).max() > np.pi
    assert np.abs(after - before).max() < 0.2


def test_one_rotation_has_many_axis_angles():
    rng = np.random.default_rng(0)
    axes = rng.normal(size=(200, 3))
    axes /= np.linalg.norm(axes, axis=1, keepdims=True)
    vectors = axes * rng.uniform(-12, 12, (200, 1))
    np.testing.assert_allclose(nearest_axis_angle(axis_angle_to_6d(vectors), vectors), vectors, atol=1e-6)
    unknown = np.full((200, 3), np.nan)
    short = nearest_axis_angle(axis_angle_to_6d(vectors), unknown)
    assert np.linalg.norm(short, axis=1).max() <= np.pi + 1e-9
    assert np.isnan(axis_angle_to_6d(unknown)).all()
    np.testing.assert_array_equal(nearest_axis_angle(axis_angle_to_6d(np.zeros((1, 3))), np.ones((1, 3))), 0)


def test_one_rotation_has_many_euler_angles():
    rng = np.random.default_rng(0)
    for order in ("ZXY", "XYZ", "ZYX"):
        angles = rng.uniform(-400, 400, (300, 3))
        six = Rotation.from_euler(order, angles, degrees=True).as_matrix()[..., :2].reshape(-1, 6)
        found = nearest_euler(order, six, angles)
        assert np.abs(found - angles).max() < 1e-5


def test_a_frame_without_the_person_is_not_written(tmp_path: Path):
    _, poses = open_case("vibe", tmp_path / "in")
    second = poses.tracks[1]
    assert not second.labelled[3].any() and second.labelled[[0, 1, 2, 4]].all()
    values = second.values.copy()
    values[3] = values[2]
    notes = poses.write(tmp_path / "out.pkl", [replace(second, values=values)])
    assert notes == ("1 filled frames were not written, because the file has no rows for them",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"a": 1}, "not the results of VIBE, WHAM"),
        ([1], "not the results of VIBE, WHAM"),
        (
            {1: {"pose": np.ones((3, 71)), "betas": 0}},
            r"person 1, pose: expected floats \(N, 72\), got \(3, 71\)",
        ),
        ({1: {"pose": np.ones((3, 72)), "betas": 0, "frame_ids": np.array([1, 1, 2])}}, "come once each"),
        ({1: {"pose": np.ones((3, 72)), "betas": 0, "frame_ids": [1, 2]}}, "expected 3 frame numbers"),
        (
            {1: {"pose": np.ones((3, 72)), "betas": 0, "frame_ids": np.array([1, 2, 20_000])}},
            "3 poses over 20000 frames",
        ),
        ({"pred_thetas": np.ones((3, 72), np.float32)}, "pred_thetas: expected floats"),
        (
            {"x": {"tid": [1], "smpl": [{"global_orient": np.eye(3)}], "time": 0}},
            "expected 207 floats body_pose",
        ),
        ({"x": {"tid": [1], "smpl": [None], "time": 0}}, "nobody in any frame"),
        ({"x": {"tid": [1], "smpl": [None], "time": "a"}}, "time must be a frame number"),
    ],
)
def test_other_contents_are_named(tmp_path: Path, content: Any, message: str):
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(content))
    with pytest.raises(FormatError, match=message):
        read(tmp_path / "a.pkl")


def test_people_of_romp_without_numbers_are_refused(tmp_path: Path):
    images = {"0.npz": {"smpl_thetas": np.zeros((2, 72), np.float32)}}
    np.savez(tmp_path / "a.npz", results=np.array(images, dtype=object))
    with pytest.raises(FormatError, match="2 people without track_ids; run ROMP with -t"):
        read(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", results=np.array(images["0.npz"], dtype=object))
    with pytest.raises(FormatError, match=r"one image; give video_results\.npz"):
        read(tmp_path / "b.npz")


def test_bvh_is_read_as_scipy_reads_the_angles(tmp_path: Path):
    poses = read(array_files.write_bvh(tmp_path))
    numbers = array_files.bvh_numbers()
    [track] = poses.tracks
    assert poses.fps == 120 and poses.skeleton.joints == ("Hips", "Chest", "LeftFoot")
    assert poses.skeleton.parents == (-1, 0, 0)
    assert poses.notes[0] == "LeftKnee: not three rotations, left as they are"
    for j, (order, first) in enumerate((("ZXY", 3), ("ZYX", 6), ("XYZ", 10))):
        expected = Rotation.from_euler(order, numbers[:, first : first + 3], degrees=True).as_matrix()
        np.testing.assert_allclose(from_6d(track.values[:, j]), expected, atol=1e-8)


def test_bvh_comes_back_with_the_same_hierarchy_and_no_jumps(tmp_path: Path):
    path = array_files.write_bvh(tmp_path)
    poses = read(path)
    poses.write(tmp_path / "same.bvh", poses.tracks)
    assert (tmp_path / "same.bvh").read_bytes() == path.read_bytes()
    refine_file(poses, tmp_path / "out.bvh", parse("gaussian:sigma=0.01"))
    before, after = (p.read_bytes().decode().split("\r\n") for p in (path, tmp_path / "out.bvh"))
    at = before.index("MOTION") + 3
    assert before[:at] == after[:at] and len(before) == len(after)
    numbers = np.array([[float(word) for word in line.split()] for line in after[at:-1]])
    assert all(line.endswith(" ") for line in after[at:-1])
    original = array_files.bvh_numbers()
    left = [0, 1, 2, 9]  # the root's place and the knee
    np.testing.assert_array_equal(numbers[:, left], original[:, left])
    assert 0.1 < np.abs(numbers - original).max() < 10
    again = read(tmp_path / "out.bvh")
    assert (
        np.abs(np.diff(again.tracks[0].values, 2, axis=0)).mean()
        < 0.5 * np.abs(np.diff(poses.tracks[0].values, 2, axis=0)).mean()
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("MOTION", "MOTIO", "no line MOTION"),
        ("Frames: 8", "Frames: 9", "8 lines of frames, expected 9"),
        ("Frame Time: 0.008333", "Frame Time: 0", "Frame Time must be"),
        ("Frame Time: 0.008333", "Frame Time:", "with numbers after MOTION"),
        ("CHANNELS 3 Z", "CHANNELS 4 Z", "expected a number of channels and their names"),
        ("Zrotation Yrotation Xrotation", "Zrotation Yrotation Wrotation", "unknown channel wrotation"),
        ("{", "}", "a brace too many"),
        ("LeftFoot", "Hips", "joint names repeat"),
        ("Xrotation\r\n\t\tJOINT", "\r\n\t\tJOINT", "expected a number of channels"),
    ],
)
def test_damaged_bvh(tmp_path: Path, old: str, new: str, message: str):
    path = array_files.write_bvh(tmp_path)
    path.write_bytes(path.read_bytes().replace(old.encode(), new.encode(), 1))
    with pytest.raises(FormatError, match=message):
        read(path)


@pytest.mark.parametrize(
    ("seconds", "fps"),
    [("0.0333333", 30.0), ("0.008333", 120.0), ("0.033367", 1 / 0.033367), ("0.04", 25.0), ("0.0417", 24.0)],
)
def test_the_rate_of_a_rounded_frame_time(tmp_path: Path, seconds: str, fps: float):
    path = array_files.write_bvh(tmp_path)
    path.write_bytes(path.read_bytes().replace(b"0.008333", seconds.encode()))
    assert read(path).fps == fps
