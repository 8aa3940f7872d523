"""Poses of one format as a new file of another: read back equal, or refused for a reason."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from hanet.cli.app import app
from hanet.formats import PoseFile, ReadOptions, detect, read
from hanet.formats.convert import convert, target_of
from hanet.formats.keypoint_sets import KEYPOINT_SETS, from_names
from hanet.formats.registry import FORMATS
from hanet.formats.targets import REFUSED, TARGETS
from hanet.poses.errors import NoPosesError
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import COCO17, SMPL24
from tests.support import keypoint_writers as writers

runner = CliRunner(env={"COLUMNS": "120", "NO_COLOR": "1"})
RATE = 30.0
SIZE = 1280, 720


def source(tracks: list[PoseSequence], unit: str, fps_known: bool = True) -> PoseFile:
    """Tracks as a reader gives them."""
    return PoseFile(
        format="csv",
        path=Path("source.csv"),
        tracks=tuple(tracks),
        fps=RATE,
        fps_known=fps_known,
        skeleton=tracks[0].skeleton,
        unit=unit,
        save=lambda out, updates: [],
    )


def keypoints(count: int = 2, first: int = 3) -> PoseFile:
    """People with scores; joint 5 of the first is missing in one frame."""
    found = writers.bodies("coco17", frames=5, count=count)
    found[2, 0, 5] = np.nan
    tracks = []
    for person in range(count):
        values, scores = found[:, person, :, :2], found[:, person, :, 2]
        track = PoseSequence.keypoints(
            "walk", values, COCO17, fps=RATE, track=person, start=first, scores=scores,
            labelled=np.isfinite(values).all(axis=2), image_size=SIZE,
        )  # fmt: skip
        tracks.append(track)
    return source(tracks, "px")


def joints(first: int = 3) -> PoseFile:
    """One person in metres; joint 4 is missing in one frame, joint 16 always."""
    rng = np.random.default_rng(0)
    flat = writers.bodies("coco17", frames=5, count=1)[:, 0, :, :2] / 200
    values = np.concatenate([flat, rng.normal(0, 0.1, (5, 17, 1))], axis=2).astype(np.float32).astype(float)
    values[1, 4] = values[:, 16] = np.nan
    known = np.isfinite(values).all(axis=2)
    track = PoseSequence.joints(
        "walk", values, COCO17, fps=RATE, start=first, labelled=known, frame_of_reference="world"
    )
    return source([track], "m")


def rotations() -> PoseFile:
    values = np.tile(np.eye(3)[:, :2].reshape(6), (5, 24, 1))
    return source([PoseSequence.rotations("walk", values, fps=RATE)], "rot6d")


HELD = [(name, kind) for name, target in TARGETS.items() for kind in target.holds]
READ_AS = {"deeplabcut": "csv"}
"""DeepLabCut writes CSV, which is read as such, beside HDF5."""
ROWS_FROM_0 = ("sleap", "deeplabcut")
MAKE = {"2d": keypoints, "3d": joints, "smpl": rotations}


@pytest.mark.parametrize(("name", "kind"), HELD)
def test_a_new_file_is_read_back_equal(tmp_path: Path, name: str, kind: str):
    target = TARGETS[name]
    poses = MAKE[kind]() if target.people or kind == "3d" else keypoints(count=1)
    out = tmp_path / f"walk{target.endings[0]}"
    notes = convert(poses, out, name, skeleton=None)
    assert detect(out) == READ_AS.get(name, name)
    size = SIZE if name == "ultralytics" else None
    again = read(out, ReadOptions(fps=RATE if target.fps == "lost" else None, image_size=size))
    assert again.fps == RATE and again.fps_known
    assert len(again.tracks) == len(poses.tracks)
    for new, old in zip(again.tracks, poses.tracks, strict=True):
        if name in ROWS_FROM_0:
            assert new.start == 0 and np.isnan(new.values[: old.start]).all()
            new = new.part(slice(old.start, None))
        first = 0 if name in ("numpy", "pose") else old.start
        assert (new.track, new.start, len(new)) == (old.track, first, len(old))
        there = [old.skeleton.joints.index(joint) for joint in new.skeleton.joints]
        known = np.isfinite(old.values[:, there]).all(axis=2)
        np.testing.assert_array_equal(np.isfinite(new.values).all(axis=2), known)
        tolerance = {"cache": 1e-4, "pose": 1e-4}.get(name, 2e-9) if kind != "3d" else 2e-7
        np.testing.assert_allclose(
            new.values, np.where(known[..., None], old.values[:, there], np.nan), atol=tolerance
        )
        if target.scores and old.scores is not None:
            assert new.scores is not None
            np.testing.assert_allclose(new.scores[known], old.scores[known], rtol=1e-6)
    lost = any("does not hold the rate" in note for note in notes)
    assert lost == (target.fps == "lost")


@pytest.mark.parametrize("name", TARGETS)
def test_what_a_target_cannot_hold_is_refused(tmp_path: Path, name: str):
    target = TARGETS[name]
    out = tmp_path / f"a{target.endings[0]}"
    for kind in {"2d", "3d", "smpl"} - set(target.holds):
        with pytest.raises(ValueError, match=f"{name} holds"):
            convert(MAKE[kind](), out, name)
    poses = MAKE[target.holds[-1]]()
    if target.fps == "needed":
        with pytest.raises(ValueError, match="give --fps"):
            convert(replace(poses, fps_known=False), out, name)
    other = replace(poses.tracks[0], name="run")
    if not target.videos:
        with pytest.raises(ValueError, match="holds one video, got walk, run; give --sequence"):
            convert(replace(poses, tracks=(*poses.tracks, other)), out, name)
    if not target.people:
        other = replace(poses.tracks[0], track=7)
        with pytest.raises(ValueError, match="holds one person, got tracks 0, 7; give --track"):
            convert(replace(poses, tracks=(*poses.tracks, other)), out, name)
    if target.sets:
        odd = from_names([f"point{j}" for j in range(17)], "odd")
        tracks = tuple(replace(track, skeleton=odd) for track in poses.tracks)
        with pytest.raises(ValueError, match="no names of joints"):
            convert(replace(poses, tracks=tracks, skeleton=odd), out, name)
    assert not out.exists()


def test_joints_are_mapped_by_name_and_named(tmp_path: Path):
    poses = keypoints()
    out = tmp_path / "o"
    notes = convert(poses, out, "openpose", skeleton=KEYPOINT_SETS["body25"])
    assert notes[0].startswith(
        "joints: 17 of body25 found by name in coco17; missing neck, pelvis, l_big_toe"
    )
    [first, _] = read(out, ReadOptions(fps=RATE)).tracks
    body25 = KEYPOINT_SETS["body25"]
    for j, joint in enumerate(body25.joints):
        if joint in COCO17.joints:
            np.testing.assert_array_equal(first.values[:, j], poses.tracks[0].values[:, COCO17.index(joint)])
        else:
            assert np.isnan(first.values[:, j]).all()
    with pytest.raises(ValueError, match="rotations belong to their skeleton"):
        convert(rotations(), tmp_path / "a.parquet", "cache", skeleton=COCO17)
    with pytest.raises(ValueError, match="no joint of smpl24 among point0, point1"):
        odd = from_names([f"point{j}" for j in range(17)], "odd")
        track = replace(poses.tracks[0], skeleton=odd)
        convert(replace(poses, tracks=(track,), skeleton=odd), out, "csv", skeleton=SMPL24)


def test_every_format_is_made_or_refused_for_a_reason():
    assert sorted([*TARGETS, *REFUSED]) == sorted(FORMATS)


def test_shares_of_an_image_need_its_size(tmp_path: Path):
    poses = keypoints()
    tracks = tuple(replace(track, image_size=None) for track in poses.tracks)
    with pytest.raises(ValueError, match="ultralytics holds shares of the image; give --image-size"):
        convert(replace(poses, tracks=tracks), tmp_path / "labels", "ultralytics")
    assert not (tmp_path / "labels").exists()


def test_trc_leaves_out_a_marker_that_is_never_known(tmp_path: Path):
    notes = convert(joints(), tmp_path / "a.trc", "trc")
    assert notes == ["axes are those of the source (world): none was turned", "left out r_ankle, never known"]
    [track] = read(tmp_path / "a.trc").tracks
    assert track.skeleton.joints == COCO17.joints[:16]


def test_one_person_of_one_video(tmp_path: Path):
    poses = keypoints(count=3)
    convert(poses, tmp_path / "a.csv", "csv", track=1)
    assert [t.track for t in read(tmp_path / "a.csv").tracks] == [1]
    with pytest.raises(NoPosesError, match="nobody to write; it has walk"):
        convert(poses, tmp_path / "b.csv", "csv", sequence="run")


def test_scores_that_nobody_gave(tmp_path: Path):
    poses = keypoints()
    poses = replace(poses, tracks=tuple(replace(t, scores=None) for t in poses.tracks))
    assert any("written as 1" in note for note in convert(poses, tmp_path / "a.json", "coco"))
    convert(poses, tmp_path / "a.npz", "numpy")
    with np.load(tmp_path / "a.npz") as arrays:
        assert sorted(arrays) == ["fps", "joints", "poses", "unit"]


@pytest.mark.parametrize(
    ("out", "to", "message"),
    [
        ("a.json", None, "may be coco or alphapose or mmpose; give --to"),
        ("a.bin", None, "expected a name that ends in"),
        ("folder", None, "expected a name that ends in"),
        ("a.json", "trc", "trc is written as .trc"),
        ("a.json", "openpose", "openpose is written as a name without ending, for a folder"),
        ("a.bvh", "bvh", "a new file needs lengths and directions of bones"),
        ("a.pkl", "smpl", "a new file needs a body model fitted to the joints"),
        ("a.json", "sketch", "is no format"),
    ],
)
def test_the_format_is_never_guessed(out: str, to: str | None, message: str):
    with pytest.raises(ValueError, match=message):
        target_of(Path(out), to)


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    found = writers.bodies("body25")
    writers.write_openpose(Path("in"), found)
    result = runner.invoke(app, ["convert", "in", "--out", "out.csv", "--fps", "25"])
    assert result.exit_code == 0 and result.stdout.splitlines()[-1] == "wrote out.csv", result.output
    assert "openpose to csv" in result.stdout
    poses = read(Path("out.csv"))
    assert poses.fps == 25 and poses.skeleton.name == "body25" and len(poses.tracks) == 2


def test_a_batch_goes_on_and_lists_what_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b"):
        writers.write_coco(Path(f"in/{name}.json"), writers.bodies())
    Path("in/c.json").write_text("[1")
    result = runner.invoke(app, ["convert", "in", "--out", "out", "--to", "mmpose", "--fps", "25"])
    assert result.exit_code == 1
    assert "2 of 3 files converted; wrote out" in result.stdout
    assert result.stdout.count("mmpose does not hold the rate (25 fps)") == 1
    assert result.stderr.startswith("failed: in/c.json")
    assert sorted(path.name for path in Path("out").iterdir()) == ["a.json", "b.json"]
    result = runner.invoke(app, ["convert", "in", "--out", "other"])
    assert result.exit_code == 2 and "--to" in result.stderr and not Path("other").exists()
