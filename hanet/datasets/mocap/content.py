"""Motion capture seen by virtual cameras: the embedded clips."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

from hanet.datasets.common.content import Content, Item, first_clips
from hanet.datasets.mocap.clips import Clip, glitches, read_clips
from hanet.datasets.mocap.options import ClipsIngest, MocapIngest
from hanet.datasets.mocap.variation import varied
from hanet.datasets.mocap.virtual_cameras import cameras_around, views
from hanet.options import SPLITS
from hanet.poses.gaps import long_runs
from hanet.poses.names import clip_of
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import H36M17


def clips(raw: Path, options: ClipsIngest, dataset: str) -> Content:
    """Caches ``gt-<split>`` (joints) and ``keypoints-<split>``; split ``source`` trains the estimator.

    Raises:
        ValueError: a clip that is nobody's or of two people, or a person without clips.
    """
    found, owner, dropped = clips_of_people(raw, options, dataset)

    def items(split: str) -> Iterator[Item]:
        for clip in found[split]:
            yield from in_cameras(clip, split, options)

    return Content(
        {split: first_clips(items(split), options.limit) for split in found},
        group=lambda name: owner[clip_of(name)],
        groups="people",
        people=True,
        declared=[leak.declaration() for leak in options.declared],
        notes={"glitch_frames_left_out": dropped},
    )


def clips_of_people(
    raw: Path, options: ClipsIngest, dataset: str
) -> tuple[dict[str, list[Clip]], dict[str, str], dict[str, int]]:
    """The usable frames of each split's clips, each clip's person, and how many frames were left out.

    Raises:
        ValueError: a clip that is nobody's or of two people, or a person without clips.
    """
    found: dict[str, list[Clip]] = {split: [] for split in ("source", *SPLITS) if split in options.splits}
    owner: dict[str, str] = {}
    dropped: dict[str, int] = {}
    for clip in read_clips(raw, fps=options.fps):
        owner[clip.name] = person = _person(clip.name, options, dataset)
        if split := options.split_of.get(person):
            clip, dropped[clip.name] = without_glitches(clip, options)
            found[split].append(clip)
    if idle := sorted(set(options.people) - set(owner.values())):
        raise ValueError(
            f"no clip of {', '.join(idle)}; datasets.{dataset}.ingest.people names other clips than there "
            f"are: {', '.join(owner)}"
        )

    return found, owner, dropped


def _person(clip: str, options: ClipsIngest, dataset: str) -> str:
    people = [
        person
        for person, patterns in options.people.items()
        if any(fnmatchcase(clip, pattern) for pattern in patterns)
    ]
    if len(people) != 1:
        raise ValueError(
            f"clip {clip} must be of one person, got {' and '.join(people) or 'none'}; change "
            f"datasets.{dataset}.ingest.people"
        )
    return people[0]


def in_cameras(clip: Clip, split: str, options: MocapIngest) -> Iterator[Item]:
    """A clip in every virtual camera.

    The leakage guard compares the body's own motion: cameras differ between clips, so the same motion would
    go undetected.
    """
    cameras, variation = options.seen_by(split)
    compared: tuple[PoseSequence, ...] = (body(clip),)
    around = cameras_around(
        clip, cameras.count, seed=options.seed, distance=cameras.distance, off_centre=cameras.off_centre
    )
    for k, camera in enumerate(around):
        shown = clip if variation is None else varied(clip, variation, seed=options.seed, view=k)
        for view in views(shown, camera, k):
            yield Item(view.joints, {"keypoints": view.keypoints}, compared)
            compared = ()


def body(clip: Clip) -> PoseSequence:
    """The clip's poses independent of world position, in consecutive rows, without the gaps."""
    return PoseSequence.joints(
        clip.name, clip.joints, H36M17, fps=clip.fps, frame_of_reference="world"
    ).root_relative()


def without_glitches(clip: Clip, options: MocapIngest) -> tuple[Clip, int]:
    """The clip without impossible frames and without runs that are too short, and the number of frames
    removed.
    """
    limits = options.glitches
    keep = ~glitches(clip.joints, clip.fps, max_speed=limits.max_speed, max_stretch=limits.max_stretch)
    keep = long_runs(keep, limits.min_frames)
    if not keep.any():
        raise ValueError(
            f"clip {clip.name}: all {len(keep)} frames are glitches; check datasets.*.ingest.glitches"
        )
    return replace(clip, joints=clip.joints[keep], frames=clip.frames[keep]), int((~keep).sum())
