"""Pose caches on disk: one Parquet file each, written atomically, checked when opened.

The columns are described in `hanet.cache.columns`, the metadata in `hanet.cache.metadata`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from pathlib import Path
from types import TracebackType

import pyarrow as pa
import pyarrow.parquet as pq

from hanet.cache.columns import (
    METADATA_KEY,
    PARQUET_OPTIONS,
    PEOPLE_KEY,
    arrow_schema,
    decode,
    encode,
    people_from_json,
    people_to_json,
    select_columns,
)
from hanet.cache.filling import Filling, says
from hanet.cache.metadata import GROUND_TRUTH, SCHEMA_VERSION, CacheMetadata
from hanet.cache.order import RowOrder
from hanet.cache.table import OPTIONAL, PoseTable, check_aligned, concatenate
from hanet.files.hashing import file_hash
from hanet.files.parquet import DamagedFileError, is_sealed, open_parquet, parquet_writer, verify_pages
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
_REWRITE = (
    "write it again by the stage it comes from, in the pipeline with dvc repro --force --single-item STAGE"
)


class CacheError(ValueError):
    """A file that is not the pose cache expected; the message gives the file, expected and got."""


class CacheWriter:
    """Context manager that writes one pose cache, sequence by sequence, one row group at a time.

    The file appears under its name only when the block ends without an error: until then rows go to a
    temporary file in the same folder. Poses are stored in single precision. The bytes depend only on the
    metadata and the rows, not on the time or on how a track's frames were cut into sequences.

    A track may be written as several sequences, with or without gaps between their frames; consecutive ones
    are read as one.

    Args:
        path: the file to write; missing folders are created, an existing file is replaced.
        metadata: common to all sequences.
        row_group: frames per row group; a reader holds one row group in memory.
    """

    def __init__(self, path: str | Path, metadata: CacheMetadata, *, row_group: int = ROW_GROUP) -> None:
        self.path = Path(path)
        self.metadata = metadata
        self._row_group = row_group
        self._schema = arrow_schema(metadata)
        self._buffer: list[pa.Table] = []
        self._buffered = 0
        self._spans: dict[tuple[str, int], list[tuple[int, int]]] = {}
        self._people: dict[tuple[str, int], str] = {}
        self._last: tuple[tuple[str, int], int, tuple[int, int] | None] | None = None

    def __enter__(self) -> CacheWriter:
        with ExitStack() as stack:
            self._parquet = stack.enter_context(parquet_writer(self.path, self._schema, **PARQUET_OPTIONS))
            stack.push(self._finish)
            self._open = stack.pop_all()
        return self

    def write(self, sequence: PoseSequence) -> None:
        """Add a sequence.

        Raises:
            ValueError: the sequence is empty, differs from the metadata (the message names the field),
                repeats frames of its track, continues a part of its track that has another image size, or
                is of another person than a part of its track.
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
                    "which are already written; write each frame of a track once"
                )
        end = spans[-1][1] if spans else -1
        follows = self._last is not None and self._last[:2] == (sequence.key, start)
        if start < end or (start == end and not follows):
            raise ValueError(
                f"{where}: frames {start}..{stop - 1} come late, the last part ended before {end}; "
                "write its parts in order, and parts without a gap one straight after the other"
            )
        if sequence.person is not None:
            known = self._people.setdefault(sequence.key, sequence.person)
            if known != sequence.person:
                raise ValueError(f"{where}: a track is one person's, got {known} and {sequence.person}")
        spans.append((start, stop))
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
        if kind is None and self._people:
            self._parquet.add_key_value_metadata({PEOPLE_KEY: people_to_json(self._people)})

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.__exit__(kind, error, trace)


def _parquet(path: Path) -> pq.ParquetFile:
    try:
        parquet = open_parquet(path)
        str(parquet.schema_arrow)  # decodes names, which may not be text
        return parquet
    except FileNotFoundError as error:
        raise CacheError(
            f"{path}: expected a pose cache, got no such file; run the stage that writes it"
        ) from error
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise CacheError(
            f"{path}: expected a whole Parquet file, got another ({error}); {_REWRITE}"
        ) from error


def _continues(before: PoseTable, after: PoseTable) -> bool:
    """True where a table's first row is the frame after another table's last row."""
    name, track, frame = before.row(-1)
    return after.row(0) == (name, track, frame + 1)


@dataclass(frozen=True)
class PoseCache:
    """A pose cache, checked when it was opened. It holds no open file.

    Attributes:
        path: the Parquet file.
        metadata: what its numbers mean.
        num_frames: rows, over all tracks.
        people: who a track is, by `PoseSequence.key`; empty where nobody says, as in older files.
    """

    path: Path
    metadata: CacheMetadata
    num_frames: int
    people: Mapping[tuple[str, int], str] = dataclass_field(default_factory=dict)

    @classmethod
    def open(
        cls,
        path: str | Path,
        *,
        skeleton: Skeleton | None = None,
        representation: Representation | None = None,
    ) -> PoseCache:
        """Check a file's schema and metadata, and that it has the requested skeleton and representation.

        Raises:
            CacheError: naming the file, what was expected and what came.
        """
        path = Path(path)
        with _parquet(path) as parquet:
            schema, rows = parquet.schema_arrow, parquet.metadata.num_rows
            known = (parquet.metadata.metadata or {}).get(PEOPLE_KEY)
        stored = (schema.metadata or {}).get(METADATA_KEY)
        if stored is None:
            raise CacheError(
                f"{path}: expected a pose cache, got a Parquet file without its metadata; {_REWRITE}"
            )
        try:
            metadata = CacheMetadata.from_json(stored.decode())
            people = {} if known is None else people_from_json(known.decode())
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
        return cls(path=path, metadata=metadata, num_frames=rows, people=people)

    def content_hash(self) -> str:
        """SHA-256 of the file's bytes, in hexadecimal."""
        return file_hash(self.path)

    def sequences(self) -> Iterator[PoseSequence]:
        """Every run of consecutive frames of a track, in the file's order.

        Streams: memory holds one row group and the current run. Arrays without information become None (see
        `PoseTable.sequence`).
        """
        pending: list[PoseTable] = []  # the current run, one part per row group
        for group in self._groups(OPTIONAL):
            for index in range(group.num_segments):
                part = group.segment(index)
                if pending and not _continues(pending[-1], part):
                    run, pending = concatenate(pending), []
                    yield run.sequence(0)
                pending.append(part)
        if pending:
            run, pending = concatenate(pending), []
            yield run.sequence(0)

    def read(self, *, columns: Collection[str] = OPTIONAL, mmap_dir: str | Path | None = None) -> PoseTable:
        """All rows as contiguous arrays.

        Filled row group by row group, so peak memory is the arrays plus one row group.

        Args:
            columns: which of ``scores``, ``labelled``, ``boxes``, ``image_size`` to read besides the poses.
            mmap_dir: where given, the arrays are `numpy.memmap` over unnamed files in this folder; memory
                holds one row group and the pages that the system caches. The disk space is freed when the
                arrays are garbage-collected. Writing to the arrays changes memory only.

        Raises:
            CacheError: the file's data is damaged. ValueError: an unknown column.
        """
        unknown = sorted(set(columns) - set(OPTIONAL))
        if unknown:
            raise ValueError(f"columns must be among {', '.join(OPTIONAL)}, got {', '.join(unknown)}")
        filling: dict[str, Filling] = {}
        names: tuple[str, ...] = ()
        rows = 0
        for group in self._groups(columns):
            names, rows = group.names, rows + len(group)
            if rows > self.num_frames:
                break
            for name, part in group.arrays().items():
                if name not in filling:
                    filling[name] = Filling((self.num_frames, *part.shape[1:]), part.dtype, mmap_dir)
                filling[name].append(part)
        if rows != self.num_frames:
            raise CacheError(f"{self.path}: expected {self.num_frames} rows, got {rows} or more; {_REWRITE}")
        arrays = {name: filled.finish() for name, filled in filling.items()}
        if not is_sealed(self.path):  # null counts, by which arrays are left out, are known of sealed files
            arrays = {
                name: array for name, array in arrays.items() if name not in OPTIONAL or says(name, array)
            }
        return PoseTable(**arrays, names=names, metadata=self.metadata, people=self.people)

    def _groups(self, columns: Collection[str]) -> Iterator[PoseTable]:
        """Row groups as tables with shared codes and names; at least one table, empty for an empty file.
        Optional `columns` (attributes of PoseTable) that are null throughout the file are not read.
        """
        with _parquet(self.path) as parquet:
            selected = select_columns(parquet.metadata if is_sealed(self.path) else None, columns)
            stored = [column for behind in selected.values() for column in behind]
            codes: dict[str, int] = {}
            order = RowOrder()
            try:
                verify_pages(self.path)
            except DamagedFileError as error:
                raise CacheError(f"{self.path}: the file is {error}; {_REWRITE}") from error
            for indices in [[i] for i in range(parquet.num_row_groups)] or [[]]:
                try:
                    # One column holds nearly all bytes: threads would use more memory without reading faster.
                    group = parquet.read_row_groups(indices, columns=stored, use_threads=False)
                except (pa.ArrowException, OSError) as error:
                    raise CacheError(
                        f"{self.path}: row group {indices[0]} is damaged ({error}); {_REWRITE}"
                    ) from error
                yield self._decoded(group, selected, codes, order)

    def _decoded(
        self, group: pa.Table, selected: dict[str, tuple[str, ...]], codes: dict[str, int], order: RowOrder
    ) -> PoseTable:
        try:
            table = decode(group, selected, codes, self.metadata, self.people)
            order.check(table)
        except (pa.ArrowException, IndexError) as error:
            raise CacheError(f"{self.path}: its columns are damaged ({error}); {_REWRITE}") from error
        except ValueError as error:
            raise CacheError(f"{self.path}: {error}; sort its rows by sequence, track and frame") from error
        return table
