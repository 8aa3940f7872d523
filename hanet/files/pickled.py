"""Pickles of arrays as they are, for writing them again: plain ones, joblib's, and `.npz` of objects.

As in `hanet.files.unpickle`, no code that a file names is run. Here arrays of objects stay arrays, NumPy's
scalars stay scalars, and joblib's arrays, which follow on the pickle's own bytes, are read.
`hanet.files.pickling` writes them.
"""

from __future__ import annotations

import gzip
import io
import math
import pickle
import struct
import zipfile
import zlib
from collections import OrderedDict, defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from hanet.files.unpickle import ARRAY_NAMES, Builder, PickledArray, UnsafeArrayError

LARGEST = 1 << 30
"""Bytes that a compressed file may unpack to."""
_KINDS = "biufcSU"
_DAMAGED = (
    *(EOFError, pickle.UnpicklingError, ValueError, TypeError, AttributeError, KeyError, IndexError),
    *(OverflowError, MemoryError, RecursionError, zlib.error, OSError, NotImplementedError),
    *(struct.error, AssertionError, BufferError),
)


class _KeptArray(PickledArray):
    """Stands for `numpy.ndarray`; one of objects stays an array."""

    def __setstate__(self, state: Any) -> None:
        _, shape, stated, fortran, content = state
        self.value = _array(content, stated.dtype, shape, "F" if fortran else "C")


class _Scalar:
    """Stands for a NumPy scalar, without state that a pickle could set."""

    __slots__ = ("value",)

    def __init__(self, stated: Any, content: Any) -> None:
        if stated.dtype.kind not in _KINDS:
            raise UnsafeArrayError("a scalar of an object")
        content = content.encode("latin1") if isinstance(content, str) else content
        self.value = np.frombuffer(content, stated.dtype, count=1)[0]

    def __setstate__(self, state: Any) -> None:
        raise UnsafeArrayError("a change to a scalar")


class _JoblibArray:
    """Stands for joblib's `NumpyArrayWrapper`: a description of the array whose bytes follow."""

    def __init__(self, *_: Any) -> None:
        self.state: dict[str, Any] = {}

    def __setstate__(self, state: Any) -> None:
        self.state = dict(state)


def _array(content: Any, dtype: np.dtype, shape: Any, order: Any) -> np.ndarray:
    if dtype.kind == "O":
        if not isinstance(content, list) or math.prod(shape) != len(content):
            raise UnsafeArrayError(f"an array of objects {shape} that is no list of so many")
        array = np.empty(len(content), dtype=object)
        for i, entry in enumerate(content):
            array[i] = entry
        return array.reshape(shape, order=order)
    content = content.encode("latin1") if isinstance(content, str) else content
    return np.frombuffer(content, dtype).reshape(shape, order=order).copy(order="K")


def _reconstruct(kind: Any, shape: Any, code: Any) -> _KeptArray:
    if kind is not _KeptArray:
        raise UnsafeArrayError(f"an array of type {kind}")
    return _KeptArray()


def _frombuffer(content: Any, stated: Any, shape: Any, order: Any) -> _KeptArray:
    array = _KeptArray()
    array.value = _array(bytes(content), stated.dtype, shape, order)
    return array


_DICT = Builder(lambda: {})


def _defaultdict(factory: Any = None) -> defaultdict:
    if factory not in (None, _DICT):
        raise UnsafeArrayError("a dict with a function")
    return defaultdict(dict if factory is _DICT else None)


_NAMES: Mapping[str, Any] = {
    **ARRAY_NAMES,
    "numpy.ndarray": _KeptArray,
    "collections.defaultdict": Builder(_defaultdict),
    "collections.OrderedDict": Builder(lambda *items: OrderedDict(*items)),
    "builtins.dict": _DICT,
    "__builtin__.dict": _DICT,
    "builtins.set": Builder(set),
    "__builtin__.set": Builder(set),
    "joblib.numpy_pickle.NumpyArrayWrapper": _JoblibArray,
} | {
    f"numpy.{core}.{name}": Builder(build)
    for core in ("core", "_core")
    for name, build in (
        ("multiarray._reconstruct", _reconstruct),
        ("multiarray.scalar", _Scalar),
        ("numeric._frombuffer", _frombuffer),
    )
}


_PythonUnpickler: Any = vars(pickle)["_Unpickler"]
"""The unpickler in Python, which the standard library documents in its source alone."""


class _Unpickler(_PythonUnpickler):
    """Reads no byte ahead, so that joblib's arrays can be read between a pickle's instructions."""

    dispatch: ClassVar[dict[int, Any]] = dict(_PythonUnpickler.dispatch)

    def __init__(self, stream: io.BytesIO) -> None:
        super().__init__(stream, encoding="latin1")
        self._stream = stream

    def find_class(self, module: str, name: str) -> Any:
        if f"{module}.{name}" not in _NAMES:
            raise UnsafeArrayError(f"{module}.{name}")
        return _NAMES[f"{module}.{name}"]

    def load_build(self) -> None:
        super().load_build()
        if isinstance(self.stack[-1], _JoblibArray):
            self.stack[-1] = self._joblib(self.stack[-1].state)

    def load_bytearray8(self) -> None:
        (size,) = struct.unpack("<Q", self.read(8))
        self.append(bytearray(self.read(size)))  # allocates what is there, not what is announced

    dispatch[pickle.BUILD[0]] = load_build
    dispatch[pickle.BYTEARRAY8[0]] = load_bytearray8

    def _joblib(self, state: Mapping[str, Any]) -> _KeptArray:
        """The array that a description announces: padding, then its bytes, or a pickle of objects."""
        if state["subclass"] is not _KeptArray:
            raise UnsafeArrayError("an array of another type")
        dtype, shape = state["dtype"].dtype, tuple(state["shape"])
        array = _KeptArray()
        if dtype.kind == "O":
            inner = _Unpickler(self._stream).load()
            if not isinstance(inner, _KeptArray):
                raise UnsafeArrayError("objects that are no array")
            return inner
        if state.get("numpy_array_alignment_bytes"):
            (padding,) = self._stream.read(1)
            self._stream.read(padding)
        size = math.prod(shape) * dtype.itemsize
        content = self._stream.read(size) if 0 <= size <= LARGEST else b""
        if len(content) != size:
            raise EOFError(f"an array of {size} bytes that is cut off")
        array.value = _array(content, dtype, shape, state["order"])
        return array


def load(raw: bytes, path: Path) -> Any:
    """The content of a pickle, perhaps by joblib, perhaps compressed by zlib or gzip.

    Args:
        raw: its bytes.
        path: for messages.

    Raises:
        ValueError: not a whole pickle; the message names the file.
        UnsafeArrayError: a file that asks for code or for more than arrays, numbers, text, lists and dicts;
            nothing of it was run.
    """
    try:
        return _plain(_Unpickler(io.BytesIO(unpacked(raw))).load(), {})
    except UnsafeArrayError as error:
        raise UnsafeArrayError(
            f"{path}: refused, because it holds {str(error)[:200]}, where only arrays, numbers and text "
            "belong; save the results as NumPy arrays"
        ) from None
    except _DAMAGED as error:
        text = f"{type(error).__name__}: {str(error)[:200]}"
        raise ValueError(f"{path}: not a whole pickle of arrays ({text}); write or copy it again") from None


def unpacked(raw: bytes) -> bytes:
    if raw[:1] == b"\x78":
        unpacker = zlib.decompressobj()
        content = unpacker.decompress(raw, LARGEST)
        if unpacker.unconsumed_tail:
            raise ValueError(f"more than {LARGEST >> 20} MiB when unpacked")
        return content
    if raw[:2] == b"\x1f\x8b":
        with gzip.GzipFile(fileobj=io.BytesIO(raw)) as file:
            content = file.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise ValueError(f"more than {LARGEST >> 20} MiB when unpacked")
        return content
    return raw


def load_npz(path: Path, raw: bytes) -> dict[str, Any]:
    """Every array of a `.npz` by name; one of objects holds plain values and arrays.

    Raises:
        ValueError: not a whole archive.
        UnsafeArrayError: as `load`.
    """
    fields: dict[str, Any] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            if sum(member.file_size for member in archive.infolist()) > LARGEST:
                raise ValueError(f"more than {LARGEST >> 20} MiB when unpacked")
            for name in archive.namelist():
                fields[name.removesuffix(".npy")] = _member(archive.read(name), path)
    except UnsafeArrayError:
        raise
    except (zipfile.BadZipFile, RuntimeError, SyntaxError, *_DAMAGED) as error:
        text = f"{type(error).__name__}: {str(error)[:200]}"
        raise ValueError(f"{path}: not a whole .npz ({text}); write or copy it again") from None
    return fields


def _member(content: bytes, path: Path) -> Any:
    stream = io.BytesIO(content)
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(stream)
    if dtype.kind == "O":
        return load(content[stream.tell() :], path)
    if dtype.kind not in _KINDS or math.prod(shape) * dtype.itemsize > len(content) - stream.tell():
        raise ValueError(f"an array {shape} of {dtype} that is cut off or no numbers")
    stream.seek(0)
    return np.lib.format.read_array(stream, allow_pickle=False)


def _plain(value: Any, done: dict[int, Any]) -> Any:
    """The same with arrays and scalars in the place of what stood for them."""
    if id(value) in done:
        return done[id(value)][1]
    if isinstance(value, _KeptArray):
        if value.value is None:
            raise UnsafeArrayError("an array without content")
        plain = value.value
        if plain.dtype.kind == "O":
            for i in range(plain.size):
                plain.flat[i] = _plain(plain.flat[i], done)
    elif isinstance(value, _Scalar):
        plain = value.value
    elif type(value) in (dict, OrderedDict, defaultdict):
        plain = value
        items = [(_plain(key, done), _plain(entry, done)) for key, entry in value.items()]
        value.clear()
        value.update(items)
        if isinstance(value, defaultdict):  # a pickle can set it to any stand-in
            value.default_factory = None if value.default_factory is None else dict
    elif isinstance(value, list):
        plain = value
        value[:] = [_plain(entry, done) for entry in value]
    elif isinstance(value, (tuple, set, frozenset)):
        plain = type(value)(_plain(entry, done) for entry in value)
    elif value is None or isinstance(value, (bool, int, float, complex, str, bytes)):
        return value
    else:
        raise UnsafeArrayError(f"a pickled {type(value).__name__}")
    done[id(value)] = (value, plain)
    return plain
