"""CMU trials become clips; what is too short, misplaced or malformed is told."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

import numpy as np
import pytest

from hanet.datasets.common.leakage import LeakageError, check_leakage
from hanet.datasets.mocap.clips import ClipError, read_acclaim
from hanet.datasets.mocap.cmu import Limits, read_cmu, split_of, subject_of
from hanet.datasets.mocap.virtual_cameras import cameras_around, views
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import H36M17
from tests.support.clips_files import ACCLAIM_BONES, write_acclaim

LIMITS = Limits(max_speed=15.0, max_stretch=0.25, min_frames=5)


def write(folder: Path, trials: dict[str, int], *, bones=ACCLAIM_BONES) -> Path:
    """A tree as released; each trial is so many frames of a person moved by a unit a frame."""
    for stem, frames in trials.items():
        subject = stem.split("_")[0]
        place = folder / "subjects" / subject
        place.mkdir(parents=True, exist_ok=True)
        made = write_acclaim(folder / "made" / stem, bones=bones, frames=frames)
        made.with_suffix(".asf").replace(place / f"{subject}.asf")
        made.replace(place / f"{stem}.amc")
    return folder


def read(folder: Path, **options):
    return list(read_cmu(folder, **{"fps": 120.0, "limits": LIMITS} | options))


def test_a_trial_is_the_acclaim_motion_of_its_subject(tmp_path):
    write(tmp_path, {"01_02": 9})
    (trial,) = read(tmp_path)
    _, expected, _ = read_acclaim(write_acclaim(tmp_path / "again", frames=9))
    assert trial.clip is not None
    np.testing.assert_array_equal(trial.clip.joints, expected)
    assert (trial.name, trial.frames, trial.left_out) == ("cmu_01_02", 9, 0)
    assert (trial.clip.name, trial.clip.fps) == ("cmu_01_02", 120.0)
    assert trial.clip.frames.tolist() == list(range(9))


def test_trials_come_by_number_and_subjects_may_be_chosen(tmp_path):
    write(tmp_path, {"10_01": 6, "02_10": 6, "02_09": 6, "120_01": 6})
    assert [t.name for t in read(tmp_path)] == ["cmu_02_09", "cmu_02_10", "cmu_10_01", "cmu_120_01"]
    chosen = read(tmp_path, subjects=[10, 120])
    assert [t.name for t in chosen] == ["cmu_10_01", "cmu_120_01"]
    with pytest.raises(ClipError, match=r"no trial of the subjects \[3, 11\]; it has 2, 10, 120"):
        read(tmp_path, subjects=[2, 3, 11])


def test_rates_of_trials_go_before_rates_of_subjects(tmp_path):
    write(tmp_path, {"01_01": 121, "02_01": 121, "02_02": 121})
    trials = read(tmp_path, fps=60.0, rates={"02": 60.0, "02_02": 30.0})
    assert [t.frames for t in trials] == [61, 121, 241]
    with pytest.raises(ClipError, match="rates are given for 03, 2_01, which"):
        read(tmp_path, rates={"03": 60.0, "02": 60.0, "2_01": 60.0})


def test_a_trial_without_enough_frames_has_no_clip(tmp_path):
    write(tmp_path, {"01_01": 4, "01_02": 5})
    short, enough = read(tmp_path)
    assert (short.clip, short.frames, short.left_out) == (None, 4, 4)
    assert enough.clip is not None


def test_glitches_are_cut_out_and_short_rests_too(tmp_path):
    path = write(tmp_path, {"01_01": 24}) / "subjects/01/01_01.amc"
    lines = path.read_text().splitlines()
    roots = [i for i, line in enumerate(lines) if line.startswith("root")]
    for frame in (8, 13):  # a metre to the side for one frame
        words = lines[roots[frame]].split()
        words[1] = str(float(words[1]) + 1 / (0.0254 / 0.45))
        lines[roots[frame]] = " ".join(words)
    path.write_text("\n".join(lines) + "\n")
    (trial,) = read(tmp_path)
    # A leap spoils the frames on both sides; 10, 11 remain between and are too few.
    assert trial.clip.frames.tolist() == [*range(7), *range(15, 24)]
    assert trial.left_out == 8
    np.testing.assert_array_equal(
        trial.clip.joints, read(tmp_path, limits=Limits(1e9, 1e9, 1))[0].clip.joints[trial.clip.frames]
    )


def test_virtual_cameras_see_runs_apart(tmp_path):
    path = write(tmp_path, {"01_01": 24}) / "subjects/01/01_01.amc"
    (trial,) = read(tmp_path)
    cameras = cameras_around(trial.clip, 2, seed=1, distance=(4.0, 5.0), off_centre=0.1)
    seen = [view for k, camera in enumerate(cameras) for view in views(trial.clip, camera, k)]
    assert [v.joints.key for v in seen] == [("cmu_01_01/cam0", 0), ("cmu_01_01/cam1", 0)]
    assert all(((v.keypoints.values > 0) & (v.keypoints.values < 1000)).all() for v in seen)
    assert subject_of(seen[0].joints.name) == 1
    assert path.exists()


def test_subjects_and_splits():
    splits = {"train": [1, 2], "val": [5], "test": [120]}
    assert [subject_of(n) for n in ("cmu_01_05", "cmu_120_11/cam3")] == [1, 120]
    assert [split_of(n, splits) for n in ("cmu_02_01", "cmu_05_01", "cmu_120_01", "cmu_07_01")] == [
        "train", "val", "test", None,
    ]  # fmt: skip
    with pytest.raises(ClipError, match="subject 2 is in the splits train and test; leave it in one"):
        split_of("cmu_01_01", {"train": [1, 2], "test": [2]})
    for name in ("01_05", "cmu_01", "cmu_01_05x", "m01_s01_e01"):
        with pytest.raises(ClipError, match=f"'{name}' names no trial: expected subject and number"):
            subject_of(name)


def test_a_subject_in_two_splits_is_a_leak():
    def sequence(name: str, seed: int) -> PoseSequence:
        values = np.random.default_rng(seed).normal(size=(4, 17, 3))
        return PoseSequence(name, values, H36M17, "3d", 60.0, "m", "world")

    with pytest.raises(LeakageError, match=r"train → test, group: 4 of 4 frames .* 1"):
        check_leakage(
            {"train": [sequence("cmu_01_01", 1)], "test": [sequence("cmu_01_02", 2)]},
            group=lambda name: str(subject_of(name)),
        )


# --- malformed


def test_nothing_there(tmp_path):
    with pytest.raises(
        ClipError, match=r"no file subjects/<NN>/<NN>_<TT>\.amc; unpack the database's subjects"
    ):
        read(tmp_path)


def test_a_missing_skeleton(tmp_path):
    (write(tmp_path, {"01_01": 6}) / "subjects/01/01.asf").unlink()
    with pytest.raises(ClipError, match=r"01\.asf: missing, but there are trials of the subject"):
        read(tmp_path)


@pytest.mark.parametrize("text", ["", ":units\n  mass 1\n", ":version 1.10"])
def test_a_skeleton_that_is_none(tmp_path, text):
    (write(tmp_path, {"01_01": 6}) / "subjects/01/01.asf").write_text(text)
    with pytest.raises(ClipError, match=r"01\.asf: no section :.*get it again from mocap.cs.cmu.edu"):
        read(tmp_path)


def test_a_skeleton_without_a_bone(tmp_path):
    write(
        tmp_path, {"01_01": 6}, bones={k: v for k, v in ACCLAIM_BONES.items() if k not in ("head", "rradius")}
    )
    with pytest.raises(ClipError, match=r"01\.asf: no bones head, rradius"):
        read(tmp_path)


@pytest.mark.parametrize("keep", [0.0, 0.7])
def test_a_motion_that_is_cut_off(tmp_path, keep):
    path = write(tmp_path, {"01_01": 6}) / "subjects/01/01_01.amc"
    text = path.read_text()
    path.write_text(text[: text.index(" ", int(len(text) * keep))] if keep else "")
    with pytest.raises(
        ClipError, match=r"01_01\.amc.*get it again from mocap.cs.cmu.edu, or remove the trial"
    ):
        read(tmp_path)


@pytest.mark.parametrize("name", ["01/02_01.amc", "01/01_01 (copy).amc", "x/x_01.amc"])
def test_a_file_out_of_place(tmp_path, name):
    path = write(tmp_path, {"01_01": 6}) / "subjects" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("")
    with pytest.raises(ClipError, match=r"expected subjects/<NN>/<NN>_<TT>\.amc; rename or remove the file"):
        read(tmp_path)


@pytest.mark.parametrize("values", [(0.0, 1.0, 1), (1.0, -1.0, 1), (1.0, 1.0, 0)])
def test_limits_are_positive(values):
    with pytest.raises(ValueError, match="limits must be positive"):
        Limits(*values)


@pytest.mark.skipif(
    "HANET_SHARED_DATA" not in os.environ, reason="HANET_SHARED_DATA names no folder of real data"
)
def test_a_real_subject(tmp_path):
    with tarfile.open(Path(os.environ["HANET_SHARED_DATA"]) / "cmu" / "subjects_01_03.tar.xz") as archive:
        archive.extractall(tmp_path, [m for m in archive if "subjects/03/" in m.name], filter="data")
    trials = read(tmp_path, fps=60.0, limits=Limits(15.0, 0.25, 60))
    assert [(t.name, t.frames, t.left_out) for t in trials] == [
        ("cmu_03_01", 216, 0),
        ("cmu_03_02", 183, 26),  # its first frames leap
        ("cmu_03_03", 2282, 0),
        ("cmu_03_04", 2361, 0),
    ]
    joints = trials[2].clip.joints
    head, ankles = joints[:, H36M17.index("head_top"), 2], joints[:, [3, 6], 2]
    assert 1.5 < np.median(head) < 1.9
    assert 0 < ankles.min() < 0.2  # on the floor; much of it is climbing and uneven ground
