"""Side tables: shape, translation and size of the people in a cache of SMPL rotations."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from types import TracebackType

import numpy as np
import pyarrow as pa

from hanet.cache.files import CacheMetadata, CacheWriter, PoseCache
from hanet.files.parquet import open_parquet, parquet_writer, verify_pages, whole_table
from hanet.poses.sequence import PoseSequence
from hanet.smpl.tracks import SmplTrack

_NUMBER = pa.field("element", pa.float32(), nullable=False)


_SCHEMA = pa.schema(
    [
        pa.field("sequence", pa.string(), nullable=False),
        pa.field("track", pa.int32(), nullable=False),
        pa.field("frame", pa.int32(), nullable=False),
        pa.field("betas", pa.list_(_NUMBER, 10), nullable=False),
        # NaN where unknown: see hanet.cache.columns on null lists of fixed size.
        pa.field("transl", pa.list_(_NUMBER, 3), nullable=False),
        pa.field("scaling", pa.float64(), nullable=False),
    ],
    metadata={b"hanet.smpl_side_table": b"1"},
)


def side_path(cache: str | Path) -> Path:
    """The path of a cache's side table: in the same folder, with the suffix `.side`."""
    return Path(cache).with_suffix(".side")


class SideWriter:
    """Context manager that writes shape, translation and size of tracks, one row per frame.

    The file appears under its name only when the block ends without an error.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._seen: set[tuple[str, int, int]] = set()

    def __enter__(self) -> SideWriter:
        with ExitStack() as stack:
            self._parquet = stack.enter_context(parquet_writer(self.path, _SCHEMA, compression="zstd"))
            self._open = stack.pop_all()
        return self

    def write(self, track: SmplTrack) -> None:
        """Add a track, or a part of one; raises ValueError for repeated frames."""
        where = (*track.poses.key, track.poses.start)
        if where in self._seen:
            raise ValueError(
                f"{track.poses.name}, track {track.poses.track}, from frame {track.poses.start}: given "
                "twice; give it once"
            )
        self._seen.add(where)
        self._parquet.write_table(_rows(track))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.__exit__(kind, error, trace)


def write_side_table(path: str | Path, tracks: Iterable[SmplTrack]) -> None:
    """A `SideWriter`'s file of these tracks."""
    with SideWriter(path) as writer:
        for track in tracks:
            writer.write(track)


def write_tracks(path: str | Path, metadata: CacheMetadata, tracks: Iterable[SmplTrack]) -> None:
    """A cache of the tracks' rotations, and its side table."""
    with CacheWriter(path, metadata) as poses, SideWriter(side_path(path)) as side:
        for track in tracks:
            poses.write(track.poses)
            side.write(track)


def read_tracks(cache: PoseCache) -> Iterator[SmplTrack]:
    """Every sequence of a cache with its side table's values; streams like `PoseCache.sequences`.

    Raises:
        ValueError: a cache of other poses, or one without its side table.
    """
    side = SideTable(side_path(cache.path))
    return map(side.attach, cache.sequences())


def _rows(track: SmplTrack) -> pa.Table:
    T = len(track)
    transl = np.full((T, 3), np.nan) if track.transl is None else track.transl

    def fixed(name: str, values: np.ndarray) -> pa.Array:
        return pa.FixedSizeListArray.from_arrays(
            pa.array(values.astype(np.float32).reshape(-1)), type=_SCHEMA.field(name).type
        )

    columns = [
        pa.repeat(track.poses.name, T),
        pa.array(np.full(T, track.poses.track, np.int32)),
        pa.array(track.poses.frames.astype(np.int32)),
        fixed("betas", track.betas),
        fixed("transl", transl),
        pa.array(np.full(T, track.scaling)),
    ]
    return pa.Table.from_arrays(columns, schema=_SCHEMA)


def _kinds(schema: pa.Schema) -> list[tuple[object, ...]]:
    """Names and types of columns; the first tables' lists could hold nulls."""
    return [
        (field.name, field.type.list_size, field.type.value_type)
        if pa.types.is_fixed_size_list(field.type)
        else (field.name, field.type)
        for field in schema
    ]


class SideTable:
    """Shape, translation and size of the tracks of a cache, in memory (60 bytes per frame).

    Args:
        path: a file of `write_side_table`.

    Raises:
        ValueError: no such file or another one.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        try:
            with open_parquet(self._path) as file:
                verify_pages(self._path)
                table = whole_table(file.read(use_threads=False))
        except (pa.ArrowException, OSError, ValueError) as error:
            raise ValueError(f"{path}: cannot be read as a side table of SMPL tracks ({error})") from error
        if table.schema.metadata != _SCHEMA.metadata or _kinds(table.schema) != _kinds(_SCHEMA):
            raise ValueError(
                f"{path}: expected a side table of SMPL tracks, got columns {table.column_names}"
            )
        try:
            self._take(table)
        except (pa.ArrowException, ValueError, LookupError, TypeError) as error:
            raise ValueError(f"{path}: a side table with damaged values ({error}); write it again") from error

    def _take(self, table: pa.Table) -> None:
        """Keep the columns as arrays, and where each track's rows are."""
        columns = {name: table[name].combine_chunks() for name in table.column_names}
        self._betas = columns["betas"].flatten().to_numpy().reshape(len(table), 10)
        self._transl = columns["transl"].flatten().to_numpy().reshape(len(table), 3)
        self._frame, self._scaling = columns["frame"].to_numpy(), columns["scaling"].to_numpy()
        names = columns["sequence"].dictionary_encode()
        code, track = names.indices.to_numpy(), columns["track"].to_numpy()
        change = (np.diff(code) != 0) | (np.diff(track) != 0) | (np.diff(self._frame) != 1)
        bounds = [0, *(np.flatnonzero(change) + 1).tolist(), len(table)] if len(table) else [0]
        self._spans: dict[tuple[str, int], list[tuple[int, int]]] = {}
        for a, b in pairwise(bounds):
            key = (names.dictionary[int(code[a])].as_py(), int(track[a]))
            self._spans.setdefault(key, []).append((a, b))

    def attach(self, poses: PoseSequence) -> SmplTrack:
        """Combine rotations, e.g. from the cache or refined, with their track's shape, translation and size.

        Raises:
            ValueError: the table lacks the track or some of its frames.
        """
        rows = slice(0, 0)
        for start, stop in self._spans.get(poses.key, ()):
            first = start + poses.start - int(self._frame[start])
            if start <= first and first + len(poses) <= stop:
                rows = slice(first, first + len(poses))
        if rows.start == rows.stop:
            raise ValueError(
                f"{self._path}: frames {poses.start}..{poses.start + len(poses) - 1} of {poses.name}, track "
                f"{poses.track} are not in it; write it together with the cache"
            )
        transl = self._transl[rows]
        return SmplTrack(
            poses,
            self._betas[rows],
            None if np.isnan(transl).all() else transl,
            float(self._scaling[rows.start]),
        )


def copy_cache(source: Path, target: Path) -> None:
    """Copy a cache to another name, with its side table if it has one."""
    shutil.copyfile(source, target)
    copy_side(source, target)


def copy_side(source: Path, target: Path) -> None:
    """Copy a cache's side table, if it has one, for another cache of the same frames."""
    if side_path(source).is_file():
        shutil.copyfile(side_path(source), side_path(target))
