"""The sequences that drawing commands show, read from pose caches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hanet.cache.files import PoseCache
from hanet.estimators.mediapipe.video import Video, frame_rate
from hanet.figures.charts.errors import Span, errors, worst_span
from hanet.figures.choose import find_sequence, spread_rows
from hanet.figures.skeletons.compare import Footage
from hanet.poses.errors import NoPosesError
from hanet.poses.sequence import PoseSequence

STILLS = 4
"""Frames that a figure shows if none are named."""


@dataclass(frozen=True)
class Shown:
    """A sequence of the ground truth and of every method."""

    gt: PoseSequence
    methods: Mapping[str, PoseSequence]

    @classmethod
    def read(cls, gt: Path, methods: Mapping[str, str], sequence: str, track: int | None) -> Shown:
        """Read a sequence from the cache of the ground truth and from a cache per method.

        Raises:
            ValueError: a cache that is unreadable, of another skeleton, or without the sequence.
        """
        truth_cache = PoseCache.open(gt)
        truth = find_sequence(truth_cache, sequence, track=track)
        asked: dict[str, Any] = {
            "skeleton": truth_cache.metadata.skeleton,
            "representation": truth_cache.metadata.representation,
        }
        caches = {name: PoseCache.open(path, **asked) for name, path in methods.items()}
        found = {
            name: find_sequence(cache, sequence, track=truth.track, start=truth.start)
            for name, cache in caches.items()
        }
        return cls(truth, found)

    def worst(self) -> Span:
        """The worst span of the first method."""
        first = next(iter(self.methods.values()))
        return worst_span(errors(self.gt, first).frames, fps=self.gt.fps)

    def rows(self, frames: str | None) -> list[int]:
        """Rows of the frames named, else rows spread over the worst span."""
        if frames is None:
            return spread_rows(self.worst(), STILLS)
        return [frame - self.gt.start for frame in frame_numbers(frames)]


def frames_in(seconds: float, poses: PoseSequence) -> int:
    """Frames in so many seconds: at least one, at most as many as there are."""
    return max(1, round(min(seconds * poses.fps, len(poses))))


def frame_numbers(text: str) -> list[int]:
    """Frame numbers from text such as ``0,10,20``."""
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise ValueError(f"expected frame numbers with commas between, as in 0,10,20, got {text!r}") from None


def sequence_of(cache: PoseCache, name: str | None, track: int | None) -> PoseSequence:
    """The sequence of that name and track; where they are None, the first.

    Raises:
        ValueError: no such sequence.
    """
    first = next(cache.sequences(), None)
    if first is None:
        raise NoPosesError(f"{cache.path}: holds no poses")
    return find_sequence(cache, name or first.name, track=track)


def footage_of(path: Path | None, poses: PoseSequence, *, crop: bool) -> Footage | None:
    """The video to draw poses on, at their frame rate; None without a path.

    Raises:
        ValueError: a video of another size than the one that the poses were estimated from.
    """
    if path is None:
        return None
    video = Video.open(path, frame_rate(poses.fps))
    if poses.image_size not in (None, video.size):
        size, other = ("×".join(map(str, s)) for s in (video.size, poses.image_size or ()))
        raise ValueError(f"{path} is {size} pixels, the poses are of a video of {other}; name that one")
    return Footage(video.images, video.size, crop)
