"""What a simulated detector did to each frame, beside a cache of detected poses: sealed Parquet, a row per
frame.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
from jaxtyping import Int

from hanet.files.parquet import parquet_writer, read_parquet
from hanet.poses.frame_kinds import FRAME_KINDS
from hanet.poses.sequence import PoseSequence

COLUMNS = ("sequence", "track", "frame", "kind")
_SCHEMA = pa.schema(
    [("sequence", pa.string()), ("track", pa.int32()), ("frame", pa.int32()), ("kind", pa.string())]
)


def write_kinds(path: Path, kinds: Iterable[tuple[PoseSequence, Int[np.ndarray, " _"]]]) -> None:
    """Write the kind of every frame of some sequences, from its number in `FRAME_KINDS`, as a whole file."""
    with parquet_writer(path, _SCHEMA, compression="zstd") as writer:
        for sequence, numbers in kinds:
            columns = [
                pa.repeat(sequence.name, len(sequence)),
                pa.array(np.full(len(sequence), sequence.track, dtype=np.int32)),
                pa.array(sequence.frames.astype(np.int32)),
                pa.array(np.array(FRAME_KINDS)[numbers].tolist(), pa.string()),
            ]
            writer.write_table(pa.table(columns, schema=_SCHEMA))


def read_kinds(path: Path) -> dict[tuple[str, int], tuple[Int[np.ndarray, " N"], Int[np.ndarray, " N"]]]:
    """Frame numbers, ascending, and the kind of each as its number in `FRAME_KINDS`, by sequence and track.

    Raises:
        FileNotFoundError: no such file.
        ValueError: the file is damaged, lacks a column or has an unknown kind.
    """
    table = read_parquet(path, remedy="run stage estimate again")
    if missing := [name for name in COLUMNS if name not in table.column_names]:
        raise ValueError(f"{path} has no column {', '.join(missing)}; run stage estimate again")
    if any(table[name].null_count for name in COLUMNS):
        raise ValueError(f"{path}: rows without a value; run stage estimate again")
    columns = table.to_pydict()
    if unknown := sorted(set(map(str, columns["kind"])) - set(FRAME_KINDS)):
        raise ValueError(f"{path}: unknown kinds {', '.join(unknown[:3])}; known: {', '.join(FRAME_KINDS)}")
    number = {kind: i for i, kind in enumerate(FRAME_KINDS)}
    found: dict[tuple[str, int], list[tuple[int, int]]] = {}
    for sequence, track, frame, kind in zip(*(columns[name] for name in COLUMNS), strict=True):
        found.setdefault((sequence, track), []).append((frame, number[kind]))
    ordered = {key: np.array(sorted(rows)) for key, rows in found.items()}
    return {key: (rows[:, 0], rows[:, 1]) for key, rows in ordered.items()}
