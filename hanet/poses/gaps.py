"""Missing frames: runs of known ones, interpolation, and pieces of a track."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float, Int

from hanet.poses.scale import known_joints
from hanet.poses.sequence import PoseSequence


def interpolate(
    values: Float[np.ndarray, "K C"], at: Int[np.ndarray, " K"], to: Int[np.ndarray, " T"]
) -> Float[np.ndarray, "T C"]:
    """Values at frames `to`, linear in time between the known ones, channel by channel.

    Args:
        values: values at frames `at`; NaN where unknown.
        at: rising frame numbers.
        to: frame numbers to give values for.

    Before a channel's first known value and after its last, that value holds. A channel without a known
    value is NaN throughout.
    """
    result = np.full((len(to), values.shape[1]), np.nan)
    for channel, column in enumerate(values.T):
        known = ~np.isnan(column)
        if known.any():
            result[:, channel] = np.interp(to, at[known], column[known])
    return result


def fill_gaps(sequence: PoseSequence, longest: int) -> PoseSequence:
    """NaN for at most `longest` frames, joint by joint, replaced by the line between its neighbours."""
    values = sequence.values.copy()
    T = len(values)
    there = known_joints(values)
    for joint in np.flatnonzero(~there.all(axis=0)):
        known = there[:, joint]
        rows = np.flatnonzero(known)
        lines = interpolate(values[known, joint], rows, np.arange(T))
        for gap in runs(~known):
            if gap.start > 0 and gap.stop < T and gap.stop - gap.start <= longest:
                values[gap, joint] = lines[gap]
    return replace(sequence, values=values)


def join(pieces: Sequence[PoseSequence], longest: int) -> list[PoseSequence]:
    """The pieces of one track in order of their frames, joined where at most `longest` frames lie between.

    Frames between joined pieces are NaN and not `labelled`; their scores are 0.

    Raises:
        ValueError: pieces of different tracks or kinds, or with frames in common.
    """
    ordered = sorted(pieces, key=lambda piece: piece.start)
    groups: list[list[PoseSequence]] = []
    for piece in ordered:
        last = groups[-1][-1] if groups else None
        apart = None if last is None else piece.start - last.start - len(last)
        if apart is not None and apart < 0:
            raise ValueError(f"{piece.name}, track {piece.track}: frame {piece.start} comes twice")
        if last is not None and apart is not None and apart <= longest and _alike(last, piece):
            groups[-1].append(piece)
        else:
            groups.append([piece])
    return [group[0] if len(group) == 1 else _joined(group) for group in groups]


def _alike(one: PoseSequence, other: PoseSequence) -> bool:
    same = ("key", "skeleton", "representation", "fps", "unit", "frame_of_reference", "image_size")
    optional = ("scores", "boxes")
    return all(getattr(one, name) == getattr(other, name) for name in same) and all(
        (getattr(one, name) is None) == (getattr(other, name) is None) for name in optional
    )


def _joined(pieces: Sequence[PoseSequence]) -> PoseSequence:
    first, last = pieces[0], pieces[-1]
    length = last.start + len(last) - first.start
    values = np.full((length, *first.values.shape[1:]), np.nan, dtype=first.values.dtype)
    labelled = np.zeros(values.shape[:2], dtype=bool)
    scores = None if first.scores is None else np.zeros(values.shape[:2], dtype=first.scores.dtype)
    boxes = None if first.boxes is None else np.full((length, 4), np.nan, dtype=first.boxes.dtype)
    for piece in pieces:
        rows = slice(piece.start - first.start, piece.start - first.start + len(piece))
        values[rows] = piece.values
        labelled[rows] = True if piece.labelled is None else piece.labelled
        if scores is not None and piece.scores is not None:
            scores[rows] = piece.scores
        if boxes is not None and piece.boxes is not None:
            boxes[rows] = piece.boxes
    return replace(first, values=values, labelled=labelled, scores=scores, boxes=boxes)


def runs(mask: Bool[np.ndarray, " T"]) -> list[slice]:
    """The rows of every run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return [slice(int(start), int(stop)) for start, stop in edges.reshape(-1, 2)]


def long_runs(mask: Bool[np.ndarray, " T"], shortest: int) -> Bool[np.ndarray, " T"]:
    """`mask` without its runs of True that are shorter than `shortest`."""
    kept = np.zeros_like(mask)
    for run in runs(mask):
        kept[run] = run.stop - run.start >= shortest
    return kept


def consecutive(numbers: Int[np.ndarray, " N"]) -> list[slice]:
    """The rows of every run of rising numbers without a gap: of 3, 4, 7 the rows 0 to 2 and 2 to 3."""
    starts = [0, *(np.flatnonzero(np.diff(numbers) != 1) + 1).tolist(), len(numbers)]
    return [slice(start, stop) for start, stop in pairwise(starts) if start < stop]
