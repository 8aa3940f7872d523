"""Choose the sequence and frames of a figure, by rules that favour no method."""

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
    """The key with the median mean error (the lower of two); the first of several with equal errors.

    Raises:
        ValueError: all means are NaN.
    """
    ranked = sorted(((mean, i, key) for i, (key, mean) in enumerate(means.items()) if np.isfinite(mean)))
    if not ranked:
        raise ValueError(f"none of {len(means)} sequences has an error: no ground truth is known")
    return ranked[(len(ranked) - 1) // 2][2]


def find_sequence(
    cache: PoseCache, name: str, *, track: int | None = None, start: int | None = None
) -> PoseSequence:
    """Find the first run of consecutive frames with this name, and this track and first frame if given.

    Raises:
        ValueError: no such sequence; the message lists some of the cache.
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
    """Read all runs of frames of all people in a sequence.

    Raises:
        ValueError: no such sequence; the message lists some of the cache.
    """
    return [s for s in cache.sequences() if s.name == name] or [find_sequence(cache, name)]


def spread_rows(span: Span, count: int) -> list[int]:
    """Choose up to `count` rows, at the middles of equal parts of a span."""
    length = span.stop - span.start
    count = min(count, length)
    return [int(span.start + (2 * i + 1) * length / (2 * count)) for i in range(count)]


def rows_around(row: int, frames: int, *, length: int) -> range:
    """Choose up to `frames` rows of a sequence of `length` rows, with `row` in the middle if possible."""
    frames = min(max(frames, 1), length)
    start = min(max(row - frames // 2, 0), length - frames)
    return range(start, start + frames)


def by_method(paths: Iterable[str]) -> dict[str, str]:
    """Parse ``METHOD=FILE`` entries into a mapping, in their order.

    Raises:
        ValueError: an entry of another form, or a method named twice.
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
