"""What a data set reader gives: the sequences of each split."""

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
"""A sequence, or one of SMPL with shape and place, which go to a side table."""


def _poses(poses: Poses) -> PoseSequence:
    return poses.poses if isinstance(poses, SmplTrack) else poses


@dataclass(frozen=True)
class Item:
    """One sequence of a split.

    Attributes:
        gt: its ground truth.
        beside: what else there is of the same frames, by the name of its cache.
        compared: what the leakage guard compares instead of the ground truth; may be nothing.
    """

    gt: Poses
    beside: Mapping[str, Poses] = field(default_factory=dict)
    compared: Sequence[PoseSequence] | None = None

    @property
    def poses(self) -> PoseSequence:
        """The ground truth's poses, without what lies beside them in a track of SMPL."""
        return _poses(self.gt)


@dataclass(frozen=True)
class Content:
    """What a data set gives.

    Attributes:
        splits: sequences of each split, read while they are written.
        estimators: caches beside the ground truth that the estimator of that name made.
        group: group of a sequence, which must stay in one split; see `hanet.datasets.common.leakage`.
        groups: what groups are called.
        declared: leaks that are allowed.
        notes: what else goes into the report; filled while the splits are read.
        finish: writes files beside the caches.
    """

    splits: Mapping[str, Iterable[Item]]
    estimators: frozenset[str] = frozenset()
    group: Callable[[str], str] = clip_of
    groups: str = "clips"
    declared: Sequence[Declaration] = ()
    notes: dict[str, Any] = field(default_factory=dict)
    finish: Callable[[Path], None] = lambda folder: None


def first_clips(items: Iterable[Item], limit: int | None) -> Iterator[Item]:
    """The items of the first clips, as many as `limit` says; all where it says nothing."""
    seen: set[str] = set()
    for item in items:
        seen.add(clip_of(item.poses.name))
        if limit is not None and len(seen) > limit:
            return
        yield item
