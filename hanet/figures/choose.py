"""Which sequence and which frames a figure shows, by rules that choose no flattering ones."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import TypeVar

import numpy as np

from hanet.cache.files import PoseCache
from hanet.figures.charts.errors import Span
from hanet.poses.sequence import PoseSequence

K = TypeVar("K", bound=Hashable)
_NAMED = 5


def median_key(means: Mapping[K, float]) -> K:
    """The key whose mean error is the median (the lower of two); the first of those with equal errors.

    Raises:
        ValueError: where no mean is known.
    """
    ranked = sorted(((mean, i, key) for i, (key, mean) in enumerate(means.items()) if np.isfinite(mean)))
    if not ranked:
        raise ValueError(f"none of {len(means)} sequences has an error: their truth is unknown throughout")
    return ranked[(len(ranked) - 1) // 2][2]


def find_sequence(
    cache: PoseCache, name: str, *, track: int | None = None, start: int | None = None
) -> PoseSequence:
    """The first run of consecutive frames of that name, and of that track and first frame where given.

    Raises:
        ValueError: where there is none; it lists some that there are.
    """
    others: dict[str, None] = {}
    for sequence in cache.sequences():
        if sequence.name == name and track in (None, sequence.track) and start in (None, sequence.start):
            return sequence
        others[f"{sequence.name} (track {sequence.track})"] = None
    wanted = name + (f", track {track}" if track is not None else "")
    wanted += f", from frame {start}" if start is not None else ""
    some = ", ".join(list(others)[:_NAMED]) + (", …" if len(others) > _NAMED else "")
    raise ValueError(f"{cache.path}: no sequence {wanted}; it has {len(others)}: {some}")


def all_tracks(cache: PoseCache, name: str) -> list[PoseSequence]:
    """Every run of frames of every person of a sequence.

    Raises:
        ValueError: where there is none; it lists some that there are.
    """
    return [s for s in cache.sequences() if s.name == name] or [find_sequence(cache, name)]


def spread_rows(span: Span, count: int) -> list[int]:
    """Up to `count` rows at the middles of equal parts of a span."""
    length = span.stop - span.start
    count = min(count, length)
    return [int(span.start + (2 * i + 1) * length / (2 * count)) for i in range(count)]


def rows_around(row: int, frames: int, *, length: int) -> range:
    """Up to `frames` rows of a sequence of that `length`, with `row` in the middle where the ends allow."""
    frames = min(max(frames, 1), length)
    start = min(max(row - frames // 2, 0), length - frames)
    return range(start, start + frames)


def by_method(paths: Iterable[str]) -> dict[str, str]:
    """``METHOD=FILE`` entries as a mapping, in their order.

    Raises:
        ValueError: where one has another form, or a method comes twice.
    """
    found: dict[str, str] = {}
    for entry in paths:
        method, equals, path = entry.partition("=")
        if not (method and equals and path):
            raise ValueError(f"expected METHOD=FILE, e.g. hanet=poses.parquet, got {entry!r}")
        if method in found:
            raise ValueError(f"method {method} is given twice: {found[method]} and {path}")
        found[method] = path
    return found
