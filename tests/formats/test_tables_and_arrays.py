"""TRC, CSV and NumPy: what is read is what the file says; what is written differs only where the poses do."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hanet.cache.files import CacheMetadata, CacheWriter, PoseCache
from hanet.formats import FormatError, PoseFile, ReadOptions, detect, exports, read
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import COCO17

MARKERS = ["Hip", "RHip", "RKnee", "Nose"]
T = 12


def positions() -> np.ndarray:
    """(T, 4, 3) metres, with four decimals."""
    rng = np.random.default_rng(0)
    base = np.array([[0, 0.9, 0], [0.1, 0.9, 0], [0.1, 0.5, 0], [0, 1.6, 0.1]])
    return np.round(base + 0.01 * rng.normal(size=(T, 4, 3)).cumsum(axis=0), 4)


def trc(path: Path, values: np.ndarray, units: str = "m", first: int = 5, missing: str = "") -> Path:
    lines = [
        f"PathFileType\t4\t(X/Y/Z)\t{path.name}",
        "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames",
        f"60\t60\t{T}\t4\t{units}\t60\t1\t{T}",
        "Frame#\tTime\t" + "\t\t\t".join(MARKERS) + "\t\t",
        "\t\t" + "\t".join(f"{a}{i}" for i in range(1, 5) for a in "XYZ"),
        "",
    ]
    for t, row in enumerate(values):
        cells = [missing if np.isnan(x) else f"{x:.4f}" for x in row.reshape(-1)]
        lines.append("\t".join([str(first + t), f"{t / 60:.4f}", *cells]))
    path.write_bytes(("\r\n".join(lines) + "\r\n").encode())
    return path


def wide(path: Path, values: np.ndarray) -> Path:
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["frame", "seconds", *(f"{m}_{a}" for m in MARKERS for a in ("x", "y", "z", "score"))])
        for t, row in enumerate(values):
            cells = [c for joint in row for c in (*("" if np.isnan(x) else x for x in joint), 0.5)]
            out.writerow([5 + t, (5 + t) / 60, *cells])
    return path


def tidy(path: Path, values: np.ndarray) -> Path:
    with path.open("w", newline="") as file:
        out = csv.writer(file, delimiter=";")
        out.writerow(["time", "frame", "joint", "x", "y", "z", "note"])
        for t, row in enumerate(values):
            for name, joint in zip(MARKERS, row, strict=True):
                cells = ["" if np.isnan(x) else x for x in joint]
                out.writerow([round((5 + t) / 60, 4), 5 + t, name, *cells, "kept; as it was"])
    return path


def npz(path: Path, values: np.ndarray) -> Path:
    np.savez(path, poses=values, fps=60, joint_names=np.array(MARKERS), other=np.arange(3))
    return path


CASES: dict[str, tuple[str, Callable[[Path, np.ndarray], Path], int]] = {
    "a.trc": ("trc", trc, 5),
    "wide.csv": ("csv", wide, 5),
    "tidy.csv": ("csv", tidy, 5),
    "a.npz": ("numpy", npz, 0),
}


@pytest.mark.parametrize("name", CASES)
def test_round_trip(tmp_path: Path, name: str):
    format, write, first = CASES[name]
    values = positions()
    values[3, 2] = np.nan
    path = write(tmp_path / name, values)
    assert detect(path) == format
    poses = read(path)
    [track] = poses.tracks
    assert (poses.fps, poses.fps_known, poses.unit) == (60.0, True, "m")
    assert track.start == first and track.skeleton.joints == ("pelvis", "r_hip", "r_knee", "nose")
    np.testing.assert_array_equal(track.values, values)
    assert track.labelled is not None and (~track.labelled).sum() == 1
    out = tmp_path / f"out{path.suffix}"
    poses.write(out, [track])
    if path.suffix != ".npz":
        assert out.read_bytes() == path.read_bytes()
    changed = track.values.copy()
    changed[7, 1] += 0.25
    changed[3, 2] = [0.1, 0.2, 0.3]
    changed[9, 0] = np.nan
    poses.write(out, [replace(track, values=changed)])
    again = read(out)
    np.testing.assert_allclose(again.tracks[0].values, changed, atol=1e-9)
    if path.suffix == ".npz":
        with np.load(out) as arrays:
            assert sorted(arrays) == ["fps", "joint_names", "other", "poses"]
        return
    before, after = path.read_text().splitlines(), out.read_text().splitlines()
    differ = [i for i, (a, b) in enumerate(zip(before, after, strict=True)) if a != b]
    assert len(differ) == 3
    line = before[differ[1]].replace(";", ",").replace("\t", ",").split(",")
    other = after[differ[1]].replace(";", ",").replace("\t", ",").split(",")
    assert sum(a != b for a, b in zip(line, other, strict=True)) == 3


@pytest.mark.parametrize("missing", ["", "NaN", "0.0000", "N/A", "#N/A", "null"])
def test_trc_in_millimetres_and_ways_of_missing(tmp_path: Path, missing: str):
    values = positions() * 1000
    values[4, 3] = np.nan
    poses = read(trc(tmp_path / "a.trc", values, units="mm", missing=missing))
    [track] = poses.tracks
    assert poses.unit == "mm"
    np.testing.assert_allclose(track.values, values / 1000, rtol=1e-12)
    moved = track.values + 0.001
    poses.write(tmp_path / "b.trc", [replace(track, values=moved)])
    [again] = read(tmp_path / "b.trc").tracks
    np.testing.assert_allclose(again.values, moved, atol=1e-12)
    assert "0.00000000000" not in (tmp_path / "b.trc").read_text()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("\tm\t", "\tfeet\t", "Units must be one of m, mm, cm, got 'feet'"),
        ("60\t60", "x\t60", "DataRate must be a number, got 'x'"),
        ("60\t60", "-60\t60", "DataRate must be positive"),
        ("\r\n7\t", "\r\n9\t", "frame numbers must be whole and rise by 1"),
        ("\t0.9", "\tzero", "expected a number, got 'zero"),
        ("PathFileType", "Path", "not a whole TRC file"),
    ],
)
def test_what_is_no_trc(tmp_path: Path, old: str, new: str, message: str):
    path = trc(tmp_path / "a.trc", positions())
    path.write_bytes(path.read_bytes().replace(old.encode(), new.encode(), 1))
    with pytest.raises(FormatError, match=message):
        read(path, format="trc")
    with pytest.raises(ValueError, match="the file says 60 fps, got 30"):
        read(trc(tmp_path / "b.trc", positions()), ReadOptions(fps=30.0))


def deeplabcut(path: Path, individuals: bool) -> Path:
    people = ["m1", "m2"] if individuals else [""]
    keys = [(p, b, c) for p in people for b in ("snout", "tail") for c in ("x", "y", "likelihood")]
    header = [["scorer", *["DLC_resnet"] * len(keys)]]
    header += [["individuals", *(k[0] for k in keys)]] if individuals else []
    header += [["bodyparts", *(k[1] for k in keys)], ["coords", *(k[2] for k in keys)]]
    rows = [
        [
            t,
            *(
                0.9 if c == "likelihood" else 100 + t + 10 * (b == "tail") + 200 * (p == "m2")
                for p, b, c in keys
            ),
        ]
        for t in range(8)
    ]
    rows[3][1:3] = ["", ""]
    path.write_text("\n".join(",".join(map(str, row)) for row in [*header, *rows]) + "\n")
    return path


@pytest.mark.parametrize("individuals", [False, True])
def test_deeplabcut(tmp_path: Path, individuals: bool):
    path = deeplabcut(tmp_path / "a.csv", individuals)
    assert detect(path) == "csv"
    poses = read(path, ReadOptions(fps=30.0))
    assert [(t.name, t.track) for t in poses.tracks] == [("a", 0), ("a", 1)][: 1 + individuals]
    assert poses.skeleton.joints == ("snout", "tail") and poses.unit == "px"
    track = poses.tracks[0]
    assert np.isnan(track.values[3, 0]).all() and track.values[5, 1].tolist() == [115, 115]
    assert track.scores is not None and track.scores[0, 0] == 0.9
    poses.write(tmp_path / "b.csv", poses.tracks)
    assert (tmp_path / "b.csv").read_bytes() == path.read_bytes()
    filled = track.values.copy()
    filled[3, 0] = [103, 103]
    poses.write(tmp_path / "b.csv", [replace(track, values=filled)])
    assert (tmp_path / "b.csv").read_text().splitlines()[3 + individuals + 3].startswith("3,103.0,103.0,0.9,")


def test_several_people_and_videos_in_a_table(tmp_path: Path):
    lines = ["sequence,track,frame,nose_x,nose_y"]
    lines += [f"{s},{p},{t},{100 * p + t},{t + 1}" for s in "ab" for p in (1, 2) for t in (3, 4, 6)]
    (tmp_path / "a.csv").write_text("\n".join(lines))
    tracks = read(tmp_path / "a.csv", ReadOptions(fps=30.0)).tracks
    assert [(t.name, t.track, t.start, len(t)) for t in tracks] == [
        ("a", 1, 3, 4), ("a", 2, 3, 4), ("b", 1, 3, 4), ("b", 2, 3, 4),
    ]  # fmt: skip
    assert np.isnan(tracks[0].values[2]).all()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", "no columns <joint>_x and <joint>_y"),
        ("joint,x,y\nnose,1,2\n", "no column for the frame"),
        ("frame,joint,x,y\n1,nose,1,2\n1,nose,1,2\n", "line 3: nose of frame 1 comes twice"),
        ("frame,nose_x,nose_y\n1,1,2\n1,1,2\n", "frame 1 of a, 0 comes twice"),
        ("frame,nose_x,nose_y\n1.5,1,2\n", "line 2: expected a frame number, got 1.5"),
        ("frame,nose_x,nose_y\n", "no rows below the header"),
        ("frame,nose_x,nose_y\n1,one,2\n", "line 2, column 2: expected a number, got 'one'"),
        ("frame,nose_x,nose_y\n1,1,2\n2000000,1,2\n", "check them"),
        ("seconds,nose_x,nose_y\n0,1,2\n0.1,1,2\n0.5,1,2\n", "times of uneven steps"),
        ("", "the file is empty"),
    ],
)
def test_what_is_no_table(tmp_path: Path, text: str, message: str):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(FormatError, match=message):
        read(tmp_path / "a.csv", format="csv")


def arrays(path: Path, *shape: int, **more: np.ndarray) -> PoseFile:
    values = np.random.default_rng(0).uniform(100, 400, shape)
    np.savez(path, poses=values, **more)
    return read(path, ReadOptions(fps=30.0))


def test_shapes_of_arrays(tmp_path: Path):
    poses = arrays(tmp_path / "a.npz", 6, 2, 17, 2)
    assert len(poses.tracks) == 2 and poses.tracks[1].values.shape == (6, 17, 2)
    values = np.random.default_rng(0).uniform(100, 400, (6, 17, 3)).astype(np.float32)
    values[..., 2] = 0.5
    values[2, 3] = 0
    np.save(tmp_path / "s.npy", values)
    poses = read(tmp_path / "s.npy", ReadOptions(fps=30.0, skeleton="coco17"))
    assert poses.tracks[0].representation == "2d" and poses.skeleton.name == "coco17"
    assert "taken for a score" in poses.notes[0] and np.isnan(poses.tracks[0].values[2, 3]).all()
    poses.write(tmp_path / "t.npy", [replace(poses.tracks[0], values=poses.tracks[0].values + 1)])
    again = np.load(tmp_path / "t.npy")
    assert again.dtype == np.float32 and (again[2, 3] == 0).all()
    np.testing.assert_allclose(again[0, :, :2], values[0, :, :2] + 1, rtol=1e-6)
    np.save(tmp_path / "mm.npy", positions() * 1000)
    poses = read(tmp_path / "mm.npy", ReadOptions(fps=60.0))
    assert poses.unit == "mm" and "taken for millimetres" in poses.notes[0]
    np.testing.assert_allclose(poses.tracks[0].values, positions())


def test_what_is_no_array(tmp_path: Path):
    for content, message in [
        ({"a": np.zeros((3, 4))}, r"no array of real numbers of shape .* got a \(3, 4\) of float64; "),
        ({"a": np.zeros((3, 4, 2), bool)}, r"no array of real numbers .* got a \(3, 4, 2\) of bool; "),
        ({"a": np.zeros((3, 4, 2), complex)}, r"no array of real numbers .* of complex128; "),
        ({"a": np.full((3, 4, 2), "1.5")}, r"no array of real numbers .* of <U3; "),
        ({"a": np.zeros((3, 4, 2)), "b": np.zeros((3, 4, 2))}, "several arrays of real numbers of shape"),
        ({"a": np.array([{"x": 1}], dtype=object)}, "objects in a, expected arrays of numbers"),
        ({"poses": np.ones((3, 4, 2)), "fps": np.array(0)}, "fps must be one positive number"),
        ({"poses": np.ones((3, 4, 2)), "joint_names": np.array(["a"])}, r"\(1,\) names for 4 joints"),
    ]:
        np.savez(tmp_path / "a.npz", **content)
        with pytest.raises(FormatError, match=message):
            read(tmp_path / "a.npz")
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4, (2), }".ljust(118) + b"\n"
    (tmp_path / "c.npy").write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
    with pytest.raises(FormatError, match=r"c\.npy.*the header is damaged"):  # NumPy raises a TokenError
        read(tmp_path / "c.npy")
    (tmp_path / "b.npz").write_bytes((tmp_path / "a.npz").read_bytes()[:100])
    with pytest.raises(FormatError, match=r"b\.npz.*cannot be read"):
        read(tmp_path / "b.npz", format="numpy")


def test_a_row_without_its_time_costs_no_rate(tmp_path: Path):
    lines = [f"{t},{t / 50},{1 + t},{2 - t}" for t in range(9)]
    lines[4] = "4,,5,6"
    (tmp_path / "a.csv").write_text("frame,seconds,nose_x,nose_y\n" + "\n".join(lines))
    poses = read(tmp_path / "a.csv")
    assert poses.fps == 50 and len(poses.tracks[0]) == 9


@pytest.mark.parametrize("error", [ValueError("joint names repeat"), OverflowError("too large")])
def test_every_refusal_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception):
    """Also one by code that knows no file, such as a skeleton's."""

    def refuse(path: Path, options: ReadOptions) -> PoseFile:
        raise error

    monkeypatch.setattr("hanet.formats.tables.read", refuse)
    (tmp_path / "a.csv").write_text("frame,nose_x,nose_y\n0,1,2\n")
    with pytest.raises(FormatError, match=rf"a\.csv: {error}"):
        read(tmp_path / "a.csv")


@pytest.mark.parametrize("ending", [".csv", ".npz"])
def test_exports_come_back(tmp_path: Path, ending: str):
    """What `hanet export` writes is read; poses without scores have empty columns for them."""
    values = np.random.default_rng(0).uniform(100, 400, (9, 17, 2)).astype(np.float32)
    values[3, 2] = np.nan
    track = PoseSequence.keypoints("walk", values, COCO17, fps=25.0)
    metadata = CacheMetadata.of(track, dataset="d", split="test", estimator="e")
    with CacheWriter(tmp_path / "a.parquet", metadata) as writer:
        writer.write(track)
    exports.export(PoseCache.open(tmp_path / "a.parquet"), tmp_path / f"a{ending}")
    poses = read(tmp_path / f"a{ending}")
    assert poses.fps == 25.0 and poses.skeleton == COCO17
    np.testing.assert_allclose(poses.tracks[0].values, values, rtol=1e-6)
