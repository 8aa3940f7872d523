"""Map frames of sequences to images: image files, folders, lists or videos, by a path pattern.

See `hanet.estimators.images.patterns` for the syntax.
"""

from __future__ import annotations

import glob
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path

from hanet.estimators.common.frames import Frame, image_paths, read_images, read_video
from hanet.estimators.images.patterns import check, fill


@dataclass(frozen=True)
class Clip:
    """Frames of a track; `lead` and `tail` as in `hanet.estimators.images.batches.PersonTrack`."""

    frames: Iterator[Frame]
    lead: bool
    tail: bool


@dataclass(frozen=True)
class Footage:
    """The images of a data set.

    Attributes:
        pattern: see `hanet.estimators.images.patterns`.
        first: the images' number of frame 0.
        root: base folder of a relative pattern.

    Raises:
        ValueError: a pattern with unknown names in braces, or ``{frame}`` in a folder's name.
    """

    pattern: str
    first: int = 0
    root: Path = Path()

    def __post_init__(self) -> None:
        check(self.pattern)

    def _filled(self, name: str, *, frame: int) -> str:
        return fill(self.pattern, name, frame=frame)

    @property
    def _numbered(self) -> bool:
        return "{frame" in self.pattern

    def path(self, name: str, frame: int = 0) -> Path:
        """The path of a sequence's footage or, with ``{frame}``, of a frame's image.

        Raises:
            ValueError: several folders or files match the asterisks.
        """
        path = self.root / self._filled(name, frame=frame + self.first)
        where, file = (path.parent, path.name) if self._numbered else (path, "")
        if "*" in self.pattern:
            # A name may contain brackets, which glob would interpret.
            pattern = str(self.root / self._filled(glob.escape(name), frame=frame + self.first))
            pattern = pattern.rpartition("/")[0] if self._numbered else pattern
            found = sorted(glob.glob(pattern))  # noqa: PTH207 (Path.glob takes no absolute patterns)
            if len(found) > 1:
                raise ValueError(
                    f"{name}: images matches {found[0]} and {found[1]}; make the pattern unambiguous"
                )
            where = Path(found[0]) if found else where
        return where / file

    def reason(self, text: str) -> str:
        """A frame's reason without the machine's folders, so that records are the same on all machines."""
        return text.replace(f"{self.root}/", "")

    def absent(self, name: str, start: int, count: int) -> Path | None:
        """The first path searched, where all of a sequence's frames are missing; else None."""
        first = self.path(name, start)
        frames = range(start, start + count if self._numbered else start + 1)
        folder = first.parent
        there = (
            (folder / self._filled(name, frame=frame + self.first).rpartition("/")[2]).exists()
            for frame in frames
        )
        return None if (any(there) if self._numbered else first.exists()) else first

    def clip(self, name: str, start: int, count: int, fps: float) -> Clip:
        """Frames `start` to `start + count` of a sequence, with existing neighbours.

        A missing or damaged frame is a `Frame` with the reason; so are all frames after damage in a video.

        Args:
            name: of the sequence.
            start: number of the first frame.
            count: how many.
            fps: of the poses; a video is resampled to this rate.
        """
        path = self.path(name, start)
        if self._numbered:
            file = _by_number(path.parent, lambda k: self._filled(name, frame=k).rpartition("/")[2])
            return _images(file, start + self.first, count)
        if path.is_dir() or path.suffix == ".txt":
            paths = image_paths(path) if path.is_dir() else _listed(path)
            return _images(_by_place(paths, path), start + self.first, count)
        lead = start + self.first > 0
        skipped = start + self.first - lead
        return Clip(_video(path, skipped, count + lead + 1, fps, spare=1), lead=lead, tail=True)


def _by_number(folder: Path, file: Callable[[int], str]) -> Callable[[int], Path | None]:
    return lambda number: folder / file(number)


def _by_place(paths: Sequence[Path], where: Path) -> Callable[[int], Path | None]:
    return lambda number: paths[number] if 0 <= number < len(paths) else None


def _listed(path: Path) -> list[Path]:
    return [path.parent / line.strip() for line in path.read_text().splitlines() if line.strip()]


def _images(file: Callable[[int], Path | None], start: int, count: int) -> Clip:
    """Skip a missing neighbour; return a missing frame as a `Frame` without an image."""

    def there(number: int) -> bool:
        path = file(number) if number >= 0 else None
        return path is not None and path.is_file()

    lead, tail = there(start - 1), there(start + count)

    def frames() -> Iterator[Frame]:
        for number in range(start - lead, start + count + tail):
            path = file(number)
            yield Frame(None, f"there is no image {number}") if path is None else next(read_images([path]))

    return Clip(frames(), lead=lead, tail=tail)


def _video(path: Path, skipped: int, count: int, fps: float, *, spare: int) -> Iterator[Frame]:
    """Read `count` frames of a video after the skipped ones; a missing frame, except the last `spare`, has a
    reason.
    """
    reason, given = f"{path} ends here", 0
    try:
        for frame in islice(
            read_video(path, Fraction(fps).limit_denominator(1001)), skipped, skipped + count
        ):
            yield frame
            given += 1
    except ValueError as error:
        reason = str(error)
    for _ in range(given, count - spare):
        yield Frame(None, reason)
