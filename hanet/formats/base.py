"""What every format of pose files shares: options, the file that was read, and the update that goes back.

A reader returns a `PoseFile`: the tracks, what is known about them, and a `save` function that writes the
same format again. `PoseFile.write` compares refined tracks with what was read and hands `save` the
differences, so that everything else is written as it was in the source.

Axes: T frames, J joints, D coordinates.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float

from hanet.formats.missing import present
from hanet.formats.source import Source
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import Skeleton

UNKNOWN_FPS = 1.0
"""`PoseSequence.fps` of a file that does not say its rate: time counts in frames."""
MAX_DISTANCE = 0.3
"""Farthest that keypoints move from frame to frame on average, in sizes of the person. At 25 frames per
second, a runner of 10 m/s moves by a quarter."""
MAX_GAP = 15
"""Most frames in which a person without track number is missing from a track."""


class FormatError(ValueError):
    """A file that its format does not allow; one line with file, place, what was expected and what came."""


@dataclass(frozen=True, kw_only=True)
class ReadOptions:
    """What a file does not say, as the user gives it.

    Attributes:
        fps: frames per second. A file that states another rate is refused.
        image_size: (width, height) in pixels. A file that states another size is refused.
        skeleton: name of a set of keypoints in `hanet.formats.keypoint_sets.KEYPOINT_SETS`.
        min_score: keypoints of a lower score count as missing.
        min_person_score: people of a lower score are left alone: not read, written as they are.
        images: COCO's annotation file with the images' names.
        name: the video, where the file does not name it.
        frames: ``names``: frame numbers are the numbers in the images' names; ``order``: the images are
            consecutive frames in the order of the file.
        max_distance: for people without track numbers, see `hanet.formats.linking.associate`.
        max_gap: the same.
    """

    fps: float | None = None
    image_size: tuple[int, int] | None = None
    skeleton: str | None = None
    min_score: float | None = None
    min_person_score: float | None = None
    images: Path | None = None
    name: str | None = None
    frames: Literal["names", "order"] = "names"
    max_distance: float = MAX_DISTANCE
    max_gap: int = MAX_GAP

    def __post_init__(self) -> None:
        if self.fps is not None and not (self.fps > 0 and np.isfinite(self.fps)):
            raise ValueError(f"fps must be a positive number, got {self.fps}")
        if self.image_size is not None and not all(side > 0 for side in self.image_size):
            raise ValueError(f"image size must be two positive numbers, got {self.image_size}")


@dataclass(frozen=True, eq=False)
class Update:
    """What a track's refinement changes in its file.

    Attributes:
        track: the track as read, over its whole span.
        values: (T, J, D) what the file should hold, NaN for missing joints, in the unit of `track`.
        changed: (T, J) joints with new coordinates, filled ones included.
        filled: (T, J) joints that were missing and now have coordinates.
        dropped: (T, J) joints that had coordinates and now have none.
    """

    track: PoseSequence
    values: Float[np.ndarray, "T J D"]
    changed: Bool[np.ndarray, "T J"]
    filled: Bool[np.ndarray, "T J"]
    dropped: Bool[np.ndarray, "T J"]

    @property
    def touched(self) -> Bool[np.ndarray, "T J"]:
        """Joints whose numbers in the file are to be replaced."""
        return self.changed | self.dropped


Save = Callable[[Path, Sequence[Update]], Sequence[str]]
"""Write the source again with updates in the order of its tracks, whole or not at all; returns notes on what
could not be written."""


@dataclass(frozen=True, eq=False, kw_only=True)
class PoseFile:
    """A file of another program, read.

    Attributes:
        format: key in `hanet.formats.FORMATS`.
        path: the file or folder.
        tracks: one sequence per person and video over its whole span: frames and joints that are missing are
            NaN and not `labelled`. Values have the file's precision (float64 where it is text).
        fps: frames per second of the tracks; `UNKNOWN_FPS` where not `fps_known`.
        fps_known: whether the file or the user said the rate; see `require_fps`.
        skeleton: the joints, the same for all tracks.
        unit: of the numbers in the file (``px``, ``normalized``, ``mm``, ``m``, …); tracks are in px or m.
        save: writes the file again; called by `write`.
        notes: what was skipped or assumed while reading, one sentence each.
    """

    format: str
    path: Path
    tracks: tuple[PoseSequence, ...]
    fps: float
    fps_known: bool
    skeleton: Skeleton
    unit: str
    save: Save = field(repr=False)
    notes: tuple[str, ...] = ()

    def require_fps(self) -> float:
        """Frames per second, for work that depends on time.

        Raises:
            ValueError: neither the file nor the user said it.
        """
        if not self.fps_known:
            raise ValueError(f"{self.path}: the file does not say its frame rate; give --fps")
        return self.fps

    def write(self, out: Path, refined: Sequence[PoseSequence]) -> tuple[str, ...]:
        """Write the same file with other poses; all that is not in `refined` stays as it was in the source.

        Args:
            out: file or folder to write; it appears whole or not at all.
            refined: tracks of this file or pieces of them, found by (name, track); NaN for missing joints.
                A value equal to the one read keeps its notation in the file.

        Returns:
            What could not be written, one sentence each.

        Raises:
            ValueError: a track that is not of this file, of other joints, or outside of the track's frames.
        """
        tracks = {track.key: track for track in self.tracks}
        pieces: dict[tuple[str, int], list[PoseSequence]] = {}
        for piece in refined:
            if piece.key not in tracks:
                raise ValueError(
                    f"{piece.name}, track {piece.track}: not a track of {self.path}, which has "
                    f"{', '.join(f'{name} (track {number})' for name, number in tracks) or 'none'}"
                )
            _check_fits(tracks[piece.key], piece)
            pieces.setdefault(piece.key, []).append(piece)
        updates = [update_of(track, pieces.get(key, ())) for key, track in tracks.items()]
        return tuple(self.save(out, updates))


def _check_fits(track: PoseSequence, piece: PoseSequence) -> None:
    for attribute in ("skeleton", "representation", "unit", "frame_of_reference"):
        ours, theirs = getattr(track, attribute), getattr(piece, attribute)
        if ours != theirs:
            ours, theirs = (getattr(value, "name", value) for value in (ours, theirs))
            raise ValueError(
                f"{track.name}, track {track.track}: refined poses must have the file's {attribute} {ours}, "
                f"got {theirs}"
            )
    stop, last = track.start + len(track), piece.start + len(piece)
    if piece.start < track.start or last > stop:
        raise ValueError(
            f"{track.name}, track {track.track}: refined frames must lie in {track.start} to {stop - 1}, "
            f"got {piece.start} to {last - 1}"
        )


def update_of(track: PoseSequence, pieces: Sequence[PoseSequence]) -> Update:
    """The differences between a track and its refined pieces; frames of no piece are not touched."""
    values = track.values.astype(np.float64)
    changed = np.zeros(values.shape[:2], dtype=bool)
    known = present(values)
    if track.labelled is not None:
        known &= track.labelled
    now = known.copy()
    for piece in pieces:
        rows = slice(piece.start - track.start, piece.start - track.start + len(piece))
        now[rows] = present(piece.values)
        # As the refined values are stored: a float32 equal to the rounded source is no change.
        other = (piece.values != track.values[rows].astype(piece.values.dtype)).any(axis=2)
        changed[rows] = now[rows] & (other | ~known[rows])
        values[rows][changed[rows]] = decimal(piece.values[changed[rows]])
    values[~now] = np.nan
    return Update(track, values, changed=changed, filled=changed & ~known, dropped=np.asarray(known & ~now))


def decimal(values: Float[np.ndarray, "*N"]) -> Float[np.ndarray, "*N"]:
    """float64 whose decimal notation is the shortest that gives the same float32; float64 as it is."""
    if values.dtype == np.float64:
        return values
    return np.array([float(str(number)) for number in values.ravel()]).reshape(values.shape)


@runtime_checkable
class Reader(Protocol):
    """What the module of a format provides."""

    def sniff(self, source: Source, /) -> bool:
        """Whether this is a file or folder of the format, by a look at its beginning."""
        ...

    def read(self, path: Path, options: ReadOptions, /) -> PoseFile:
        """Read it.

        Raises:
            FileNotFoundError: nothing there.
            FormatError: not what the format allows.
            ValueError: an option that contradicts the file, or one that is needed.
        """
        ...


@dataclass(frozen=True)
class Format:
    """An entry of `hanet.formats.FORMATS`.

    Attributes:
        name: its key, what ``--format`` takes.
        title: for people.
        endings: of its files' names, in lower case with the dot; empty for folders.
        folder: whether it can be a folder.
    """

    name: str
    title: str
    endings: tuple[str, ...]
    folder: bool = False

    def may_be(self, source: Source) -> bool:
        """Whether a file of this name, or a folder, may be of this format."""
        return self.folder if source.is_folder else source.path.suffix.lower() in self.endings


def with_missing(track: PoseSequence, gone: Bool[np.ndarray, "T J"]) -> PoseSequence:
    """The track with these joints NaN and not `labelled`."""
    known = present(track.values) & ~gone
    if track.labelled is not None:
        known &= track.labelled
    return replace(track, values=np.where(known[..., None], track.values, np.nan), labelled=known)
