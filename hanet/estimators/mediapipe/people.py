"""BlazePose for several people: its detector finds them, each is followed, tracks keep who is who.

MediaPipe's detector of people gives every person in the picture; MediaPipe's own program for one person takes
the best. Here a frame goes like this, as in MediaPipe's Pose Landmarker with ``num_poses``:

1. Everyone who was followed in the frame before is placed again in the region that their landmarks gave.
2. Where fewer than the wanted number are followed, the detector looks for others; who overlaps with someone
   that is followed already is left out.
3. Of two whose landmarks lie on one person (`SAME`), the one with the lower presence is dropped.

Who is who follows from positions (`hanet.formats.linking.associate`): people who cross may be swapped, and
someone who is lost for longer than `LOST` seconds comes back as a new track.

Axes: T frames, H and W pixels.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from hanet.cache.files import CacheMetadata, CacheWriter
from hanet.estimators.mediapipe.blazepose import BlazePose, LiteRT, Network
from hanet.estimators.mediapipe.decoding import Region, people
from hanet.estimators.mediapipe.models import ModelName
from hanet.estimators.mediapipe.pose import THREADS, TO_COCO17, TO_H36M17, joints_of, keypoints_of
from hanet.estimators.mediapipe.video import Video
from hanet.estimators.mediapipe.worker import LANDMARKS, NUMBERS
from hanet.files.hashing import file_hash
from hanet.formats.linking import Person, associate
from hanet.poses.sequence import PoseSequence

SAME = 0.25
"""Mean distance of two people's landmarks, in sizes of the larger one, below which they are one person."""
APART = 0.15
"""Distance of a detected person's middle from a followed one's, in sides of the larger region (some 2.4 m for
an adult), below which they are one person."""
LOST = 0.5
"""Seconds after which someone who is lost comes back as another track."""
SHORTEST = 0.25
"""Seconds of a track's shortest span; shorter ones are mostly false detections and left out."""

Landmarks = Float[np.ndarray, "33 8"]


class Crowd:
    """Up to `count` people on the frames of a video.

    Args:
        detector: the network that finds people.
        landmarker: the network that places the landmarks in a person's region.
        count: most people that are followed.
        smooth: as in `BlazePose`.
    """

    def __init__(self, detector: Network, landmarker: Network, count: int, *, smooth: bool = False) -> None:
        if count < 1:
            raise ValueError(f"expected one person or more, got {count}")
        self._detector, self._landmarker, self._count, self._smooth = detector, landmarker, count, smooth
        self._followed: list[BlazePose] = []

    def detect(self, image: UInt8[np.ndarray, "H W 3"]) -> list[Landmarks]:
        """Landmarks of everyone in the next RGB frame, as `BlazePose.detect` gives them; empty for nobody."""
        placed = [(pose, found) for pose in self._followed if (found := pose.place(image)) is not None]
        if len(placed) < self._count:
            taken = [pose.region for pose, _ in placed if pose.region is not None]
            for region in self._search(image, taken):
                if len(placed) == self._count:
                    break
                pose = BlazePose(self._detector, self._landmarker, smooth=self._smooth)
                if (found := pose.place(image, region)) is not None:
                    placed.append((pose, found))
        kept = distinct([found for _, found in placed], (image.shape[1], image.shape[0]))
        self._followed = [placed[k][0] for k in kept]
        return [placed[k][1] for k in kept]

    def _search(self, image: UInt8[np.ndarray, "H W 3"], taken: list[Region]) -> Iterator[Region]:
        """People whom nobody follows yet, the surest first."""
        taken = taken.copy()
        raw = BlazePose.raw_people(self._detector, image)
        for region in people(*raw, (image.shape[1], image.shape[0])):
            if not any(_near(region, other) for other in taken):
                taken.append(region)
                yield region


def _near(one: Region, other: Region) -> bool:
    apart = np.hypot(one.x - other.x, one.y - other.y)
    return bool(apart < APART * max(one.side, other.side))


def distinct(found: list[Landmarks], size: tuple[int, int]) -> list[int]:
    """Which of a frame's people are left when two on one person count once; in the order given."""
    points = [one[:, 3:5] * np.array(size) for one in found]
    order = sorted(range(len(found)), key=lambda k: -float(found[k][:, 7].mean()))
    kept: list[int] = []
    for k in order:
        extent = float(np.ptp(points[k], axis=0).max())
        if all(
            np.linalg.norm(points[k] - points[j], axis=1).mean()
            >= SAME * max(extent, float(np.ptp(points[j], axis=0).max()))
            for j in kept
        ):
            kept.append(k)
    return sorted(kept)


@dataclass(frozen=True, eq=False)
class Found:
    """One person's landmarks over the frames from the first to the last in which they are seen.

    Attributes:
        start: number of the first frame.
        landmarks: NaN where the person is not seen.
    """

    start: int
    landmarks: Float[np.ndarray, "T 33 8"]


def follow(
    detect: Callable[[UInt8[np.ndarray, "H W 3"]], list[Landmarks]],
    images: Iterable[UInt8[np.ndarray, "H W 3"]],
    size: tuple[int, int],
    fps: float,
) -> tuple[list[Found], int]:
    """Everyone in a video, in order of their first frame, and the number of frames.

    Args:
        detect: as `Crowd.detect`.
        images: RGB frames.
        size: (width, height) in pixels.
        fps: frames per second.
    """
    seen: dict[int, list[Landmarks]] = {}
    count = 0
    for count, image in enumerate(images, 1):
        if found := detect(image):
            seen[count - 1] = found
    shown = {
        frame: [
            Person(keypoints=one[:, 3:5] * np.array(size), scores=None, box=None, track=None, where="video")
            for one in group
        ]
        for frame, group in seen.items()
    }
    numbers = associate(shown, max_gap=round(LOST * fps))
    tracks: dict[int, dict[int, Landmarks]] = {}
    for frame, given in numbers.items():
        for number, landmarks in zip(given, seen[frame], strict=True):
            tracks.setdefault(number, {})[frame] = landmarks
    long = [one for _, one in sorted(tracks.items()) if max(one) - min(one) + 1 >= SHORTEST * fps]
    return [_whole(one) for one in long], count


def _whole(frames: dict[int, Landmarks]) -> Found:
    start = min(frames)
    landmarks = np.full((max(frames) - start + 1, LANDMARKS, NUMBERS), np.nan, np.float32)
    for frame, one in frames.items():
        landmarks[frame - start] = one
    return Found(start, landmarks)


@dataclass(frozen=True, eq=False)
class People:
    """Everyone in a video, one track per person in order of their first frame.

    Attributes:
        joints, keypoints: as of `hanet.estimators.mediapipe.pose.Estimate`; a track starts at its first frame
            and is NaN and not labelled where the person is not seen.
        seen: share of each track's frames in which the person is seen.
        frames: of the video.
        provenance: as there, with the number of people asked for.
    """

    joints: list[PoseSequence]
    keypoints: list[PoseSequence]
    seen: list[float]
    frames: int
    provenance: dict[str, Any]

    def lines(self) -> list[str]:
        """What was found, for a user."""
        first = f"{self.frames} frames at {self.joints[0].fps:.6g} fps, tracks of people: {len(self.joints)}"
        return [
            first,
            *(
                f"track {one.track}: frames {one.start} to {one.start + len(one) - 1}, seen in {share:.1%}"
                for one, share in zip(self.joints, self.seen, strict=True)
            ),
        ]

    def save(self, joints: Path, keypoints: Path | None) -> list[tuple[Path, PoseSequence]]:
        """Write both as caches, the second one where it is wanted; returns files and their first tracks."""
        wanted = [(joints, self.joints)]
        wanted += [] if keypoints is None else [(keypoints, self.keypoints)]
        for path, tracks in wanted:
            self.write(path, tracks)
        return [(path, tracks[0]) for path, tracks in wanted]

    def write(self, path: Path, tracks: Sequence[PoseSequence]) -> None:
        """Write `joints` or `keypoints` as a cache."""
        metadata = CacheMetadata.of(
            tracks[0],
            dataset=tracks[0].name,
            split="video",
            estimator="mediapipe",
            provenance=self.provenance,
        )
        with CacheWriter(path, metadata) as writer:
            for one in tracks:
                writer.write(one)


def estimate_people(
    video: Video,
    count: int,
    *,
    model: ModelName = "full",
    smooth: bool = False,
    track: Callable[[Iterable[Any]], Iterable[Any]] = lambda frames: frames,
) -> People:
    """Estimate the poses of up to `count` people at a time; other arguments are as of `pose.estimate`.

    Raises:
        ValueError: the video is damaged, or nobody is detected in it for `SHORTEST` seconds.
    """
    with LiteRT(smooth=smooth, model=model, threads=min(THREADS, os.cpu_count() or 1)) as session:
        crowd = Crowd(*session.networks, count, smooth=smooth)
        found, frames = follow(crowd.detect, track(video.images()), video.size, float(video.fps))
        about = session.about
    if not found:
        raise ValueError(
            f"{video.path}: MediaPipe sees nobody for {SHORTEST:g} s in any of its {frames} frames; people "
            "must not be too small in the picture, most of the body in view"
        )
    placed = [{"track": number, "start": one.start} for number, one in enumerate(found)]
    conversions = [TO_H36M17.name, TO_COCO17.name]
    settings = {"model": model, "people": count, "smooth": smooth, "fps": str(video.fps)}
    return People(
        joints=[
            replace(TO_H36M17(joints_of(one.landmarks, video)).root_relative(), **at)
            for one, at in zip(found, placed, strict=True)
        ],
        keypoints=[
            replace(TO_COCO17(keypoints_of(one.landmarks, video)), **at)
            for one, at in zip(found, placed, strict=True)
        ],
        seen=[float(np.isfinite(one.landmarks).all(axis=(1, 2)).mean()) for one in found],
        frames=frames,
        provenance={"video_sha256": file_hash(video.path), **settings, "conversions": conversions, **about},
    )
