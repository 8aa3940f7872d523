"""Read a `.npz` with arrays of objects, or a pickle of arrays, without trusting it.

NumPy stores an array of objects, such as one array a sequence, as a pickle, and unpickling runs whatever code
the file names. Here the pickle's instructions are followed by an unpickler that knows nothing but how NumPy
writes arrays, and that builds them itself: no function of the file's choosing is called, nor NumPy's own
hooks, which trust the sizes and types that the file states. Pickles that Python 2 wrote are read as well:
their byte strings are text in Latin-1.
"""

from __future__ import annotations

import io
import lzma
import math
import pickle
import pickletools
import re
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

_KINDS = "biufcSU"
"""Booleans, numbers and strings: dtypes whose bytes may be anything without harm."""


_LARGEST_UNCHECKED = 1 << 28
_MOST_COMPRESSED = 100
"""Poses compress to a half or a tenth; a member of this many bytes or fewer may be anything."""
_QUOTED = 200
"""Characters of an error's text that a message quotes."""
_UNREADABLE = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, pickle.UnpicklingError),
    *(ValueError, OSError, RuntimeError, MemoryError, IndexError),
)


class UnsafeArrayError(ValueError):
    """A file asks for more than arrays of numbers and strings."""


class _DType:
    """Stands for `numpy.dtype` while a pickle is read."""

    def __init__(self, code: Any, align: Any = False, copy: Any = False) -> None:
        self.dtype = np.dtype(object if code in ("O", "O8") else code)
        if self.dtype.kind not in (*_KINDS, "O"):
            raise UnsafeArrayError(f"an array of dtype {code!r}")

    def __setstate__(self, state: Any) -> None:
        order, *structure = state[1:5]
        if any(part is not None for part in structure):
            raise UnsafeArrayError("an array of a structured dtype")
        if self.dtype.kind != "O":
            self.dtype = self.dtype.newbyteorder(order)


class PickledArray:
    """Stands for `numpy.ndarray` while a pickle is read; one of objects becomes the list of its entries."""

    def __init__(self, *_: Any) -> None:
        self.value: Any = None

    def __setstate__(self, state: Any) -> None:
        _, shape, stated, fortran, content = state
        self.value = _array(content, stated, shape, "F" if fortran else "C")


class Builder:
    """A function that a pickle can call but not change."""

    __slots__ = ("_build",)

    def __init__(self, build: Callable[..., Any]) -> None:
        self._build = build

    def __call__(self, *args: Any) -> Any:
        return self._build(*args)

    def __setstate__(self, state: Any) -> None:
        raise UnsafeArrayError("a change to a function")


def _reconstruct(kind: Any, shape: Any, code: Any) -> PickledArray:
    if kind is not PickledArray:
        raise UnsafeArrayError(f"an array of type {kind}")
    return PickledArray()


def _frombuffer(content: Any, stated: Any, shape: Any, order: Any) -> PickledArray:
    array = PickledArray()
    array.value = _array(content, stated, shape, order)
    return array


def _array(content: Any, stated: Any, shape: Any, order: Any) -> Any:
    if stated.dtype.kind == "O":
        if not isinstance(content, list) or len(shape) != 1:
            raise UnsafeArrayError(f"an array of objects that is not a list of entries, but {shape}")
        return [entry.value if isinstance(entry, PickledArray) else entry for entry in content]
    return np.frombuffer(_bytes(content), stated.dtype).reshape(shape, order=order)


def _scalar(stated: Any, content: Any) -> Any:
    """A NumPy scalar, as a plain number or string: those have no state that a pickle could set."""
    if stated.dtype.kind == "O":
        raise UnsafeArrayError("a scalar of an object")
    return np.frombuffer(_bytes(content), stated.dtype, count=1)[0].item()


def _bytes(content: Any) -> Any:
    # A byte string of Python 2, which unpickling has made text.
    return content.encode("latin1") if isinstance(content, str) else content


def _encode(text: Any, encoding: Any) -> bytes:
    """How Python 3 writes bytes where the protocol has none."""
    if not isinstance(text, str) or encoding != "latin1":
        raise UnsafeArrayError(f"text in encoding {encoding!r}")
    return text.encode("latin1")


ARRAY_NAMES: Mapping[str, Any] = {
    "numpy.ndarray": PickledArray,
    "numpy.dtype": _DType,
    "_codecs.encode": Builder(_encode),
    "__builtin__.bytes": Builder(lambda: b""),
} | {
    f"numpy.{core}.{name}": Builder(build)
    for core in ("core", "_core")  # NumPy 1 and 2
    for name, build in (
        ("multiarray._reconstruct", _reconstruct),
        ("multiarray.scalar", _scalar),
        ("numeric._frombuffer", _frombuffer),
    )
}


class ArrayUnpickler(pickle.Unpickler):
    """Follows a pickle's instructions with stand-ins alone; a subclass may know more `names`."""

    names: ClassVar[Mapping[str, Any]] = ARRAY_NAMES
    """What a pickle may name, and what stands for it."""

    def find_class(self, module: str, name: str) -> Any:
        """The stand-in for a name; an UnsafeArrayError where there is none."""
        if f"{module}.{name}" not in self.names:
            raise UnsafeArrayError(f"{module}.{name}")
        return self.names[f"{module}.{name}"]


def check_memo(content: bytes) -> None:
    """Refuse a pickle that numbers a value beyond its own length: the unpickler takes memory for all.

    Raises:
        ValueError: such a number, or another damage.
    """
    codes = np.frombuffer(content, np.uint8)
    puts = np.flatnonzero(codes[:-4] == ord("r"))
    numbers = sum(codes[puts + 1 + byte].astype(np.int64) << 8 * byte for byte in range(4))
    if not np.any(numbers > len(content)) and not re.search(rb"p\d{7,}", content):
        return
    for code, number, _ in pickletools.genops(content):
        if code.name in ("LONG_BINPUT", "PUT") and int(number or 0) > len(content):
            raise ValueError(f"its values are numbered up to {number}, its length is {len(content)}")


def read_npz(path: Path) -> dict[str, Any]:
    """Every array of a `.npz` by key: an ndarray, or for an array of objects the list of its entries.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not a readable `.npz`; the message names file, field and remedy.
        UnsafeArrayError: a field that asks for code or for anything but arrays; nothing of it was run.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; check the path")
    fields: dict[str, Any] = {}
    field = "(archive)"
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                field = member.filename.removesuffix(".npy")
                _check_size(member)
                fields[field] = _read_member(archive.read(member))
    except UnsafeArrayError as error:
        raise UnsafeArrayError(
            f"{path}, field {field!r}: refused, because it holds {error}, where only arrays of numbers and "
            "strings belong; do not use this file, get it again from where it was released"
        ) from None
    except _UNREADABLE as error:
        raise ValueError(
            f"{path}, field {field!r}: cannot be read ({_short(error)}); expected a complete .npz as "
            "numpy.savez writes it, download the file again"
        ) from error
    return fields


def read_npy(path: Path) -> np.ndarray:
    """The array of a `.npy` file of numbers or strings.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not a readable `.npy`, or one of objects.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; check the path")
    try:
        array = _read_member(path.read_bytes())
    except _UNREADABLE as error:
        raise ValueError(f"{path}: cannot be read as .npy ({_short(error)}); get the file again") from error
    if not isinstance(array, np.ndarray):
        raise ValueError(f"{path}: expected an array of numbers, got one of objects")
    return array


def read_pickle(path: Path) -> dict[str, Any]:
    """A pickled dict of arrays, numbers, strings, and lists, tuples and dicts of them.

    Strings that Python 2 wrote become text in Latin-1; an array of objects becomes the list of its entries.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not a readable pickle, or not of a dict; the message names file and remedy.
        UnsafeArrayError: a file that asks for code or for anything else; nothing of it was run.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; check the path")
    try:
        stored = path.read_bytes()
        check_memo(stored)
        content = _plain(ArrayUnpickler(io.BytesIO(stored), encoding="latin1").load(), {})
    except UnsafeArrayError as error:
        raise UnsafeArrayError(
            f"{path}: refused, because it holds {error}, where only arrays, numbers and strings belong; do "
            "not use this file, get it again from where it was released"
        ) from None
    except (
        *(EOFError, pickle.UnpicklingError, ValueError, OSError, TypeError, AttributeError, KeyError),
        *(IndexError, OverflowError, MemoryError, RecursionError),
    ) as error:
        raise ValueError(
            f"{path}: cannot be read ({type(error).__name__}: {_short(error)}); expected a complete pickle "
            "of arrays, download the file again"
        ) from error
    if not isinstance(content, dict):
        raise ValueError(f"{path}: expected a pickled dict, got {type(content).__name__}; check the path")
    return content


def _short(error: Exception) -> str:
    """An error's text, cut where it is long: NumPy quotes a damaged header whole."""
    text = str(error)
    return text if len(text) <= _QUOTED else f"{text[:_QUOTED]}…"


def _plain(value: Any, done: dict[int, Any]) -> Any:
    """The same with arrays in the place of what stood for them; what occurs twice is converted once."""
    if id(value) in done:
        return done[id(value)]
    if isinstance(value, PickledArray):
        if value.value is None:
            raise UnsafeArrayError("an array without content")
        plain = _plain(value.value, done)
    elif isinstance(value, dict):
        plain = {key: _plain(entry, done) for key, entry in value.items()}
    elif isinstance(value, list):
        plain = [_plain(entry, done) for entry in value]
    elif isinstance(value, tuple):
        plain = tuple(_plain(entry, done) for entry in value)
    elif value is None or isinstance(value, (bool, int, float, complex, str, bytes, np.ndarray)):
        return value
    else:
        raise UnsafeArrayError(f"a pickled {type(value).__name__}")
    done[id(value)] = plain
    return plain


def _read_member(content: bytes) -> Any:
    stream = io.BytesIO(content)
    version = np.lib.format.read_magic(stream)
    shape, dtype = _header(stream, version)
    if not dtype.hasobject:
        if dtype.kind not in _KINDS:
            raise ValueError(f"an array of dtype {dtype}, expected numbers or strings")
        stated, there = math.prod(shape) * dtype.itemsize, len(content) - stream.tell()
        if any(isinstance(n, bool) or n < 0 for n in shape) or stated > there:
            raise ValueError(f"shape {shape} of {dtype} needs {stated} bytes, {there} are there")
        stream.seek(0)
        return np.lib.format.read_array(stream, allow_pickle=False)
    if dtype.kind != "O":
        raise UnsafeArrayError("a structured array with objects")
    try:
        start = stream.tell()
        check_memo(stream.read())
        stream.seek(start)
        array = ArrayUnpickler(stream).load()
    except (TypeError, AttributeError, KeyError, IndexError, OverflowError, MemoryError) as error:
        # What a pickle that was not written by NumPy makes of the builders above.
        raise UnsafeArrayError(f"a pickle that is no array ({type(error).__name__})") from None
    if not isinstance(array, PickledArray):
        raise UnsafeArrayError(f"a pickled {type(array).__name__}")
    return array.value


def _check_size(member: zipfile.ZipInfo) -> None:
    """Refuse what unpacks to far more than poses do."""
    if member.file_size > _LARGEST_UNCHECKED and member.file_size > _MOST_COMPRESSED * member.compress_size:
        raise ValueError(
            f"{member.compress_size >> 20} MiB that unpack to {member.file_size >> 20} MiB: more than "
            f"{_MOST_COMPRESSED} times as much"
        )


def _header(stream: io.BytesIO, version: tuple[int, int]) -> tuple[tuple[int, ...], np.dtype]:
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    if version not in read:
        raise ValueError(f".npy version {version}, expected 1.0 or 2.0")
    try:
        shape, _, dtype = read[version](stream)
    except (SyntaxError, tokenize.TokenError, TypeError, RecursionError, MemoryError) as error:
        raise ValueError(f"the header is damaged ({type(error).__name__}: {error})") from None
    return shape, dtype
