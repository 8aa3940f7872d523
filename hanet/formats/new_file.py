"""What a new file of a format is made from, and what the format can hold.

Axes: T frames, P people, J joints, D coordinates.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float

from hanet.formats.missing import present
from hanet.poses.sequence import PoseSequence, Representation
from hanet.poses.skeletons import Skeleton


@dataclass(frozen=True, eq=False, kw_only=True)
class NewFile:
    """What a file that is made from poses of another format is to hold.

    Attributes:
        tracks: one sequence per person and video, on one skeleton; at least one, each of at least one frame.
        fps: frames per second, or None where nobody said it.
        source: format of the poses, a key of `FORMATS`.
    """

    tracks: tuple[PoseSequence, ...]
    fps: float | None
    source: str

    @property
    def skeleton(self) -> Skeleton:
        """The joints of all tracks."""
        return self.tracks[0].skeleton

    @property
    def frames(self) -> range:
        """Frame numbers from the first to the last of any track."""
        return range(
            min(track.start for track in self.tracks), max(track.start + len(track) for track in self.tracks)
        )

    def people(self) -> list[list[tuple[PoseSequence, int]]]:
        """For each of `frames`, the tracks with a known joint and their rows."""
        found: list[list[tuple[PoseSequence, int]]] = [[] for _ in self.frames]
        for track in self.tracks:
            for row in np.flatnonzero(present(track.values).any(axis=1)).tolist():
                found[track.start + row - self.frames.start].append((track, row))
        return found

    def stacked(self) -> Float[np.ndarray, "T P J D"]:
        """Poses of all tracks over `frames`, NaN where missing."""
        return self._over_frames([track.values for track in self.tracks])

    def scores(self) -> Float[np.ndarray, "T P J"] | None:
        """Scores of all tracks over `frames`, NaN where there is none; None without any."""
        if all(track.scores is None for track in self.tracks):
            return None
        shape = [track.values.shape[:2] for track in self.tracks]
        given = [
            np.full(size, np.nan) if track.scores is None else track.scores
            for track, size in zip(self.tracks, shape, strict=True)
        ]
        return self._over_frames(given)

    def _over_frames(self, arrays: Sequence[np.ndarray]) -> np.ndarray:
        result = np.full((len(self.frames), len(arrays), *arrays[0].shape[1:]), np.nan)
        for p, (track, array) in enumerate(zip(self.tracks, arrays, strict=True)):
            first = track.start - self.frames.start
            result[first : first + len(track), p] = array
        return result


Create = Callable[[Path, NewFile], Sequence[str]]
"""Write a new file or folder, whole or not at all; returns notes on what it does not hold."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """What a format can hold, where files of it can be made from poses of others.

    Attributes:
        endings: of files that are made; ``""`` for a folder.
        holds: representations.
        people: whether it holds several people.
        videos: whether it holds several videos.
        fps: ``needed``, ``optional``, or ``lost`` where it has no place for a rate.
        scores: whether it holds a score per joint.
        sets: names of the sets of keypoints that it holds, where joints have no names in it.
        named: whether ``--to`` must name it, because its endings are those of another format.
    """

    endings: tuple[str, ...]
    holds: tuple[Representation, ...]
    people: bool = True
    videos: bool = False
    fps: Literal["needed", "optional", "lost"] = "needed"
    scores: bool = True
    sets: tuple[str, ...] = ()
    named: bool = False
