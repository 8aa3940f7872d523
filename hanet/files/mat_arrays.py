"""Numbers and lines of text in MATLAB's files of versions 5 to 7, as JHMDB and Penn Action have them.

SciPy's reader looks up a file's own type numbers in tables without checking them, so that a damaged file can
end the process or read foreign memory. Here every number is checked before it is used, and nothing but these
two kinds of values is read.

Source: The MathWorks, "MAT-File Format", chapter 1, "Level 5 MAT-File Format".
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Collection, Iterator
from itertools import islice
from pathlib import Path

import numpy as np

LARGEST = 1 << 28
"""Bytes that a compressed array may unpack to."""
_HEADER = 128
_MATRIX, _COMPRESSED = 14, 15
_STORED = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
"""NumPy's type by the type of a stored element."""
_CLASSES = {
    **{6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2"},
    **{11: "u2", 12: "i4", 13: "u4", 14: "i8", 15: "u8"},
}
"""NumPy's type by the class of an array; its numbers may be stored as a smaller type."""
_TEXT = 4
_ENCODINGS = {1: "latin-1", 2: "latin-1", 4: "utf-16", 16: "utf-8", 17: "utf-16", 18: "utf-32"}
_COMPLEX = 0x0800
_MOST_AXES = 8


class MatFileError(ValueError):
    """Not such a file, or a damaged one; the message names no file."""


def read_arrays(path: Path, names: Collection[str]) -> dict[str, np.ndarray | str]:
    """The arrays with these names, as far as the file has them: numbers of any shape, text of one line.

    Raises:
        OSError: the file cannot be read.
        MatFileError: another kind of file, a damaged one, or a value of another kind under one of the names.
    """
    content = memoryview(path.read_bytes())
    marks = {b"IM": "<", b"MI": ">"}
    order = marks.get(bytes(content[126:128])) if len(content) > _HEADER else None
    if order is None:
        raise MatFileError("expected MATLAB's versions 5 to 7 (save with -v7)")
    if (version := struct.unpack_from(f"{order}H", content, 124)[0]) != 0x0100:
        raise MatFileError(f"expected MATLAB's versions 5 to 7 (save with -v7), got version {version:#x}")
    found: dict[str, np.ndarray | str] = {}
    for kind, data in _elements(content[_HEADER:], order):
        if kind == _COMPRESSED:
            [(kind, data)] = [*_elements(_unpacked(data), order)][:1] or [(0, data)]
        if kind != _MATRIX:
            raise MatFileError(f"expected an array, got an element of type {kind}")
        parts = _elements(data, order)
        flags, shape, name = _described(parts, order)
        if name in names:
            found[name] = _value(flags, shape, parts, order, name)
    return found


def _elements(data: memoryview, order: str) -> Iterator[tuple[int, memoryview]]:
    """Type and bytes of each element; those of up to four bytes share the eight of their tag."""
    at = 0
    while at < len(data):
        if len(data) - at < 8:
            raise MatFileError("it ends within a tag")
        kind, size = struct.unpack_from(f"{order}II", data, at)
        if kind >> 16:
            kind, size = kind & 0xFFFF, kind >> 16
            start, following = at + 4, at + 8
            if size > 4:
                raise MatFileError(f"a small element of {size} bytes")
        else:
            start = at + 8
            # A compressed element is followed at once, others at a multiple of eight bytes.
            following = start + size + (0 if kind == _COMPRESSED else -size % 8)
        if start + size > len(data):
            raise MatFileError(f"an element of {size} bytes where {len(data) - start} are left")
        yield kind, data[start : start + size]
        at = following


def _unpacked(data: memoryview) -> memoryview:
    unpack = zlib.decompressobj()
    try:
        content = unpack.decompress(data, LARGEST)
    except zlib.error as error:
        raise MatFileError(f"its compressed data are damaged ({error})") from error
    if not unpack.eof:
        raise MatFileError(f"an array that is cut off or unpacks to more than {LARGEST >> 20} MB")
    return memoryview(content)


def _described(parts: Iterator[tuple[int, memoryview]], order: str) -> tuple[int, tuple[int, ...], str]:
    """Flags, shape and name: the first three elements of an array."""
    first = list(islice(parts, 3))
    if [kind for kind, _ in first] != [6, 5, 1] or len(first[0][1]) != 8 or len(first[1][1]) % 4:
        raise MatFileError("an array without flags, shape and name")
    flags = struct.unpack_from(f"{order}I", first[0][1])[0]
    shape = struct.unpack(f"{order}{len(first[1][1]) // 4}i", first[1][1])
    if not 2 <= len(shape) <= _MOST_AXES or min(shape) < 0:
        raise MatFileError(f"an array of shape {shape[: _MOST_AXES + 1]}")
    return flags, shape, bytes(first[2][1]).decode("latin-1")


def _value(
    flags: int, shape: tuple[int, ...], parts: Iterator[tuple[int, memoryview]], order: str, name: str
) -> np.ndarray | str:
    kind, data = next(parts, (0, memoryview(b"")))
    if (what := flags & 0xFF) == _TEXT and kind in _ENCODINGS and shape[0] <= 1:
        encoding = _ENCODINGS[kind]
        ending = "" if encoding in ("latin-1", "utf-8") else ("-le" if order == "<" else "-be")
        try:
            return bytes(data).decode(encoding + ending)
        except UnicodeDecodeError as error:
            raise MatFileError(f"{name}: text that is not {encoding}") from error
    if what not in _CLASSES or kind not in _STORED or flags & _COMPLEX:
        raise MatFileError(f"{name}: expected real numbers or a line of text, got class {what}")
    stored = np.dtype(order + _STORED[kind])
    if len(data) != math.prod(shape) * stored.itemsize:
        raise MatFileError(f"{name}: {len(data)} bytes for an array of shape {shape}")
    with np.errstate(invalid="ignore"):
        numbers = np.frombuffer(data, stored).astype(_CLASSES[what])
    return numbers.reshape(shape, order="F")
