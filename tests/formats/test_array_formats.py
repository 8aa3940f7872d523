"""C3D, DeepLabCut, SLEAP, movement and .pose: files of other programs are read, and come back unchanged.

How the files were made is in `tests/formats/data/make.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from hanet.formats import FormatError, ReadOptions, detect, read
from hanet.formats.pose_binary import FILLED
from tests.formats.data.make import places
from tests.support import array_files


@dataclass(frozen=True)
class Case:
    """A file, what it holds, and how its numbers are read by another program."""

    format: str
    write: Callable[[Path], Path]
    values: np.ndarray
    fps: float | None
    start: int = 0
    unit: str = "px"
    rounding: float = 0.0


C3D = Case("c3d", array_files.fixture("ezc3d.c3d"), places(3)[:, :1] / 1000, 100.0, 1, "mm", 1e-7)
CASES = {
    "c3d": C3D,
    "deeplabcut-table": Case("deeplabcut", array_files.fixture("deeplabcut_table.h5"), places(2), None),
    "deeplabcut-fixed": Case("deeplabcut", array_files.fixture("deeplabcut_fixed.h5"), places(2), None),
    "sleap": Case("sleap", array_files.fixture("sleap.h5"), places(2), None),
    "sleap-standard": Case("sleap", array_files.fixture("sleap_standard.h5"), places(2), None),
    "movement": Case("movement", array_files.fixture("movement.nc"), places(2), 30.0),
    "pose": Case("pose", array_files.write_pose, places(2), 30.0, rounding=1e-4),
}


def everything(path: Path) -> dict[str, Any]:
    """All datasets and attributes of an HDF5 file by their places."""
    found: dict[str, Any] = {}
    with h5py.File(path) as file:

        def visit(name: str, entry: Any) -> None:
            if isinstance(entry, h5py.Dataset):
                found[name] = np.asarray(entry[()]).tobytes() if entry.dtype.kind != "O" else str(entry[()])
            found.update({f"{name}@{key}": str(value) for key, value in entry.attrs.items()})

        file.visititems(visit)
    return found


@pytest.mark.parametrize("name", CASES)
def test_what_is_read(tmp_path: Path, name: str):
    case = CASES[name]
    path = case.write(tmp_path)
    assert detect(path) == case.format
    poses = read(path)
    assert (poses.fps_known, poses.unit) == (case.fps is not None, case.unit)
    assert case.fps is None or poses.fps == case.fps
    assert poses.skeleton.joints == ("nose", "l_ear", "tail")
    assert [track.track for track in poses.tracks] == list(range(case.values.shape[1]))
    for p, track in enumerate(poses.tracks):
        assert track.start == case.start
        np.testing.assert_allclose(track.values, case.values[:, p], atol=case.rounding, rtol=0)
        np.testing.assert_array_equal(track.labelled, np.isfinite(case.values[:, p]).all(axis=2))
        if name != "c3d":
            assert track.scores is not None and set(np.unique(track.scores)) <= {0.0, 0.75}


@pytest.mark.parametrize("name", CASES)
def test_unchanged_poses_give_the_same_bytes(tmp_path: Path, name: str):
    path = CASES[name].write(tmp_path)
    poses = read(path)
    out = tmp_path / f"out{path.suffix}"
    assert poses.write(out, poses.tracks) == ()
    assert out.read_bytes() == path.read_bytes()


@pytest.mark.parametrize("name", CASES)
def test_changed_filled_and_dropped_joints(tmp_path: Path, name: str):
    """Other numbers, attributes and data stay as they were."""
    case = CASES[name]
    path = case.write(tmp_path)
    poses = read(path)
    values = poses.tracks[0].values.copy()
    values[2, 1] = values[1, 1]
    values[3, 0] += 0.125
    values[5, 2] = np.nan
    out = tmp_path / f"out{path.suffix}"
    assert poses.write(out, [replace(poses.tracks[0], values=values)]) == ()
    again = read(out)
    np.testing.assert_allclose(again.tracks[0].values, values, rtol=0, atol=case.rounding)
    for new, old in zip(again.tracks[1:], poses.tracks[1:], strict=True):
        np.testing.assert_array_equal(new.values, old.values)
    if path.suffix in (".h5", ".nc"):
        before, after = everything(path), everything(out)
        changed = [key for key, value in before.items() if value != after[key]]
        assert list(before) == list(after)
        assert set(changed) <= {
            "tracks",
            "position",
            "df_with_missing/table",
            "df_with_missing/block0_values",
        }
        assert len(changed) == 1


def test_ezc3d_reads_what_is_written_with_all_else_as_it_was(tmp_path: Path):
    import ezc3d

    path = C3D.write(tmp_path)
    poses = read(path)
    assert poses.notes == ("1 points are no positions and stay as they are",)
    values = poses.tracks[0].values.copy()
    values[2, 1], values[5, 2] = [1.0, 2.0, 3.0], np.nan
    poses.write(tmp_path / "b.c3d", [replace(poses.tracks[0], values=values)])
    one, other = (ezc3d.c3d(str(p)) for p in (path, tmp_path / "b.c3d"))
    np.testing.assert_array_equal(one["data"]["analogs"], other["data"]["analogs"])
    for group in one["parameters"]:
        for name, parameter in one["parameters"][group].items():
            if name != "__METADATA__":
                np.testing.assert_array_equal(parameter["value"], other["parameters"][group][name]["value"])
    points, residuals = other["data"]["points"][:3], other["data"]["meta_points"]["residuals"][0]
    np.testing.assert_array_equal(points[:, 1, 2], [1000, 2000, 3000])
    assert residuals[1, 2] == 0 and residuals[2, 5] == -1 and np.isnan(points[:, 2, 5]).all()
    kept = np.ones(residuals.shape, bool)
    kept[[1, 2], [2, 5]] = False
    np.testing.assert_array_equal(points[:, kept], one["data"]["points"][:3][:, kept])
    np.testing.assert_array_equal(residuals[kept], one["data"]["meta_points"]["residuals"][0][kept])


def test_pose_format_reads_what_is_written(tmp_path: Path):
    from pose_format import Pose

    path = array_files.write_pose(tmp_path)
    poses = read(path)
    assert poses.tracks[0].image_size == (640, 480)
    assert poses.notes == (
        "x and y are refined, depths stay as they are", "1 world landmarks stay as they are",
    )  # fmt: skip
    values = poses.tracks[0].values.copy()
    values[2, 1] = [7, 8]
    poses.write(tmp_path / "b.pose", [replace(poses.tracks[0], values=values)])
    body = Pose.read((tmp_path / "b.pose").read_bytes()).body
    assert body.data.data[2, 0, 1].tolist() == [7, 8, 0]
    assert body.confidence[2, 0, 1] == np.float32(FILLED) and not body.data.mask[2, 0, 1].any()
    np.testing.assert_array_equal(body.data.data[..., 3, :], 0.25)


def test_confidences_of_filled_joints(tmp_path: Path):
    """SLEAP and movement have NaN there before; DeepLabCut's stay as they were."""
    for name, entry in (("sleap", "point_scores"), ("movement", "confidence")):
        path = CASES[name].write(tmp_path)
        with h5py.File(path, "r+") as file:
            scores = file[entry][()]
            scores[(0, 1, 2) if name == "sleap" else (2, 1, 0)] = np.nan
            file[entry][...] = scores
        poses = read(path)
        values = poses.tracks[0].values.copy()
        values[2, 1] = 5
        poses.write(tmp_path / "out.h5", [replace(poses.tracks[0], values=values)])
        with h5py.File(tmp_path / "out.h5") as file:
            assert file[entry][(0, 1, 2) if name == "sleap" else (2, 1, 0)] == 0


def test_a_person_filled_into_a_frame_of_sleap_is_there(tmp_path: Path):
    path = CASES["sleap"].write(tmp_path)
    poses = read(path)
    values = poses.tracks[1].values.copy()
    values[4] = values[3]
    poses.write(tmp_path / "out.h5", [replace(poses.tracks[1], values=values)])
    with h5py.File(path) as before, h5py.File(tmp_path / "out.h5") as after:
        assert before["track_occupancy"][4].tolist() == [1, 0]
        assert after["track_occupancy"][4].tolist() == [1, 1]


@pytest.mark.parametrize("name", CASES)
def test_options_that_contradict_the_file(tmp_path: Path, name: str):
    path = CASES[name].write(tmp_path)
    with pytest.raises(ValueError, match="leave out --skeleton"):
        read(path, ReadOptions(skeleton="coco17"))
    if CASES[name].fps is not None:
        with pytest.raises(ValueError, match="leave out --fps"):
            read(path, ReadOptions(fps=7.0))
    if name == "pose":
        with pytest.raises(ValueError, match="leave out --image-size"):
            read(path, ReadOptions(image_size=(64, 48)))


def test_min_score(tmp_path: Path):
    poses = read(CASES["sleap"].write(tmp_path), ReadOptions(min_score=0.8))
    assert all(not track.labelled.any() for track in poses.tracks if track.labelled is not None)


@pytest.mark.parametrize(
    ("offset", "content"), [(8, bytes(8)), (8, b"\xff" * 8), (16, bytes(16)), (24, b"\xff" * 8)]
)
def test_a_damaged_heap_is_named(tmp_path: Path, offset: int, content: bytes):
    """Free space of no length keeps the HDF5 library searching for ever."""
    path = CASES["movement"].write(tmp_path)
    raw = bytearray(path.read_bytes())
    at = raw.index(b"GCOL") + offset
    raw[at : at + len(content)] = content
    path.write_bytes(raw)
    with pytest.raises(FormatError, match=r"movement\.nc: damaged, a heap"):
        read(path)


def test_netcdf_3_and_other_hdf5_are_named(tmp_path: Path):
    (tmp_path / "a.nc").write_bytes(b"CDF\x01" + bytes(60))
    with pytest.raises(FormatError, match="netCDF 3; write it with engine"):
        read(tmp_path / "a.nc")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["images"] = np.zeros(3)
    with pytest.raises(FormatError, match="not a file of a known format"):
        detect(tmp_path / "a.h5")
    with pytest.raises(FormatError, match="expected a dataset node_names; it has images"):
        read(tmp_path / "a.h5", format="sleap")
