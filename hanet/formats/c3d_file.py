"""The structure of C3D files (c3d.org, "The C3D File Format User Guide"): header, parameters, 3D points.

Blocks have 512 bytes. The header's first byte is the number of the first block of parameters; those are
records of groups and parameters. Points and analog samples follow frame by frame, as 16-bit integers times
``POINT:SCALE``, or as 32-bit floats where that is negative. A point has x, y, z and a fourth number: −1 where
the point is missing, else residual (low byte) and cameras (high byte).

Only the points' own bytes are changed, so analog samples, events and parameters stay as they were.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from hanet.formats.base import FormatError

BLOCK = 512
INTEL, DEC, MIPS = 84, 85, 86
_PROCESSORS = {INTEL: "<", DEC: "<", MIPS: ">"}
_TYPES = {-1: 1, 1: 1, 2: 2, 4: 4}
"""Bytes by type of parameter: characters, bytes, integers, floats."""
_LARGEST_INTEGER = 32767


@dataclass(frozen=True, eq=False)
class C3D:
    """A file, parsed.

    Attributes:
        path: the file.
        raw: its bytes.
        processor: `INTEL`, `DEC` or `MIPS`: how numbers are stored.
        parameters: by ``GROUP:NAME``: a list of text, or an array.
        first: number of the first frame, 1 by convention.
        frames: how many.
        points: per frame.
        stride: numbers per frame, analog samples included.
        data: byte where the first frame begins.
        scale: of integers; 0 for floats.
    """

    path: Path
    raw: bytes
    processor: int
    parameters: Mapping[str, Any]
    first: int
    frames: int
    points: int
    stride: int
    data: int
    scale: float

    @property
    def rate(self) -> float:
        """Frames per second, as ``POINT:RATE`` or the header says."""
        return float(_one(self.parameters, "POINT:RATE", _floats(self.raw[20:24], self.processor)[0]))

    def _words(self, raw: bytes | bytearray) -> np.ndarray:
        """(T, stride) numbers as they are stored, without a copy."""
        kind = _PROCESSORS[self.processor] + ("i2" if self.scale else "u4")
        count = self.frames * self.stride
        return np.frombuffer(raw, kind, count=count, offset=self.data).reshape(self.frames, self.stride)

    def read_points(self) -> tuple[Float[np.ndarray, "T N 3"], Float[np.ndarray, "T N"]]:
        """Coordinates in the file's unit, and the fourth numbers, negative where a point is missing."""
        words = self._words(self.raw)[:, : 4 * self.points]
        numbers = words.astype(np.float64) if self.scale else from_bits(words, self.processor)
        numbers = numbers.reshape(self.frames, self.points, 4)
        return numbers[..., :3] * (self.scale or 1.0), numbers[..., 3]

    def with_points(
        self,
        values: Float[np.ndarray, "T N 3"],
        *,
        changed: Bool[np.ndarray, "T N"],
        filled: Bool[np.ndarray, "T N"],
        dropped: Bool[np.ndarray, "T N"],
    ) -> tuple[bytes, int]:
        """The file with other coordinates, and how many points did not fit into its integers.

        A filled point has the residual 0, which means "interpolated"; a dropped one has −1. Other points keep
        residual and cameras.
        """
        raw = bytearray(self.raw)
        words = self._words(raw)
        points = words[:, : 4 * self.points].reshape(self.frames, self.points, 4)  # a copy
        if self.scale:
            numbers = np.round(values / self.scale)
            beyond = changed & ~(np.abs(numbers) <= _LARGEST_INTEGER).all(axis=2)
            stored = np.where(changed[..., None] & ~beyond[..., None], numbers, 0).astype(words.dtype)
            interpolated, missing = 0, -1
        else:
            beyond = np.zeros(changed.shape, dtype=bool)
            stored = to_bits(np.nan_to_num(values), self.processor)
            interpolated, missing = to_bits(np.array([0.0, -1.0]), self.processor).tolist()
        put = changed & ~beyond
        points[..., :3][put] = stored[put]
        points[..., 3][filled & put] = interpolated
        points[..., :3][dropped] = 0
        points[..., 3][dropped] = missing
        words[:, : 4 * self.points] = points.reshape(self.frames, -1)
        return bytes(raw), int(beyond.sum())


def from_bits(words: np.ndarray, processor: int) -> np.ndarray:
    """32-bit floats of a processor as float64; DEC's have swapped halves and four times the value."""
    if processor != DEC:
        return words.view(words.dtype.str.replace("u", "f")).astype(np.float64)
    swapped = (words >> 16) | (words << 16)
    return swapped.astype("<u4").view("<f4").astype(np.float64) / 4


def to_bits(numbers: np.ndarray, processor: int) -> np.ndarray:
    """The inverse of `from_bits`."""
    if processor != DEC:
        kind = _PROCESSORS[processor]
        return np.ascontiguousarray(numbers, dtype=f"{kind}f4").view(f"{kind}u4")
    words = np.ascontiguousarray(numbers * 4, dtype="<f4").view("<u4")
    return (words >> 16) | (words << 16)


def parse(path: Path, raw: bytes) -> C3D:
    """A file's structure.

    Raises:
        FormatError: not a whole C3D file.
    """
    if len(raw) < 2 * BLOCK or raw[1] != 0x50:
        raise FormatError(
            f"{path}: not a whole C3D file; expected a header that begins with a block number, 80"
        )
    start = (raw[0] - 1) * BLOCK
    if not 0 < start <= len(raw) - 4 or (processor := raw[start + 3]) not in _PROCESSORS:
        raise FormatError(
            f"{path}: not a whole C3D file; no parameters of a known processor in block {raw[0]}"
        )
    try:
        parameters = _parameters(raw, start + 4, processor)
    except (struct.error, ValueError, IndexError) as error:
        raise FormatError(f"{path}: damaged parameters ({error}); write the file again") from None
    order = _PROCESSORS[processor]
    points, analog, first, last = struct.unpack_from(f"{order}4H", raw, 2)
    header_scale, data_block = _floats(raw[12:16], processor)[0], struct.unpack_from(f"{order}H", raw, 16)[0]
    scale = float(_one(parameters, "POINT:SCALE", header_scale))
    if not np.isfinite(scale) or scale == 0:
        raise FormatError(f"{path}: POINT:SCALE must be a number other than 0, got {scale:g}")
    first, frames = _span(parameters, first, last)
    size = 2 if scale > 0 else 4
    stride, data = 4 * points + analog, (data_block - 1) * BLOCK
    there = max(len(raw) - data, 0) // (stride * size) if stride else 0
    if not points or data <= start or frames > there or frames < 1:
        raise FormatError(
            f"{path}: the header says {frames} frames of {points} points, the file has room for {there}; "
            "write or copy the file again"
        )
    return C3D(path, raw, processor, parameters, first, frames, points, stride, data, max(scale, 0.0))


def _span(parameters: Mapping[str, Any], first: int, last: int) -> tuple[int, int]:
    """First frame and number of frames: TRIAL's fields have 32 bits, the header 16."""
    fields = [parameters.get(f"TRIAL:ACTUAL_{name}_FIELD") for name in ("START", "END")]
    if all(isinstance(f, np.ndarray) and f.size == 2 and f.dtype.kind in "iu" for f in fields):
        low, high = (int(f[0]) % 65536 + (int(f[1]) % 65536 << 16) for f in fields if f is not None)
        if high >= low > 0 and low % 65536 == first:
            return low, high - low + 1
    frames = int(_one(parameters, "POINT:FRAMES", 0.0)) % 65536
    return first, max(last - first + 1, frames if last == 65535 else 0)


def _parameters(raw: bytes, at: int, processor: int) -> dict[str, Any]:
    """All parameters by ``GROUP:NAME``."""
    groups: dict[int, str] = {}
    found: list[tuple[int, str, Any]] = []
    order = _PROCESSORS[processor]
    while at + 2 <= len(raw):
        length, group = struct.unpack_from("bb", raw, at)
        if length == 0 or group == 0:
            break
        name = raw[at + 2 : at + 2 + abs(length)].decode("latin1").strip().upper()
        at += 2 + abs(length)
        (offset,) = struct.unpack_from(f"{order}h", raw, at)
        if group < 0:
            groups[-group] = name
        else:
            found.append((group, name, _value(raw, at + 2, processor)))
        if offset <= 0:
            break
        at += offset
    return {f"{groups[group]}:{name}": value for group, name, value in found if group in groups}


def _value(raw: bytes, at: int, processor: int) -> Any:
    kind, depth = struct.unpack_from("bB", raw, at)
    if kind not in _TYPES or depth > 7:
        raise ValueError(f"a parameter of type {kind} with {depth} dimensions")
    shape = tuple(raw[at + 2 : at + 2 + depth])
    count = int(np.prod(shape, dtype=np.int64)) if depth else 1
    data = raw[at + 2 + depth : at + 2 + depth + count * _TYPES[kind]]
    if len(data) < count * _TYPES[kind]:
        raise ValueError("a parameter that is cut off")
    if kind == -1:
        width = shape[0] if shape else 1
        text = data.decode("utf-8", errors="replace") if data.isascii() else data.decode("latin1")
        return [text[i : i + width].strip(" \0") for i in range(0, len(text), width)] if width else []
    if kind == 4:
        return _floats(data, processor)
    return np.frombuffer(data, f"{_PROCESSORS[processor]}i{_TYPES[kind]}")


def _floats(data: bytes, processor: int) -> np.ndarray:
    return from_bits(np.frombuffer(data, f"{_PROCESSORS[processor]}u4"), processor)


def _one(parameters: Mapping[str, Any], name: str, otherwise: float) -> float:
    value = parameters.get(name)
    return float(value[0] if isinstance(value, np.ndarray) and value.size else otherwise)


def new_file(labels: Sequence[str], values: Float[np.ndarray, "T N 3"], fps: float, first: int) -> bytes:
    """A file of markers alone, in 32-bit floats of Intel processors.

    Args:
        labels: names of the markers, at most 255.
        values: millimetres, NaN where missing.
        fps: frames per second.
        first: number of the first frame.

    Raises:
        ValueError: more markers or longer names than the format holds.
    """
    T, N, _ = values.shape
    texts = [label.encode("utf-8") for label in labels]
    if N > 255 or max(map(len, texts)) > 127:
        raise ValueError(f"c3d holds 255 markers with names of 127 bytes here, got {N}: {labels[0]}, …")
    width = max(map(len, texts))
    last = first + T - 1
    halves = [number for frame in (first, last) for number in (frame % 65536, frame // 65536)]
    groups = {
        "POINT": [
            _record("USED", 2, (), struct.pack("<H", N)),
            _record("SCALE", 4, (), struct.pack("<f", -0.1)),
            _record("RATE", 4, (), struct.pack("<f", fps)),
            _record("FRAMES", 2, (), struct.pack("<H", min(T, 65535))),
            _record("UNITS", -1, (2,), b"mm"),
            _record("LABELS", -1, (width, N), b"".join(text.ljust(width) for text in texts)),
        ],
        "ANALOG": [_record("USED", 2, (), struct.pack("<H", 0))],
        "TRIAL": [
            _record("ACTUAL_START_FIELD", 2, (2,), struct.pack("<2H", *halves[:2])),
            _record("ACTUAL_END_FIELD", 2, (2,), struct.pack("<2H", *halves[2:])),
            _record("CAMERA_RATE", 4, (), struct.pack("<f", fps)),
        ],
    }
    # DATA_START is known once the length of all parameters is.
    size = len(_section(groups, 0))
    blocks = -(-size // BLOCK)
    section = _section(groups, 2 + blocks).ljust(blocks * BLOCK, b"\0")
    section = bytes((1, 0x50, blocks, INTEL)) + section[4:]
    header = struct.pack(
        "<BB5HfHHf", 2, 0x50, N, 0, min(first, 65535), min(last, 65535), 10, -0.1, 2 + blocks, 0, fps
    )
    known = np.isfinite(values).all(axis=2)
    points = np.zeros((T, N, 4), dtype="<f4")
    points[..., :3][known] = values[known]
    points[..., 3][~known] = -1
    return header.ljust(BLOCK, b"\0") + section + points.tobytes()


def _record(name: str, kind: int, shape: tuple[int, ...], data: bytes) -> tuple[str, bytes]:
    return name, struct.pack("bB", kind, len(shape)) + bytes(shape) + data + b"\0"  # no description


def _section(groups: Mapping[str, Sequence[tuple[str, bytes]]], data_block: int) -> bytes:
    """The records of groups and parameters behind four bytes for the section's own header."""
    text = bytes(4)
    for number, (group, records) in enumerate(groups.items(), start=1):
        text += struct.pack("bb", len(group), -number) + group.encode() + struct.pack("<hB", 3, 0)
        if group == "POINT":
            records = [*records, _record("DATA_START", 2, (), struct.pack("<H", data_block))]
        for name, content in records:
            text += struct.pack("bb", len(name), number) + name.encode()
            text += struct.pack("<h", 2 + len(content)) + content
    return text + bytes(2)
