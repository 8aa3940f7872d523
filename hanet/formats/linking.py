"""People found frame by frame become tracks, and tracks become pose sequences over their whole span.

Axes: T frames, J joints.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float

from hanet.formats.base import MAX_DISTANCE, FormatError
from hanet.formats.documents import Address
from hanet.formats.missing import LARGEST, missing
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import Skeleton

MAX_JOINTS = 200_000_000
"""Most joints of all tracks over all their frames; about 5 GB."""
SPARSEST, UNSEEN = 100, 100_000
"""A video's tracks span at most so many times the frames in which people were found, and so many more."""


@dataclass(frozen=True, eq=False)
class Person:
    """One detection in one frame.

    Attributes:
        keypoints: (J, 2) in pixels; what `found` leaves out means nothing.
        scores: (J,), or None where the file has none.
        box: x1, y1, x2, y2 in pixels, or None.
        track: the person's number, or None where the file has none.
        where: file and entry, for messages.
        file: name of the document that the person is in.
        at: keys and indices of the person's entry in it.
        min_score: joints of a lower score are missing.
    """

    keypoints: Float[np.ndarray, "J 2"]
    scores: Float[np.ndarray, " J"] | None
    box: Float[np.ndarray, " 4"] | None
    track: int | None
    where: str
    file: str = ""
    at: Address = ()
    min_score: float | None = None

    @cached_property
    def found(self) -> Bool[np.ndarray, " J"]:
        """Joints that were found, see `hanet.formats.missing`."""
        found = ~missing(self.keypoints, self.scores)
        if self.min_score is not None and self.scores is not None:
            found &= self.scores >= self.min_score
        return np.asarray(found)

    @cached_property
    def known(self) -> Float[np.ndarray, "J 2"]:
        """The keypoints, NaN where not found."""
        return np.where(self.found[:, None], self.keypoints, np.nan)

    @cached_property
    def size(self) -> float:
        """Longer side of the box around the joints found, pixels; 0 without any."""
        return float(np.ptp(self.keypoints[self.found], axis=0).max()) if self.found.any() else 0.0


@dataclass
class Video:
    """People by frame; frames without anybody are not there.

    Attributes:
        name: of the sequences.
        image_size: (width, height) in pixels, or None.
        frames: the people of each frame, in the file's order.
    """

    name: str
    image_size: tuple[int, int] | None = None
    frames: dict[int, list[Person]] = field(default_factory=dict)

    def add(self, frame: int, person: Person) -> None:
        """Add a detection; one without any joint and number is nobody."""
        if person.found.any() or person.track is not None:
            self.frames.setdefault(frame, []).append(person)

    @property
    def people(self) -> Iterator[Person]:
        """Everybody, frame by frame in the order of the file."""
        return (person for group in self.frames.values() for person in group)


@dataclass(frozen=True, eq=False)
class Track:
    """A sequence over its whole span, and where each of its frames comes from.

    Attributes:
        sequence: NaN and not `labelled` where a joint or the person is missing.
        people: the detections by frame.
    """

    sequence: PoseSequence
    people: dict[int, Person]


def link(
    video: Video, skeleton: Skeleton, fps: float, *, max_distance: float = MAX_DISTANCE, max_gap: int = 0
) -> tuple[list[Track], list[str]]:
    """The video's tracks by number, and what was assumed to find them.

    Args:
        video: people with track numbers or without; who has none is found by `associate`.
        skeleton: the joints of the detections.
        fps: frames per second.
        max_distance: as in `associate`.
        max_gap: as in `associate`.

    Raises:
        FormatError: two people in a frame have the same number, or more frames than can be held.
    """
    numbers, notes = _numbers(video, max_distance, max_gap)
    tracks: dict[int, dict[int, Person]] = {}
    for frame in sorted(video.frames):
        for number, person in zip(numbers[frame], video.frames[frame], strict=True):
            if frame in tracks.setdefault(number, {}):
                raise FormatError(
                    f"{person.where}: track {number} is in frame {frame} of {video.name} already; a person "
                    "can be in a frame once, track again"
                )
            tracks[number][frame] = person
    seen = {n: people for n, people in tracks.items() if any(p.found.any() for p in people.values())}
    _check_spans(video, seen, len(skeleton))
    return [_track(video, skeleton, fps, n, people) for n, people in sorted(seen.items())], notes


def _check_spans(video: Video, tracks: Mapping[int, Mapping[int, Person]], joints: int) -> None:
    """Refuse tracks that would be nearly empty, or too large to hold."""
    spans = {number: max(people) - min(people) + 1 for number, people in tracks.items()}
    found = sum(map(len, tracks.values()))
    most = min(SPARSEST * found + UNSEEN, MAX_JOINTS // joints)
    if sum(spans.values()) > most:
        longest = max(spans, key=lambda number: spans[number])
        raise FormatError(
            f"{tracks[longest][max(tracks[longest])].where}: tracks of {video.name} span "
            f"{sum(spans.values())} frames altogether, expected at most {most} for {found} detections of "
            f"{joints} joints; check that these are frame numbers"
        )


def _numbers(video: Video, max_distance: float, max_gap: int) -> tuple[dict[int, list[int]], list[str]]:
    """Each person's number, frame by frame; numbers that cannot tell people apart are not used."""
    given = [person.track for person in video.people if person.track is not None]
    count = sum(1 for _ in video.people)
    notes = []
    if reason := _placeholder(video, given, count, max_distance):
        notes.append(
            f"{video.name}: {reason}, so track numbers tell nobody apart; people were linked by position"
        )
        given = []
    if not given:
        return associate(video.frames, max_distance=max_distance, max_gap=max_gap), notes
    if len(given) == count:
        return {f: [p.track for p in group if p.track is not None] for f, group in video.frames.items()}, []
    without = {f: [p for p in group if p.track is None] for f, group in video.frames.items()}
    linked = associate({f: g for f, g in without.items() if g}, max_distance=max_distance, max_gap=max_gap)
    free = max(given) + 1
    numbers: dict[int, list[int]] = {}
    for frame, group in video.frames.items():
        rest = iter(linked.get(frame, ()))
        numbers[frame] = [free + next(rest) if p.track is None else p.track for p in group]
    notes.append(
        f"{video.name}: {count - len(given)} of {count} detections have no track number; they were linked "
        f"by position and numbered from {free}"
    )
    return numbers, notes


def _placeholder(video: Video, given: list[int], count: int, max_distance: float) -> str | None:
    """Why the numbers tell nobody apart, or None if they may.

    Args:
        video: the people.
        given: their numbers.
        count: of people.
        max_distance: as in `associate`.
    """
    if len(given) < count or len(video.frames) < 2 or count == len(video.frames):
        return None
    if len(set(given)) == 1:
        return "all people have the same number"
    if len(set(given)) == count:
        return "every detection has a number of its own"
    first = min(given)
    if any(
        [p.track for p in group] != list(range(first, first + len(group))) for group in video.frames.values()
    ):
        return None
    # Numbers are places in the frame's list. A tracker that numbers so agrees with positions.
    linked = associate(video.frames, max_distance=max_distance)
    for frame, numbers in linked.items():
        before = linked.get(frame - 1, [])
        if any(number in before and before.index(number) != i for i, number in enumerate(numbers)):
            return "people are numbered afresh in each frame"
    return None


def associate(
    frames: dict[int, list[Person]], *, max_distance: float = MAX_DISTANCE, max_gap: int = 0
) -> dict[int, list[int]]:
    """Track numbers for people without, frame by frame.

    Each frame is matched to the one before. Of all ways to pair people the one of the least total distance
    is taken (the Hungarian method); the distance is the mean over the joints found in both, divided by the
    larger person's size, and pairs beyond `max_distance` are none. Who is left is matched in the same way to
    people last seen up to `max_gap` frames before, and else begins a new track. Appearance is not looked at:
    people who cross may be swapped.

    Args:
        frames: people by frame number.
        max_distance: in sizes of the person.
        max_gap: most frames in which a person is missing from a track.

    Returns:
        Numbers from 0 on in the order of `frames`' people.
    """
    numbers: dict[int, list[int]] = {}
    last: dict[int, tuple[int, Person]] = {}
    begun = 0
    for frame in sorted(frames):
        now = frames[frame]
        given = [-1] * len(now)
        last = {n: (seen, person) for n, (seen, person) in last.items() if seen >= frame - 1 - max_gap}
        fresh = [n for n, (seen, _) in last.items() if seen == frame - 1]
        for candidates in (fresh, [n for n in last if n not in set(fresh)]):
            open_ = [b for b, number in enumerate(given) if number < 0]
            pairs = _pairs([last[n][1] for n in candidates], [now[b] for b in open_], max_distance)
            for a, b in pairs:
                given[open_[b]] = candidates[a]
        for b, number in enumerate(given):
            if number < 0:
                given[b], begun = begun, begun + 1
        last |= {number: (frame, person) for number, person in zip(given, now, strict=True)}
        numbers[frame] = given
    return numbers


def _pairs(before: Sequence[Person], now: Sequence[Person], max_distance: float) -> list[tuple[int, int]]:
    if not before or not now:
        return []
    apart = np.stack([p.known for p in before])[:, None] - np.stack([p.known for p in now])
    apart = np.linalg.norm(apart, axis=3)
    both = np.isfinite(apart)
    mean = np.where(both, apart, 0).sum(axis=2) / np.maximum(both.sum(axis=2), 1)
    size = np.maximum.outer([p.size for p in before], [p.size for p in now])
    with np.errstate(divide="ignore", invalid="ignore"):
        cost = np.where(size > 0, mean / size, np.where(mean == 0, 0.0, np.inf))
    cost[~both.any(axis=2)] = np.inf
    # A pair too far apart costs more than any set of pairs that are not, so it never displaces one.
    far = max_distance * len(now) + 1
    cost = np.where(cost <= max_distance, cost, far)
    if min(cost.shape) == 1:
        paired = [divmod(int(cost.argmin()), cost.shape[1])]
    else:
        from scipy.optimize import linear_sum_assignment  # slow to import, and one person needs no method

        paired = list(zip(*(index.tolist() for index in linear_sum_assignment(cost)), strict=True))
    return [(a, b) for a, b in paired if cost[a, b] <= max_distance]


def _track(video: Video, skeleton: Skeleton, fps: float, number: int, people: dict[int, Person]) -> Track:
    first, last = min(people), max(people)
    length = last - first + 1
    rows = np.array(list(people)) - first
    each = list(people.values())
    found = np.zeros((length, len(skeleton)), dtype=bool)
    values = np.full((length, len(skeleton), 2), np.nan)
    found[rows] = [person.found for person in each]
    values[rows] = [person.known for person in each]
    scores = None
    if all(person.scores is not None for person in each):
        scores = np.zeros(found.shape)
        given = [p.scores for p in each if p.scores is not None]
        scores[rows] = [np.where(np.abs(score) < LARGEST, score, 0) for score in given]
    boxes = None
    if any(person.box is not None for person in each):
        boxes = np.full((length, 4), np.nan)
        for row, person in zip(rows, each, strict=True):
            if person.box is not None and (np.abs(person.box) < LARGEST).all():
                boxes[row] = person.box
    sequence = PoseSequence.keypoints(
        video.name,
        values,
        skeleton,
        fps=fps,
        track=number,
        start=first,
        scores=scores,
        labelled=found,
        boxes=boxes,
        image_size=video.image_size,
    )
    return Track(sequence, people)
