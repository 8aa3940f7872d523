"""Keypoints of the user's own estimator: read, convert to the data set's skeleton, match to annotated people.

`hanet.formats` reads the files, `hanet.estimators.keypoints.pairing` matches people. DVC does not track the
files, which are outside the project: after a change run ``dvc repro --force estimate@<experiment>``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from hanet import formats
from hanet.cache.files import CacheWriter, PoseCache
from hanet.estimators.common.joint_mixes import on_skeleton
from hanet.estimators.common.writing import write
from hanet.estimators.keypoints.options import KeypointsEstimate
from hanet.estimators.keypoints.pairing import pair_with_truth
from hanet.files.hashing import file_hash
from hanet.formats.base import ReadOptions
from hanet.formats.image_names import match_videos
from hanet.formats.readers import detections
from hanet.options import SPLITS
from hanet.poses.sequence import PoseSequence
from hanet.progress import console

Videos = Mapping[str, Sequence[PoseSequence]]


@dataclass(frozen=True)
class Found:
    """The number of annotated people found, and the joint conversion that was guessed."""

    people: int
    found: int
    joints: str | None


def read(options: KeypointsEstimate, *, fps: float) -> dict[str, list[PoseSequence]]:
    """Read every detected track, by video, with frames counted from 0.

    Raises:
        FileNotFoundError, ValueError: as the readers of `hanet.formats`; a frame before the first.
    """
    asked = ReadOptions(
        fps=fps,
        images=None if options.images is None else Path(options.images),
        min_person_score=options.min_score,
        max_gap=0,
    )
    videos: dict[str, list[PoseSequence]] = {}
    for path in options.files:
        poses = formats.read(Path(path), asked, format=options.format)
        for note in poses.notes:
            console.print(f"  {path}: {note}")
        for track in detections(poses):
            if track.start < options.first_frame:
                raise ValueError(
                    f"{path}: {track.name} has a frame {track.start}, before first_frame "
                    f"{options.first_frame}; correct first_frame in params.yaml"
                )
            videos.setdefault(track.name, []).append(replace(track, start=track.start - options.first_frame))
    return videos


def named_as(videos: Videos, wanted: Sequence[str]) -> dict[str, list[PoseSequence]]:
    """Rename videos to the data set's names; those without a match keep their own.

    Raises:
        ValueError: an ambiguous name, see `hanet.formats.image_names.match_videos`.
    """
    names = match_videos(wanted, list(videos))
    return {
        names.get(video, video): [replace(track, name=names.get(video, video)) for track in tracks]
        for video, tracks in videos.items()
    }


def hashes(options: KeypointsEstimate) -> dict[str, str]:
    """SHA-256 of files by their position in the list; a folder's covers its files' hashes and names."""
    paths = [*options.files, *([options.images] if options.images else [])]
    return {f"{number}:{Path(path).name}": _hash(Path(path)) for number, path in enumerate(paths)}


def _hash(path: Path) -> str:
    if path.is_file():
        return file_hash(path)
    lines = [f"{file_hash(file)}  {file.name}\n" for file in sorted(path.glob("*.json"))]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def pairs(
    truth: Sequence[PoseSequence], videos: Videos, options: KeypointsEstimate, *, keep: bool
) -> tuple[list[tuple[PoseSequence, PoseSequence]], Found]:
    """(detected, ground truth) of the annotated tracks of a split, in their order.

    Args:
        truth: annotated tracks.
        videos: detected tracks by video.
        options: of the matching.
        keep: True keeps people who were never detected, with all keypoints at the image's corner, so that
            they count as missed; False leaves them out.

    Raises:
        ValueError: no video of the data set is among the files', ambiguous names, joints that cannot be
            converted, or nobody found.
    """
    by_video: dict[str, list[int]] = {}
    for number, sequence in enumerate(truth):
        by_video.setdefault(sequence.name, []).append(number)
    named = named_as(videos, list(by_video))
    if not set(by_video) & set(named):
        raise ValueError(
            f"none of the data set's videos ({_some(by_video)}) is among the files' ({_some(videos)}); name "
            "files and images as the data set names its sequences"
        )
    found: list[PoseSequence | None] = [None] * len(truth)
    guesses: set[str] = set()
    for name, numbers in by_video.items():
        # A pooled split lists a clip several times: these are one person, not several.
        listed: dict[tuple[int, bytes], list[int]] = {}
        for number in numbers:
            listed.setdefault((truth[number].start, truth[number].values.tobytes()), []).append(number)
        people = [truth[same[0]] for same in listed.values()]
        converted = [on_skeleton(track, people[0].skeleton) for track in named.get(name, ())]
        guesses |= {guess for _, guess in converted if guess is not None}
        poses = pair_with_truth(people, [track for track, _ in converted], max_distance=options.max_distance)
        for same, one in zip(listed.values(), poses, strict=True):
            for number in same:
                found[number] = None if one is None else replace(one, track=truth[number].track)
    count = sum(one is not None for one in found)
    if count == 0:
        raise ValueError(
            f"nobody of {len(truth)} annotated people was found within max_distance "
            f"{options.max_distance:g}; check first_frame, and that both count pixels from the same corner"
        )
    paired = [
        (_missed(gt) if one is None else one, gt)
        for one, gt in zip(found, truth, strict=True)
        if one is not None or keep
    ]
    return paired, Found(len(truth), count, ", ".join(sorted(guesses)) or None)


def _missed(truth: PoseSequence) -> PoseSequence:
    zeros = np.zeros_like(truth.values)
    return replace(truth, values=zeros, scores=zeros[..., 0], labelled=None)


def _some(names: Mapping[str, object]) -> str:
    shown = list(names)[:5]
    return ", ".join(shown) + (", …" if len(names) > len(shown) else "")


def keypoints(poses: Path, folder: Path, options: KeypointsEstimate) -> None:
    """Detected tracks of annotated people; people who were never detected are left out of train and val."""
    caches = {split: PoseCache.open(poses / f"gt-{split}.parquet", representation="2d") for split in SPLITS}
    people = {split: list(cache.sequences()) for split, cache in caches.items()}
    every = dict.fromkeys(sequence.name for sequences in people.values() for sequence in sequences)
    videos = named_as(read(options, fps=caches["test"].metadata.fps), list(every))
    for split, cache in caches.items():
        kept, found = pairs(people[split], videos, options, keep=split == "test")
        console.print(f"  {split}: {found.found} of {found.people} people found")
        provenance = {"sources_sha256": hashes(options), "format": options.format, **asdict(found)}
        estimator = f"keypoints-{options.format}"
        write(
            folder / f"detected-{split}.parquet", [p for p, _ in kept], cache.metadata, estimator, provenance
        )
        if len(kept) < found.people:
            with CacheWriter(folder / f"gt-{split}.parquet", cache.metadata) as writer:
                for _, truth in kept:
                    writer.write(truth)
