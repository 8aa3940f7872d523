"""PoseTable: all poses of a cache as contiguous arrays, from which windows are gathered by index.

Axes: N rows (frames of all tracks, in the cache's order), J joints, C = J·D channels, S segments (runs of
consecutive frames of one track).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
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
        values: poses (N, C) in the metadata's unit and frame of reference; NaN where missing.
        sequence_code: index into `names` (N).
        track: the person's number in the sequence (N).
        frame: frame number (N).
        names: sequence names in order of first appearance.
        metadata: what the numbers mean.
        scores: detector confidence (N, J), NaN where missing; None where no row has any.
        labelled: True where a value is reliable (N, J); None where all are.
        boxes: person boxes (N, 4) as x1, y1, x2, y2 in pixels, NaN where missing; None where no row has one.
        image_size: width and height in pixels (N, 2), 0 where unknown; None where no row has one.
        people: id of a track's person, by `PoseSequence.key`; tracks of unknown people are left out.
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
    people: Mapping[tuple[str, int], str] = field(default_factory=dict)

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

        Scores or boxes that are all NaN, and labelled that is all True, become None.
        """
        part = self.segment(index)
        meta = self.metadata
        scores, boxes = (
            x if x is not None and not np.isnan(x).all() else None for x in (part.scores, part.boxes)
        )
        size = (0, 0) if part.image_size is None else (int(part.image_size[0, 0]), int(part.image_size[0, 1]))
        name, track, start = part.row(0)
        return PoseSequence(
            name=name,
            values=part.values.reshape(len(part), len(meta.skeleton), meta.dims),
            skeleton=meta.skeleton,
            representation=meta.representation,
            fps=meta.fps,
            unit=meta.unit,
            frame_of_reference=meta.frame_of_reference,
            track=track,
            start=start,
            scores=scores,
            labelled=None if part.labelled is None or part.labelled.all() else part.labelled,
            boxes=boxes,
            image_size=None if size == (0, 0) else size,
            person=self.people.get((name, track)),
        )

    def sequences(self) -> Iterator[PoseSequence]:
        """Every segment as a PoseSequence, in the table's order."""
        return (self.sequence(i) for i in range(self.num_segments))

    def arrays(self) -> dict[str, Any]:
        """The arrays with one entry per row, by name, without those that are None."""
        return {name: array for name in ROW_ARRAYS if (array := getattr(self, name)) is not None}

    def row(self, index: int) -> tuple[str, int, int]:
        """(sequence, track, frame) of one row."""
        return self.names[self.sequence_code[index]], int(self.track[index]), int(self.frame[index])


def concatenate(tables: Sequence[PoseTable]) -> PoseTable:
    """Concatenate tables of one cache; the last one's names must include all the others' codes."""
    arrays = [table.arrays() for table in tables]
    return replace(tables[-1], **{name: np.concatenate([a[name] for a in arrays]) for name in arrays[-1]})


def check_aligned(a: PoseTable, b: PoseTable) -> None:
    """Check that two tables, e.g. detected and ground truth, have the same frames in the same order.

    Aligned tables share window indices: ``windows.gather(batch, detected, gt)``.

    Raises:
        ValueError: names the first row that differs in (sequence, track, frame) or is missing from one table.
    """
    codes = {name: code for code, name in enumerate(a.names)}
    # One extra entry, so that a table without names can be looked up too.
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
