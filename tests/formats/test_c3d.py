"""The numbers of C3D files: integers and floats of three kinds of processors, long files, odd parameters."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path

import ezc3d
import numpy as np
import pytest

from hanet.formats import FormatError, read
from hanet.formats.c3d_file import DEC, INTEL, MIPS, from_bits, new_file, to_bits
from hanet.poses.sequence import PoseSequence

LABELS = ["LHIP", "RHIP", "Nose"]
ORDER = {INTEL: "<", DEC: "<", MIPS: ">"}
KNOWN = {1.0: b"\x80\x40\x00\x00", -3.5: b"\x60\xc1\x00\x00", 0.1: b"\xcc\x3e\xcd\xcc"}
"""Numbers as VAX computers store them, from the format's definition (F_floating)."""


def floats(values: list[float], processor: int) -> bytes:
    if processor == DEC:  # halves swapped, exponent larger by two
        return b"".join((lambda raw: raw[2:] + raw[:2])(struct.pack("<f", value * 4)) for value in values)
    return struct.pack(f"{ORDER[processor]}{len(values)}f", *values)


def c3d(points: np.ndarray, processor: int = INTEL, scale: float = -1.0, analog: int = 2) -> bytes:
    """A file with points (T, 3, 4), written from the format's description: header, parameters, data."""
    order = ORDER[processor]

    def parameter(group: int, name: str, kind: int, shape: tuple[int, ...], data: bytes) -> bytes:
        body = struct.pack("bB", kind, len(shape)) + bytes(shape) + data + b"\0"
        return (
            struct.pack("bb", len(name), group)
            + name.encode()
            + struct.pack(f"{order}h", 2 + len(body))
            + body
        )

    T, N, _ = points.shape
    records = struct.pack("bb", 5, -1) + b"POINT" + struct.pack(f"{order}h", 3) + b"\0"
    records += parameter(1, "SCALE", 4, (), floats([scale], processor))
    records += parameter(1, "RATE", 4, (), floats([50.0], processor))
    records += parameter(1, "UNITS", -1, (4,), b"mm  ")
    records += parameter(1, "LABELS", -1, (4, N), b"".join(label.ljust(4).encode() for label in LABELS))
    section = (bytes((1, 0x50, 1, processor)) + records + bytes(2)).ljust(512, b"\0")
    header = bytes((2, 0x50)) + struct.pack(f"{order}5H", N, analog, 1, T, 10)
    header += floats([scale], processor) + struct.pack(f"{order}2H", 3, 1) + floats([50.0], processor)
    data = b""
    for frame in points:
        flat = [*frame.reshape(-1).tolist(), *[7.0] * analog]
        if scale > 0:
            data += struct.pack(f"{order}{len(flat)}h", *map(round, flat))
        else:
            data += floats(flat, processor)
    return header.ljust(512, b"\0") + section + data


def points(integers: bool = False) -> np.ndarray:
    """(5, 3, 4): residual 2 with cameras; point 1 of frame 2 is missing."""
    rng = np.random.default_rng(0)
    values = np.round(rng.uniform(-2000, 2000, (5, 3, 4)) * 4) / 4
    if integers:
        values = np.round(values)
    values[..., 3] = 3 * 256 + 2
    values[2, 1] = [0, 0, 0, -1]
    return values


@pytest.mark.parametrize("processor", ORDER)
@pytest.mark.parametrize("scale", [-1.0, 0.5])
def test_numbers_of_every_processor(tmp_path: Path, processor: int, scale: float):
    made = points(integers=scale > 0)
    path = tmp_path / "a.c3d"
    path.write_bytes(c3d(made, processor, scale))
    poses = read(path)
    [track] = poses.tracks
    expected = made[..., :3] * (scale if scale > 0 else 1) / 1000
    expected[2, 1] = np.nan
    np.testing.assert_allclose(track.values, expected, rtol=1e-12)
    assert (poses.fps, track.start, track.skeleton.joints) == (50.0, 1, ("LHIP", "RHIP", "nose"))
    poses.write(tmp_path / "same.c3d", [track])
    assert (tmp_path / "same.c3d").read_bytes() == path.read_bytes()
    values = track.values.copy()
    values[2, 1], values[3, 0], values[4, 2] = [0.5, -0.25, 1], [0.125, 0.25, -0.5], np.nan
    poses.write(tmp_path / "b.c3d", [replace(track, values=values)])
    made[2, 1] = [500, -250, 1000, 0]
    made[3, 0, :3] = [125, 250, -500]
    made[4, 2] = [0, 0, 0, -1]
    if scale > 0:
        made[[2, 3], [1, 0], :3] /= scale
    assert (tmp_path / "b.c3d").read_bytes() == c3d(made, processor, scale)


def test_positions_beyond_integers_are_named(tmp_path: Path):
    path = tmp_path / "a.c3d"
    path.write_bytes(c3d(points(integers=True), scale=0.1))
    poses = read(path)
    values = poses.tracks[0].values.copy()
    values[0, 0] = 5.0
    notes = poses.write(tmp_path / "b.c3d", [replace(poses.tracks[0], values=values)])
    assert notes == ("1 positions lie beyond the file's 16-bit integers and stay as they were",)
    assert (tmp_path / "b.c3d").read_bytes() == path.read_bytes()


def test_floats_of_dec():
    for number, stored in KNOWN.items():
        words = np.frombuffer(stored, "<u4")
        np.testing.assert_allclose(from_bits(words, DEC), number, rtol=1e-7)
        assert to_bits(np.array([number]), DEC).tobytes() == stored


def test_more_frames_than_sixteen_bits(tmp_path: Path):
    values = np.zeros((70_000, 1, 3)) + np.arange(70_000)[:, None, None]
    (tmp_path / "a.c3d").write_bytes(new_file(["C7"], values, 100.0, 5))
    [track] = read(tmp_path / "a.c3d").tracks
    assert (track.start, len(track)) == (5, 70_000) and track.values[-1, 0, 0] == 69.999


def test_ezc3d_reads_new_files(tmp_path: Path):
    values = points()[..., :3]
    values[1, 2] = np.nan
    (tmp_path / "a.c3d").write_bytes(new_file(LABELS, values, 59.94, 7))
    file = ezc3d.c3d(str(tmp_path / "a.c3d"))
    np.testing.assert_array_equal(file["data"]["points"][:3].transpose(2, 1, 0), values.astype(np.float32))
    assert file["parameters"]["POINT"]["LABELS"]["value"] == LABELS
    assert file["header"]["points"]["first_frame"] == 6  # ezc3d counts from 0
    assert abs(file["header"]["points"]["frame_rate"] - 59.94) < 1e-5
    with pytest.raises(ValueError, match="c3d holds 255 markers"):
        new_file([str(i) for i in range(256)], np.zeros((1, 256, 3)), 30.0, 1)


@pytest.mark.parametrize(
    ("at", "new", "message"),
    [
        (1, b"\x51", "not a whole C3D file; expected a header"),
        (0, b"\x09", "no parameters of a known processor in block 9"),
        (515, b"\x01", "no parameters of a known processor in block 2"),
        (8, b"\xff\xff", "the header says 65535 frames of 3 points, the file has room for"),
        (2, b"\x00\x00", "frames of 0 points"),
        (516, b"\x00", "POINT:SCALE|not a whole|units|UNITS|frames"),
    ],
)
def test_damaged_files(tmp_path: Path, at: int, new: bytes, message: str):
    raw = bytearray(c3d(points(), scale=-1.0))
    raw[at : at + len(new)] = new
    (tmp_path / "a.c3d").write_bytes(raw)
    if at == 516:  # no parameters at all: the header's own scale, millimetres, points without names
        [track] = read(tmp_path / "a.c3d").tracks
        assert track.skeleton.joints == ("point1", "point2", "point3") and isinstance(track, PoseSequence)
        return
    with pytest.raises(FormatError, match=message):
        read(tmp_path / "a.c3d", format="c3d")
