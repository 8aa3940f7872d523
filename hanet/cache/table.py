"""PoseTable: all poses of a cache as contiguous arrays, from which windows are gathered by index.

Axes: N rows (frames of all tracks, in the cache's order), J joints, C = J·D channels, S segments (runs of
consecutive frames of one track).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, Int32, Int64

from hanet.cache.metadata import CacheMetadata
from hanet.poses.segments import segment_offsets
from hanet.poses.sequence import PoseSequence

KEYS = ("sequence_code", "track", "frame")
OPTIONAL = ("scores", "labelled", "boxes", "image_size")
ROW_ARRAYS = ("values", *KEYS, *OPTIONAL)


@dataclass(frozen=True, eq=False)
class PoseTable:
    """The rows of a pose cache. ``torch.from_numpy`` takes every array without a copy.

    Attributes:
        values: poses (N, C) in the metadata's unit and frame of reference; NaN where there is none.
        sequence_code: index into `names` (N).
        track: the person's number in the sequence (N).
        frame: frame number (N).
        names: sequence names in order of first appearance.
        metadata: what the numbers mean.
        scores: detector confidence (N, J), NaN where there is none; None where no row has any.
        labelled: True where a value may be trusted (N, J); None where that is everywhere.
        boxes: person boxes (N, 4) as x1, y1, x2, y2 in pixels, NaN where there is none; None without any.
        image_size: width and height in pixels (N, 2), 0 where unknown; None without any.
    """

    values: Float32[np.ndarray, "N C"]
    sequence_code: Int32[np.ndarray, " N"]
    track: Int32[np.ndarray, " N"]
    frame: Int32[np.ndarray, " N"]
    names: tuple[str, ...]
    metadata: CacheMetadata
    scores: Float32[np.ndarray, "N J"] | None = None
    labelled: Bool[np.ndarray, "N J"] | None = None
    boxes: Float32[np.ndarray, "N 4"] | None = None
    image_size: Int32[np.ndarray, "N 2"] | None = None

    def __len__(self) -> int:
        return len(self.values)

    @cached_property
    def offsets(self) -> Int64[np.ndarray, " S1"]:
        """Row offsets (S+1) of the segments."""
        return segment_offsets(self.sequence_code, self.track, frame=self.frame)

    @property
    def num_segments(self) -> int:
        """S."""
        return len(self.offsets) - 1

    def segment(self, index: int) -> PoseTable:
        """The rows of one segment, as views."""
        if not 0 <= index < self.num_segments:
            raise IndexError(f"segment {index} of a table with {self.num_segments} segments")
        rows = slice(self.offsets[index], self.offsets[index + 1])
        return replace(self, **{name: array[rows] for name, array in self.arrays().items()})

    def sequence(self, index: int) -> PoseSequence:
        """One segment as a PoseSequence whose arrays are views of the table's.

        What says nothing comes back as None: scores or boxes that are all NaN, labelled that is all True.
        """
        part = self.segment(index)
        meta = self.metadata
        scores, boxes = (
            x if x is not None and not np.isnan(x).all() else None for x in (part.scores, part.boxes)
        )
        size = (0, 0) if part.image_size is None else (int(part.image_size[0, 0]), int(part.image_size[0, 1]))
        return PoseSequence(
            name=self.names[part.sequence_code[0]],
            values=part.values.reshape(len(part), len(meta.skeleton), meta.dims),
            skeleton=meta.skeleton,
            representation=meta.representation,
            fps=meta.fps,
            unit=meta.unit,
            frame_of_reference=meta.frame_of_reference,
            track=int(part.track[0]),
            start=int(part.frame[0]),
            scores=scores,
            labelled=None if part.labelled is None or part.labelled.all() else part.labelled,
            boxes=boxes,
            image_size=None if size == (0, 0) else size,
        )

    def sequences(self) -> Iterator[PoseSequence]:
        """Every segment as a PoseSequence, in the table's order."""
        return (self.sequence(i) for i in range(self.num_segments))

    def arrays(self) -> dict[str, Any]:
        """The arrays that have one entry a row, by name, without those that are None."""
        return {name: array for name in ROW_ARRAYS if (array := getattr(self, name)) is not None}

    def row(self, index: int) -> tuple[str, int, int]:
        """(sequence, track, frame) of one row."""
        return self.names[self.sequence_code[index]], int(self.track[index]), int(self.frame[index])


def concatenate(tables: Sequence[PoseTable]) -> PoseTable:
    """Tables of one cache, one below the other; the last one's names must hold all the others' codes."""
    arrays = [table.arrays() for table in tables]
    return replace(tables[-1], **{name: np.concatenate([a[name] for a in arrays]) for name in arrays[-1]})


def check_aligned(a: PoseTable, b: PoseTable) -> None:
    """Refuse two tables, e.g. detected and ground truth, whose rows are not the same frames in one order.

    Aligned tables share window indices: ``windows.gather(batch, detected, gt)``.

    Raises:
        ValueError: naming the first row that differs in (sequence, track, frame), or that only one has.
    """
    codes = {name: code for code, name in enumerate(a.names)}
    # One more entry, so that a table without names can be looked up too.
    translate = np.array([*(codes.get(name, -1) for name in b.names), -1], dtype=np.int32)
    n = min(len(a), len(b))
    differs = a.sequence_code[:n] != translate[b.sequence_code[:n]]
    differs |= (a.track[:n] != b.track[:n]) | (a.frame[:n] != b.frame[:n])
    if differs.any():
        row = int(differs.argmax())
    elif len(a) != len(b):
        row = n
    else:
        return
    first, second = (
        "sequence {!r}, track {}, frame {}".format(*t.row(row)) if row < len(t) else f"only {len(t)} rows"
        for t in (a, b)
    )
    raise ValueError(
        f"tables are not aligned at row {row}: {a.metadata.estimator} has {first}; "
        f"{b.metadata.estimator} has {second}; write both caches from the same list of sequences"
    )
