"""Pose caches on disk: one Parquet file each, written whole or not at all, checked when opened.

The columns are described in `hanet.cache.columns`, the metadata in `hanet.cache.metadata`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hanet.cache.columns import METADATA_KEY, PARQUET_OPTIONS, arrow_schema, decode, encode, select_columns
from hanet.cache.metadata import GROUND_TRUTH, SCHEMA_VERSION, CacheMetadata
from hanet.cache.table import OPTIONAL, PoseTable, check_aligned, concatenate
from hanet.files.atomic import whole_file
from hanet.files.hashing import file_hash
from hanet.poses.sequence import PoseSequence, Representation
from hanet.poses.skeletons import Skeleton

__all__ = [
    "GROUND_TRUTH",
    "SCHEMA_VERSION",
    "CacheError",
    "CacheMetadata",
    "CacheWriter",
    "PoseCache",
    "PoseTable",
    "check_aligned",
]

ROW_GROUP = 65_536
_MAX_FRAME = 2**31 - 1
_REWRITE = "write it again by the stage it comes from"


class CacheError(ValueError):
    """A file that cannot serve as the pose cache asked for; says which, what was expected and what came."""


class CacheWriter:
    """Writes one pose cache, sequence by sequence, a row group at a time; a context manager.

    The file appears under its name only when the block ends without an error: until then rows go to a
    temporary name beside it. Poses are stored in single precision. The bytes depend only on the metadata
    and the rows, not on the time or on how a track's frames were cut into sequences.

    A track may come in several sequences: with gaps between their frames, or one straight after another,
    to be read as one.

    Args:
        path: where the cache shall be; missing folders are made, an older file is replaced.
        metadata: what all sequences have in common.
        row_group: frames a row group: what reading holds in memory at a time.
    """

    def __init__(self, path: str | Path, metadata: CacheMetadata, *, row_group: int = ROW_GROUP) -> None:
        self.path = Path(path)
        self.metadata = metadata
        self._row_group = row_group
        self._schema = arrow_schema(metadata)
        self._buffer: list[pa.Table] = []
        self._buffered = 0
        self._spans: dict[tuple[str, int], list[tuple[int, int]]] = {}
        self._last: tuple[tuple[str, int], int, tuple[int, int] | None] | None = None

    def __enter__(self) -> CacheWriter:
        with ExitStack() as stack:
            temporary = stack.enter_context(whole_file(self.path))
            self._parquet = stack.enter_context(pq.ParquetWriter(temporary, self._schema, **PARQUET_OPTIONS))
            stack.push(self._finish)
            self._open = stack.pop_all()
        return self

    def write(self, sequence: PoseSequence) -> None:
        """Add a sequence.

        Raises:
            ValueError: where it is empty, differs from the metadata (naming the field), has frames that
                its track already has, or follows on a part of its track that has another image size.
        """
        self._check(sequence)
        for start in range(0, len(sequence), self._row_group):
            rows = encode(sequence, slice(start, start + self._row_group), self._schema)
            self._buffer.append(rows)
            self._buffered += len(rows)
            if self._buffered >= self._row_group:
                self._flush(self._row_group)

    def _check(self, sequence: PoseSequence) -> None:
        self.metadata.check(sequence)
        start, stop = sequence.start, sequence.start + len(sequence)
        where = f"{sequence.name}, track {sequence.track}"
        if len(sequence) == 0:
            raise ValueError(f"{where}: expected at least one frame, got an empty sequence; leave it out")
        if start < 0 or stop - 1 > _MAX_FRAME:
            raise ValueError(f"{where}: frames must lie in 0..{_MAX_FRAME}, got {start}..{stop - 1}")
        if self._last and self._last[:2] == (sequence.key, start) and self._last[2] != sequence.image_size:
            raise ValueError(
                f"{where}: frame {start} follows on frames of image_size {self._last[2]}, so it must have "
                f"the same, got {sequence.image_size}"
            )
        spans = self._spans.setdefault(sequence.key, [])
        place = bisect_left(spans, (start, stop))
        for other_start, other_stop in spans[max(place - 1, 0) : place + 1]:
            if other_start < stop and start < other_stop:
                raise ValueError(
                    f"{where}: frames {start}..{stop - 1} repeat frames of {other_start}..{other_stop - 1}, "
                    "which were written before; write each frame of a track once"
                )
        spans.insert(place, (start, stop))
        self._last = (sequence.key, stop, sequence.image_size)

    def _flush(self, rows: int) -> None:
        """Write the first `rows` buffered rows as one row group."""
        table = pa.concat_tables(self._buffer)
        group, rest = table.slice(0, rows), table.slice(rows)
        names = group["sequence"].combine_chunks().dictionary_encode()
        group = group.set_column(0, "sequence", names).cast(self._schema)
        self._parquet.write_table(group, row_group_size=rows)
        self._buffer, self._buffered = [rest], len(rest)

    def _finish(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None and self._buffered:
            self._flush(self._buffered)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.__exit__(kind, error, trace)


def _parquet(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path)
    except FileNotFoundError as error:
        raise CacheError(
            f"{path}: expected a pose cache, got no such file; run the stage that writes it"
        ) from error
    except (pa.ArrowException, OSError) as error:
        raise CacheError(
            f"{path}: expected a whole Parquet file, got another ({error}); {_REWRITE}"
        ) from error


def _continues(before: PoseTable, after: PoseTable) -> bool:
    """Whether a table's first row is the frame that follows another's last row."""
    name, track, frame = before.row(-1)
    return after.row(0) == (name, track, frame + 1)


class _Filling:
    """An array that is filled from the top: in memory, or in an unnamed file that is mapped when full."""

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype, folder: str | Path | None) -> None:
        self.shape, self.dtype, self.filled = shape, dtype, 0
        # Mapping an empty file is an error, so an empty array stays in memory.
        self.file = None if folder is None or 0 in shape else TemporaryFile(dir=folder)  # noqa: SIM115
        self.array = np.empty(shape if self.file is None else 0, dtype)

    def append(self, part: np.ndarray) -> None:
        if self.file is None:
            self.array[self.filled : self.filled + len(part)] = part
            self.filled += len(part)
        else:
            # Written, not mapped: pages of a mapping would count as ours until the system wants them back.
            self.file.write(np.ascontiguousarray(part).data)

    def finish(self) -> np.ndarray:
        if self.file is None:
            return self.array
        with self.file:
            self.file.flush()
            return np.memmap(self.file, dtype=self.dtype, mode="c", shape=self.shape)


@dataclass(frozen=True)
class PoseCache:
    """A pose cache that was found to be in order when it was opened. It holds no open file.

    Attributes:
        path: the Parquet file.
        metadata: what its numbers mean.
        num_frames: rows, over all tracks.
    """

    path: Path
    metadata: CacheMetadata
    num_frames: int

    @classmethod
    def open(
        cls,
        path: str | Path,
        *,
        skeleton: Skeleton | None = None,
        representation: Representation | None = None,
    ) -> PoseCache:
        """Check a file's schema and metadata, and that it holds the skeleton and representation asked for.

        Raises:
            CacheError: naming the file, what was expected and what came.
        """
        path = Path(path)
        with _parquet(path) as parquet:
            schema, rows = parquet.schema_arrow, parquet.metadata.num_rows
        stored = (schema.metadata or {}).get(METADATA_KEY)
        if stored is None:
            raise CacheError(
                f"{path}: expected a pose cache, got a Parquet file without its metadata; {_REWRITE}"
            )
        try:
            metadata = CacheMetadata.from_json(stored.decode())
        except ValueError as error:
            raise CacheError(f"{path}: {error}; {_REWRITE}") from error
        for field in arrow_schema(metadata):
            index = schema.get_field_index(field.name)
            if index < 0 or not schema.field(index).equals(field):
                got = "no such column" if index < 0 else schema.field(index)
                raise CacheError(f"{path}: expected column {field}, got {got}; {_REWRITE}")
        if skeleton is not None and metadata.skeleton != skeleton:
            raise CacheError(
                f"{path}: expected poses on {skeleton.name} ({', '.join(skeleton.joints)}), got "
                f"{metadata.skeleton.name} ({', '.join(metadata.skeleton.joints)}); convert them by "
                "hanet.poses.skeletons.conversion or name another cache"
            )
        if representation is not None and metadata.representation != representation:
            raise CacheError(
                f"{path}: expected {representation} poses, got {metadata.representation}; name another cache"
            )
        return cls(path=path, metadata=metadata, num_frames=rows)

    def content_hash(self) -> str:
        """SHA-256 of the file's bytes, in hexadecimal."""
        return file_hash(self.path)

    def sequences(self) -> Iterator[PoseSequence]:
        """Every run of consecutive frames of a track, in the file's order.

        Streams: holds one row group and the run at hand. What says nothing comes back as None
        (see `PoseTable.sequence`).
        """
        pending: list[PoseTable] = []  # the run at hand, a part from each row group it spans
        for group in self._groups(OPTIONAL):
            for index in range(group.num_segments):
                part = group.segment(index)
                if pending and not _continues(pending[-1], part):
                    yield concatenate(pending).sequence(0)
                    pending = []
                pending.append(part)
        if pending:
            yield concatenate(pending).sequence(0)

    def read(self, *, columns: Collection[str] = OPTIONAL, mmap_dir: str | Path | None = None) -> PoseTable:
        """All rows as contiguous arrays.

        Filled row group by row group, so that peak memory is that of the arrays and one row group.

        Args:
            columns: which of ``scores``, ``labelled``, ``boxes``, ``image_size`` to read besides the poses.
            mmap_dir: where given, the arrays are `numpy.memmap` over unnamed files in this folder, and
                memory holds one row group and as many pages as the system finds room for. The disk space
                (the size of the arrays) is free again when the arrays are gone. Writing to the arrays
                changes memory only.

        Raises:
            CacheError: where the file's data is damaged.
            ValueError: where a column is none of those named above.
        """
        unknown = sorted(set(columns) - set(OPTIONAL))
        if unknown:
            raise ValueError(f"columns must be among {', '.join(OPTIONAL)}, got {', '.join(unknown)}")
        filling: dict[str, _Filling] = {}
        names: tuple[str, ...] = ()
        for group in self._groups(columns):
            names = group.names
            for name, part in group.arrays().items():
                if name not in filling:
                    filling[name] = _Filling((self.num_frames, *part.shape[1:]), part.dtype, mmap_dir)
                filling[name].append(part)
        arrays = {name: filled.finish() for name, filled in filling.items()}
        return PoseTable(**arrays, names=names, metadata=self.metadata)

    def _groups(self, columns: Collection[str]) -> Iterator[PoseTable]:
        """Row groups as tables, whose codes and growing names agree with each other; at least one, if empty.

        Of `columns` (attributes of PoseTable) those that are null throughout the file are not read.
        """
        with _parquet(self.path) as parquet:
            selected = select_columns(parquet.metadata, columns)
            stored = [column for behind in selected.values() for column in behind]
            codes: dict[str, int] = {}
            for indices in [[i] for i in range(parquet.num_row_groups)] or [[]]:
                try:
                    # One column holds nearly all bytes: threads would add memory, not speed.
                    group = parquet.read_row_groups(indices, columns=stored, use_threads=False)
                except (pa.ArrowException, OSError) as error:
                    raise CacheError(
                        f"{self.path}: row group {indices[0]} is damaged ({error}); {_REWRITE}"
                    ) from error
                yield decode(group, selected, codes, self.metadata)
