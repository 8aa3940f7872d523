"""HDF5 files: read into arrays, and written back as a copy in which only some datasets are changed.

h5py is in the extra ``formats``.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np

from hanet.files.atomic import whole_file
from hanet.files.tried import LibraryError, survives
from hanet.formats.base import FormatError
from hanet.formats.linking import MAX_JOINTS
from hanet.formats.source import Source

if TYPE_CHECKING:
    import h5py

T = TypeVar("T")
SIGNATURE = b"\x89HDF\r\n\x1a\n"
_LARGEST = 8 * MAX_JOINTS
"""Numbers of a dataset that are read at most."""
_RATIO, _UNSTORED = 1100, 1 << 20
"""How many bytes compression keeps in one at most, and bytes of values that were never written."""


def is_hdf5(source: Source) -> bool:
    """Whether a file begins as HDF5 does."""
    return source.head.startswith(SIGNATURE)


@lru_cache(maxsize=1)  # all formats look at one file
def entries(source: Source) -> dict[str, str]:
    """What a file has at its root, each with pandas' name of its kind or ""; nothing for other files."""
    if not is_hdf5(source):
        return {}

    def kinds(file: h5py.File) -> dict[str, str]:
        return {str(name): as_text(entry.attrs.get("pandas_type", "")) for name, entry in file.items()}

    try:
        return read_by(kinds, source.path)
    except FormatError:
        return {}


def read_by(load: Callable[[h5py.File], T], path: Path, raw: bytes | None = None) -> T:
    """What `load` makes of a file: of its bytes, or entry by entry from the disk.

    It is called in a fork first, as the HDF5 library does not survive every damaged file.

    Raises:
        FormatError: not a whole HDF5 file, an entry of another kind than `load` expects, or a file that the
            library does not survive.
    """
    if raw is not None:
        _check_heaps(path, raw)

    def loaded() -> T:
        with _opened(path, path if raw is None else io.BytesIO(raw)) as file:
            return load(file)

    _try_in_fork(path, loaded)
    return loaded()


def _try_in_fork(path: Path, use: Callable[[], object]) -> None:
    """Refuse a file (FormatError) in whose use the HDF5 library ends its process."""
    import h5py

    try:
        with h5py._objects.phil:  # pyright: ignore[reportAttributeAccessIssue]  (else another thread may hold it)
            survives(path, use)
    except LibraryError as error:
        raise FormatError(str(error)) from None


@contextmanager
def _opened(path: Path, source: Path | io.BytesIO, mode: Literal["r", "r+"] = "r") -> Iterator[h5py.File]:
    """A file from the disk or memory; what is wrong with it is a FormatError that names `path`."""
    import h5py

    try:
        with h5py.File(source, mode) as file:
            yield file
    except FormatError:
        raise
    except (OSError, RuntimeError, KeyError, TypeError, ValueError, AttributeError, MemoryError) as error:
        text = " ".join(str(error).split())[:200]
        raise FormatError(
            f"{path}: not a whole file of this format ({text}); write or copy it again"
        ) from None


def _check_heaps(path: Path, raw: bytes) -> None:
    """Refuse a damaged heap of texts and references, in which the HDF5 library would search for ever.

    A heap is GCOL, version 1, its size, then objects: number (0 for free space), users, size, content.
    """
    at = raw.find(b"GCOL\x01\0\0\0")
    while at >= 0:
        (size,) = struct.unpack("<Q", raw[at + 8 : at + 16].ljust(8, b"\0"))
        place, end = at + 16, at + size
        if size < 16 or end > len(raw):
            raise FormatError(f"{path}: damaged, a heap of {size} bytes at byte {at}; write or copy it again")
        while end - place >= 16:
            number, _, _, length = struct.unpack_from("<HHIQ", raw, place)
            step = length if number == 0 else 16 + (length + 7) // 8 * 8
            if not 16 <= step <= end - place:
                raise FormatError(f"{path}: damaged, a heap at byte {at}; write or copy it again")
            place += step
        at = raw.find(b"GCOL\x01\0\0\0", end)


def numbers(file: h5py.File, name: str, path: Path, *, dims: int | None = None) -> np.ndarray:
    """A dataset of numbers, as float64.

    Raises:
        FormatError: no such dataset, of another kind or depth, or one that is too large.
    """
    data = dataset(file, name, path)
    if data.dtype.kind not in "fiu" or (dims is not None and data.ndim != dims):
        depth = f" of {dims} dimensions" if dims is not None else ""
        raise FormatError(f"{path}, {name}: expected numbers{depth}, got {data.dtype} {data.shape}")
    return data[()].astype(np.float64)


def texts(file: h5py.File, name: str, path: Path) -> list[str]:
    """A dataset of text, one entry per item.

    Raises:
        FormatError: no such dataset, or one of another kind.
    """
    data = dataset(file, name, path)
    if data.ndim != 1 or data.dtype.kind not in "OSU":
        raise FormatError(f"{path}, {name}: expected a list of names, got {data.dtype} {data.shape}")
    if data.dtype.kind == "O":
        _check_lengths(data, path)
    return [as_text(item).rstrip("\0 ") for item in data[()].tolist()]


def _check_lengths(data: h5py.Dataset, path: Path) -> None:
    """Refuse texts that are longer than their file: the HDF5 library takes memory for them before it looks.

    Where a dataset is in one piece, it holds of each text the length and where it lies, in 16 bytes.
    """
    if (offset := data.id.get_offset()) is None:
        return
    with path.open("rb") as file:
        file.seek(offset)
        stored = file.read(16 * (data.size or 0))
        size = file.seek(0, io.SEEK_END)
    longest = max(
        (length for length, _, _ in struct.iter_unpack("<IQI", stored[: len(stored) // 16 * 16])), default=0
    )
    if longest > size:
        raise FormatError(f"{path}, {data.name}: damaged, a text of {longest} bytes; write or copy it again")


def as_text(value: Any) -> str:
    """Text of an attribute or item, which HDF5 keeps as bytes."""
    return value.decode("utf-8", errors="replace") if isinstance(value, bytes) else str(value)


def dataset(file: h5py.File, name: str, path: Path) -> h5py.Dataset:
    """A dataset that is small enough to be read; a FormatError where there is none."""
    import h5py

    data = file.get(name)
    if not isinstance(data, h5py.Dataset):
        raise FormatError(f"{path}: expected a dataset {name}; it has {', '.join(list(file)[:8])}")
    if data.size is None or data.size * max(1, data.dtype.itemsize // 8) > _LARGEST:
        raise FormatError(f"{path}, {name}: {data.shape} is more than can be held; split the file")
    stored = data.id.get_storage_size()
    if stored > file.id.get_filesize() or data.nbytes > _RATIO * stored + _UNSTORED:
        raise FormatError(
            f"{path}, {name}: damaged, {data.nbytes} bytes of {data.shape} where {stored} are stored; write "
            "or copy it again"
        )
    return data


def group(file: h5py.File, name: str, path: Path) -> h5py.Group:
    """A group; a FormatError where there is none."""
    import h5py

    found = file.get(name)
    if not isinstance(found, h5py.Group):
        raise FormatError(f"{path}: expected a group {name}; it has {', '.join(list(file)[:8])}")
    return found


def write_changed(out: Path, path: Path, raw: bytes, change: Callable[[h5py.File], None]) -> None:
    """Write a copy of a file in which `change` has replaced some numbers, whole or not at all.

    Args:
        out: the copy.
        path: the file, for messages.
        raw: its bytes.
        change: called twice, in a fork first.

    Raises:
        FormatError: a file that cannot be changed, or that the library does not survive.
    """
    with whole_file(out) as temporary:

        def changed() -> None:
            temporary.write_bytes(raw)
            with _opened(path, temporary, "r+") as file:
                change(file)

        _try_in_fork(path, changed)
        changed()
