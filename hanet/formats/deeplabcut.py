"""DeepLabCut's predictions in HDF5, as pandas stores tables (``format="table"``) and frames (``fixed``).

Columns are scorer, perhaps individuals, bodyparts, and coords (x, y, likelihood). Their names are pickled in
an attribute of tables; they are read by an unpickler that knows nothing but text, numbers and lists.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any

import numpy as np

from hanet.files.unpickle import ArrayUnpickler
from hanet.formats import hdf5
from hanet.formats.base import FormatError, PoseFile, ReadOptions
from hanet.formats.dense import Changes, Dense, pose_file, read_bytes
from hanet.formats.keypoint_sets import from_names
from hanet.formats.source import Source

if TYPE_CHECKING:
    import h5py

_AXES = ("x", "y")


def sniff(source: Source) -> bool:
    """HDF5 with a group that pandas wrote, whose columns end in x, y and likelihood."""
    return any(kind.startswith("frame") for kind in hdf5.entries(source).values())


@dataclass(frozen=True, eq=False)
class _Layout:
    """Where the numbers are.

    Attributes:
        group: name of pandas' group.
        columns: (P, J, 3) columns of x, y and likelihood; −1 where there is none.
        joints: names.
        people: names, of a single animal the file's.
    """

    group: str
    columns: np.ndarray
    joints: list[str]
    people: list[str]


def read(path: Path, options: ReadOptions) -> PoseFile:
    """The animals of a file as tracks; DeepLabCut writes no rate, and numbers frames from 0.

    Raises:
        FileNotFoundError: no such file.
        FormatError: not predictions of DeepLabCut, several tables, or frames that are not consecutive.
        ValueError: options that contradict the file.
    """
    raw = read_bytes(path)
    layout, table, frames = hdf5.read_by(partial(_load, path), path, raw)
    if not len(frames) or (np.diff(frames) != 1).any() or frames[0] < 0:
        raise FormatError(f"{path}: frame numbers must rise by 1; got {frames[:3].tolist()}…")
    cells = np.concatenate([table, np.full((len(table), 1), np.nan)], axis=1)[:, layout.columns]
    try:
        skeleton = from_names(layout.joints, path.stem)
    except ValueError as error:
        raise FormatError(f"{path}: {error}") from None
    found = Dense(
        format="deeplabcut",
        path=path,
        values=cells[..., :2],
        scores=cells[..., 2] if (layout.columns[..., 2] >= 0).any() else None,
        skeleton=skeleton,
        unit="px",
        fps=None,
        start=int(frames[0]),
    )
    return pose_file(found, options, lambda out, changes: _save(raw, path, layout, out, changes))


def _load(path: Path, file: h5py.File) -> tuple[_Layout, np.ndarray, np.ndarray]:
    """Where the numbers are, the numbers, and the numbers of frames."""
    groups = _groups(file)
    if len(groups) != 1:
        raise FormatError(f"{path}: expected one table of predictions, got {', '.join(groups) or 'none'}")
    layout = _layout(file, groups[0], path)
    return layout, *_table(file, layout.group, path)


def _groups(file: h5py.File) -> list[str]:
    """Names of pandas' groups."""
    kinds = {str(name): entry.attrs.get("pandas_type") for name, entry in file.items()}
    return [
        name for name, kind in kinds.items() if kind is not None and hdf5.as_text(kind).startswith("frame")
    ]


def _layout(file: h5py.File, group: str, path: Path) -> _Layout:
    columns = _columns(file, group, path)
    depth = {len(column) for column in columns}
    if depth not in ({3}, {4}):
        raise FormatError(
            f"{path}: expected columns of scorer, (individuals,) bodyparts and coords, got {columns[:2]}"
        )
    people = list(dict.fromkeys(column[1] if len(column) == 4 else "" for column in columns))
    joints = list(dict.fromkeys(column[-2] for column in columns))
    if len({column[0] for column in columns}) != 1:
        raise FormatError(f"{path}: several scorers; write one file per scorer")
    at = np.full((len(people), len(joints), 3), -1)
    for i, column in enumerate(columns):
        part = ("x", "y", "likelihood").index(column[-1]) if column[-1] in (*_AXES, "likelihood") else -1
        if part >= 0:
            person = people.index(column[1] if len(column) == 4 else "")
            at[person, joints.index(column[-2]), part] = i
    # Multi-animal projects have parts that only some animals have.
    if not (at[..., :2] >= 0).all(axis=2).any() or ((at[..., 0] < 0) != (at[..., 1] < 0)).any():
        raise FormatError(f"{path}: expected columns x and y of each body part, got {columns[:3]}")
    return _Layout(group, at, joints, [person or path.stem for person in people])


def _columns(file: h5py.File, group: str, path: Path) -> list[tuple[str, ...]]:
    """The columns' names in the order of the numbers."""
    where = hdf5.group(file, group, path)
    if "table" in where:
        pickled = hdf5.dataset(file, f"{group}/table", path).attrs.get("values_block_0_kind")
        names = _unpickled(bytes(pickled), path) if isinstance(pickled, bytes) else None
        if not isinstance(names, list) or not all(isinstance(name, tuple) for name in names):
            raise FormatError(f"{path}, {group}/table: no names of columns")
        return [tuple(map(str, name)) for name in names]
    levels = []
    while f"block0_items_level{len(levels)}" in where and len(levels) < 5:
        i = len(levels)
        names = hdf5.texts(file, f"{group}/block0_items_level{i}", path)
        codes = hdf5.numbers(file, f"{group}/block0_items_label{i}", path, dims=1).astype(int)
        if len(codes) and not 0 <= codes.min() <= codes.max() < len(names):
            raise FormatError(f"{path}, {group}: damaged names of columns")
        levels.append([names[code] for code in codes])
    return list(zip(*levels, strict=True))


def _unpickled(content: bytes, path: Path) -> Any:
    try:
        return ArrayUnpickler(io.BytesIO(content)).load()
    except (
        UnpicklingError,
        EOFError,
        IndexError,
        KeyError,
        AttributeError,
        MemoryError,
        OverflowError,
    ) as error:
        raise FormatError(f"{path}: damaged names of columns ({str(error)[:80]})") from None


def _table(file: h5py.File, group: str, path: Path) -> tuple[np.ndarray, np.ndarray]:
    """(T, columns) numbers and (T,) frame numbers."""
    if "table" in hdf5.group(file, group, path):
        table = hdf5.dataset(file, f"{group}/table", path)[()]
        names = table.dtype.names or ()
        if set(names) != {"index", "values_block_0"} or table["index"].dtype.kind not in "iu":
            raise FormatError(
                f"{path}, {group}: expected frame numbers and one block, got {', '.join(names)}"
            )
        values, frames = table["values_block_0"], table["index"]
        if values.dtype.kind != "f":
            raise FormatError(f"{path}, {group}: expected floats, got {values.dtype}")
        return values.reshape(len(frames), -1).astype(np.float64), frames
    values = hdf5.numbers(file, f"{group}/block0_values", path, dims=2)
    frames = hdf5.numbers(file, f"{group}/axis1", path, dims=1)
    if len(values) != len(frames) or (frames % 1 != 0).any():
        raise FormatError(f"{path}, {group}: {len(frames)} frame numbers for {len(values)} rows")
    return values, frames.astype(np.int64)


def _save(raw: bytes, path: Path, layout: _Layout, out: Path, changes: Changes) -> Sequence[str]:
    """A filled joint has likelihood 0 where it had none."""
    lost = changes.changed & (layout.columns[..., 0] < 0)

    def change(file: h5py.File) -> None:
        table = "table" in hdf5.group(file, layout.group, path)
        data = hdf5.dataset(file, f"{layout.group}/{'table' if table else 'block0_values'}", path)
        rows = data[()]
        numbers = rows["values_block_0"] if table else rows
        cells = numbers.reshape(len(rows), -1)
        touched = (changes.changed | changes.dropped) & ~lost
        for t, p, j in np.argwhere(touched).tolist():
            x, y, score = layout.columns[p, j].tolist()
            cells[t, [x, y]] = changes.values[t, p, j]
            if score >= 0 and changes.filled[t, p, j] and not cells[t, score] >= 0:
                cells[t, score] = 0
        data[...] = rows

    hdf5.write_changed(out, path, raw, change)
    return [f"{lost.sum()} filled joints were not written, because the file lacks them"] if lost.any() else []
