"""What a data set reader returns: the sequences of each split."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hanet.datasets.common.declaration import Declaration
from hanet.poses.names import clip_of
from hanet.poses.sequence import PoseSequence
from hanet.smpl.tracks import SmplTrack

Poses = PoseSequence | SmplTrack
"""A sequence, or SMPL with shape and translation, which are written to a side table."""


def _poses(poses: Poses) -> PoseSequence:
    return poses.poses if isinstance(poses, SmplTrack) else poses


@dataclass(frozen=True)
class Item:
    """One sequence of a split.

    Attributes:
        gt: its ground truth.
        others: other sequences of the same frames, by the name of their cache.
        compared: sequences that the leakage guard compares instead of the ground truth; may be empty.
    """

    gt: Poses
    others: Mapping[str, Poses] = field(default_factory=dict)
    compared: Sequence[PoseSequence] | None = None

    @property
    def poses(self) -> PoseSequence:
        """The ground truth's poses, without the shape and translation of an SMPL track."""
        return _poses(self.gt)


@dataclass(frozen=True)
class Content:
    """The contents of a data set.

    Attributes:
        splits: sequences of each split, read while they are written.
        estimators: names of caches of an estimator's poses, and that estimator.
        group: group of a sequence, which must stay in one split; see `hanet.datasets.common.leakage`.
        groups: what groups are called.
        people: groups are people: tracks name their person, and the guard compares bodies.
        declared: allowed leaks.
        notes: other entries of the report; filled while the splits are read.
        finish: writes further files next to the caches.
    """

    splits: Mapping[str, Iterable[Item]]
    estimators: frozenset[str] = frozenset()
    group: Callable[[str], str] = clip_of
    groups: str = "clips"
    people: bool = False
    declared: Sequence[Declaration] = ()
    notes: dict[str, Any] = field(default_factory=dict)
    finish: Callable[[Path], None] = lambda folder: None


def first_clips(items: Iterable[Item], limit: int | None) -> Iterator[Item]:
    """The items of the first `limit` clips; all where it is None."""
    seen: set[str] = set()
    for item in items:
        seen.add(clip_of(item.poses.name))
        if limit is not None and len(seen) > limit:
            return
        yield item
