"""People found frame by frame become tracks, and tracks become pose sequences.

Axes: T frames, J joints.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float
from scipy.optimize import linear_sum_assignment

from hanet.poses.gaps import consecutive
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import Skeleton

MAX_DISTANCE = 0.3
"""Farthest that keypoints move from frame to frame on average, in sizes of the person: at 25 frames a second
a runner of 10 m/s comes to a quarter."""


@dataclass(frozen=True, eq=False)
class Person:
    """One detection in one frame.

    Attributes:
        keypoints: (J, 2) in pixels.
        scores: (J,).
        box: x1, y1, x2, y2 in pixels, or None.
        track: the person's number, or None where the file has none.
        where: file and entry, for messages.
    """

    keypoints: Float[np.ndarray, "J 2"]
    scores: Float[np.ndarray, " J"]
    box: Float[np.ndarray, " 4"] | None
    track: int | None
    where: str

    @property
    def found(self) -> Bool[np.ndarray, " J"]:
        """Joints that were found: a missing one has score and both coordinates 0."""
        return (self.scores != 0) | (self.keypoints != 0).any(axis=1)

    @property
    def size(self) -> float:
        """Longer side of the box around the joints found, pixels."""
        return float(np.ptp(self.keypoints[self.found], axis=0).max())


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
        """Add a detection; one that found no joint is nobody."""
        if person.found.any():
            self.frames.setdefault(frame, []).append(person)


def sequences(
    video: Video, skeleton: Skeleton, fps: float, *, max_distance: float = MAX_DISTANCE
) -> list[PoseSequence]:
    """The video's tracks, cut where a person is missing from a frame, by track and start.

    Args:
        video: people with track numbers, or all without: those are found by `associate`.
        skeleton: the joints of the detections.
        fps: frames per second.
        max_distance: as in `associate`.

    Raises:
        ValueError: some people have a number and some not, or two in a frame have the same.
    """
    tracks: dict[int, dict[int, Person]] = {}
    for frame, numbers in sorted(_numbers(video, max_distance).items()):
        for number, person in zip(numbers, video.frames[frame], strict=True):
            if frame in tracks.setdefault(number, {}):
                raise ValueError(
                    f"{person.where}: track {number} is in frame {frame} of {video.name} already; a person "
                    "can be in a frame once, track again"
                )
            tracks[number][frame] = person
    return [
        _sequence(video, skeleton, fps, number, dict(list(people.items())[run]))
        for number, people in sorted(tracks.items())
        for run in consecutive(np.array(list(people)))
    ]


def _numbers(video: Video, max_distance: float) -> dict[int, list[int]]:
    people = [person for group in video.frames.values() for person in group]
    without = [person for person in people if person.track is None]
    if len(without) == len(people):
        return associate(video.frames, max_distance=max_distance)
    if without:
        raise ValueError(
            f"{without[0].where}: no track number, where {len(people) - len(without)} other people of "
            f"{video.name} have one; track all or none"
        )
    return {f: [p.track for p in group if p.track is not None] for f, group in video.frames.items()}


def associate(frames: dict[int, list[Person]], *, max_distance: float = MAX_DISTANCE) -> dict[int, list[int]]:
    """Track numbers for people without, frame by frame.

    Each frame is matched to the one before, never to an earlier one, so that a gap ends a track. Of all ways
    to pair people the one of the least total distance is taken (the Hungarian method); the distance is the
    mean over the joints found in both, divided by the larger person's size, and pairs beyond `max_distance`
    are none. Who is matched to nobody begins a new track. Appearance is not looked at: people who cross may
    be swapped.

    Args:
        frames: people by frame number.
        max_distance: in sizes of the person.

    Returns:
        Numbers from 0 on in the order of `frames`' people.
    """
    numbers: dict[int, list[int]] = {}
    begun = 0
    for frame in sorted(frames):
        before, now = frames.get(frame - 1, []), frames[frame]
        given = [-1] * len(now)
        cost = np.array([[_distance(a, b) for b in now] for a in before]).reshape(len(before), len(now))
        # A pair too far apart costs more than any set of pairs that are not, so it never displaces one.
        far = max_distance * len(now) + 1
        for a, b in zip(*linear_sum_assignment(np.where(cost <= max_distance, cost, far)), strict=True):
            if cost[a, b] <= max_distance:
                given[b] = numbers[frame - 1][a]
        for b in np.flatnonzero(np.array(given) < 0):
            given[b], begun = begun, begun + 1
        numbers[frame] = given
    return numbers


def _distance(a: Person, b: Person) -> float:
    both = a.found & b.found
    if not both.any():
        return np.inf
    apart = float(np.linalg.norm(a.keypoints[both] - b.keypoints[both], axis=1).mean())
    size = max(a.size, b.size)
    return apart / size if size > 0 else (0.0 if apart == 0 else np.inf)


def _sequence(
    video: Video, skeleton: Skeleton, fps: float, number: int, people: dict[int, Person]
) -> PoseSequence:
    rows = list(people.values())
    found = np.stack([person.found for person in rows])
    values = np.stack([person.keypoints for person in rows])
    boxes = [person.box for person in rows if person.box is not None]
    return PoseSequence.keypoints(
        video.name,
        np.where(found[..., None], values, np.nan).astype(np.float32),
        skeleton,
        fps=fps,
        track=number,
        start=next(iter(people)),
        scores=np.stack([person.scores for person in rows]).astype(np.float32),
        labelled=found,
        boxes=np.stack(boxes).astype(np.float32) if len(boxes) == len(rows) else None,
        image_size=video.image_size,
    )
