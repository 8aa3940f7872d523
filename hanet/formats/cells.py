"""Tables of text as pose files: cells are read as numbers, and only changed cells are rewritten.

TRC, CSV and DeepLabCut's CSV are such tables. Axes: T frames, J joints, D coordinates.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from hanet.files.atomic import write_bytes
from hanet.formats.base import UNKNOWN_FPS, FormatError, PoseFile, ReadOptions, Update
from hanet.formats.documents import MAX_BYTES
from hanet.formats.linking import MAX_JOINTS
from hanet.formats.missing import missing
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import Skeleton

_BOM = b"\xef\xbb\xbf"
METRES = {"m": 1.0, "mm": 1e-3, "cm": 1e-2}
"""Metres in a unit of length."""
_GONE = ("nan", "na", "n/a", "#n/a", "none", "null")
"""What pandas, R and spreadsheet programs write for a number that is missing, in lower case."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""First characters by which spreadsheet programs take a cell for a formula."""


def guarded(name: str) -> str:
    """Return a name with an apostrophe before it where a spreadsheet program would run it as a formula."""
    return f"'{name}" if name.lstrip("'").startswith(_FORMULA) else name


def unguarded(cell: str) -> str:
    """Return the name that `guarded` wrote."""
    return cell[1:] if cell.startswith("'") and cell.lstrip("'").startswith(_FORMULA) else cell


@dataclass(frozen=True)
class Table:
    """A text file as rows of cells.

    Attributes:
        path: the file.
        raw: its bytes.
        rows: cells as text.
        delimiter: between cells.
    """

    path: Path
    raw: bytes
    rows: list[list[str]]
    delimiter: str

    @classmethod
    def open(cls, path: Path, delimiter: str | None = None) -> Table:
        """Read a table; without a delimiter, the one of comma, semicolon and tab that line 1 has most of.

        Raises:
            FileNotFoundError: no such file.
            FormatError: too large, or not text in UTF-8.
        """
        if not path.is_file():
            raise FileNotFoundError(f"{path}: no such file; check the path")
        if (size := path.stat().st_size) > MAX_BYTES:
            raise FormatError(f"{path}: {size >> 20} MiB, expected at most {MAX_BYTES >> 20}; split the file")
        raw = path.read_bytes()
        try:
            text = raw.removeprefix(_BOM).decode()
        except UnicodeDecodeError as error:
            raise FormatError(f"{path}: not text in UTF-8 ({error}); save it as UTF-8") from error
        first = text.partition("\n")[0]
        delimiter = delimiter or max(",;\t", key=first.count)
        if delimiter == "\t":
            lines = text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n").split("\n")
            rows = [line.split("\t") for line in lines]
        else:
            rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
        return cls(path, raw, rows, delimiter)

    def dump(self, rows: Sequence[Sequence[str]]) -> bytes:
        """The rows with the mark, line ends and last line of the source."""
        end = "\r\n" if b"\r\n" in self.raw[: 1 << 16] else "\n"
        if self.delimiter == "\t":
            text = end.join("\t".join(row) for row in rows)
        else:
            buffer = io.StringIO(newline="")
            csv.writer(buffer, delimiter=self.delimiter, lineterminator=end).writerows(rows)
            text = buffer.getvalue().removesuffix(end)
        last = end if self.raw.endswith((b"\n", b"\r")) else ""
        return (_BOM if self.raw.startswith(_BOM) else b"") + (text + last).encode()

    def number(self, row: int, column: int) -> float:
        """A cell as a number; empty ones and those beyond the row's end are NaN.

        Raises:
            FormatError: another text.
        """
        cells = self.rows[row]
        text = cells[column].strip() if 0 <= column < len(cells) else ""
        if not text or text.lower() in _GONE:
            return np.nan
        try:
            return float(text)
        except ValueError:
            raise FormatError(
                f"{self.path}, line {row + 1}, column {column + 1}: expected a number, got {text[:40]!r}"
            ) from None


@dataclass(frozen=True, eq=False)
class CellTrack:
    """Where a track's numbers are in the table; −1 where there is no cell.

    Attributes:
        name, number, start: of the sequence.
        rows: (T, J) rows.
        columns: (J, D) columns.
        scores: (J,) columns of the scores, or None.
    """

    name: str
    number: int
    start: int
    rows: Int[np.ndarray, "T J"]
    columns: Int[np.ndarray, "J D"]
    scores: Int[np.ndarray, " J"] | None = None


def pose_file(
    format: str,
    table: Table,
    cells: Sequence[CellTrack],
    skeleton: Skeleton,
    options: ReadOptions,
    *,
    fps: float | None,
    unit: str,
    empty: str,
    notes: Sequence[str] = (),
) -> PoseFile:
    """Read the tracks whose cells are known.

    Args:
        format: key in `hanet.formats.FORMATS`.
        table: the file.
        cells: where the numbers are.
        skeleton: the joints.
        options: for missing joints, image size and rate.
        fps: as the file says, or None.
        unit: ``px``, or a key of `METRES`.
        empty: text of a cell without number.
        notes: what was assumed.

    Raises:
        FormatError: a cell that is not a number, or more joints than can be held.
        ValueError: another rate than the file's.
    """
    if fps is not None and options.fps is not None and abs(fps / options.fps - 1) > 1e-3:
        raise ValueError(f"{table.path}: the file says {fps:g} fps, got {options.fps:g}; leave out --fps")
    rate = fps if fps is not None else options.fps
    if sum(track.rows.size for track in cells) > MAX_JOINTS:
        raise FormatError(f"{table.path}: more than {MAX_JOINTS} joints over all frames; split the file")
    tracks = tuple(_sequence(table, track, skeleton, rate or UNKNOWN_FPS, unit, options) for track in cells)

    def save(out: Path, updates: Sequence[Update]) -> list[str]:
        return _save(table, cells, unit, empty, out, updates)

    return PoseFile(
        format=format,
        path=table.path,
        tracks=tracks,
        fps=rate or UNKNOWN_FPS,
        fps_known=rate is not None,
        skeleton=skeleton,
        unit=unit,
        save=save,
        notes=tuple(notes),
    )


def _sequence(
    table: Table, cells: CellTrack, skeleton: Skeleton, fps: float, unit: str, options: ReadOptions
) -> PoseSequence:
    T, J = cells.rows.shape
    values = np.full((T, J, cells.columns.shape[1]), np.nan)
    scores = None if cells.scores is None else np.zeros((T, J))
    for t, j in np.argwhere(cells.rows >= 0).tolist():
        row = int(cells.rows[t, j])
        values[t, j] = [table.number(row, column) for column in cells.columns[j].tolist()]
        if scores is not None and cells.scores is not None and cells.scores[j] >= 0:
            scores[t, j] = table.number(row, int(cells.scores[j]))
    if scores is not None and not np.isfinite(scores[cells.rows >= 0]).any():
        scores = None  # a column without any score, as of ground truth
    gone = missing(values, scores)
    if scores is not None:
        scores = np.where(np.isfinite(scores), scores, 0.0)
        if options.min_score is not None:
            gone |= scores < options.min_score
    values = np.where(gone[..., None], np.nan, values * METRES.get(unit, 1.0))
    sequence = _make(cells, values, skeleton, fps, options)
    return replace(sequence, scores=scores, labelled=~gone)


def _make(
    cells: CellTrack, values: Float[np.ndarray, "T J D"], skeleton: Skeleton, fps: float, options: ReadOptions
) -> PoseSequence:
    if values.shape[2] == 2:
        return PoseSequence.keypoints(
            cells.name,
            values,
            skeleton,
            fps=fps,
            track=cells.number,
            start=cells.start,
            image_size=options.image_size,
        )
    return PoseSequence.joints(
        cells.name,
        values,
        skeleton,
        fps=fps,
        track=cells.number,
        start=cells.start,
        frame_of_reference="world",
    )


def _save(
    table: Table, cells: Sequence[CellTrack], unit: str, empty: str, out: Path, updates: Sequence[Update]
) -> list[str]:
    rows = [list(row) for row in table.rows]
    lost = 0
    for track, update in zip(cells, updates, strict=True):
        values = update.values / METRES.get(unit, 1.0)
        for t, j in np.argwhere(update.touched).tolist():
            row = int(track.rows[t, j])
            if row < 0:
                lost += 1
                continue
            line = rows[row]
            for column, value in zip(track.columns[j].tolist(), values[t, j].tolist(), strict=True):
                line += [""] * (column + 1 - len(line))
                line[column] = empty if update.dropped[t, j] else _text(value)
            if track.scores is not None and update.filled[t, j] and (at := int(track.scores[j])) >= 0:
                line += [""] * (at + 1 - len(line))
                line[at] = line[at] if line[at].strip() and table.number(row, at) >= 0 else "0"
    write_bytes(out, table.dump(rows))
    return [f"{lost} filled joints were not written, because the file has no rows for them"] if lost else []


def _text(value: float) -> str:
    """The shortest decimal without the rounding errors of a change of units."""
    return repr(float(f"{value:.10g}"))
