"""Motion capture seen by virtual cameras: the embedded clips."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from hanet.datasets.common.content import Content, Item
from hanet.datasets.mocap.clips import Clip, glitches, read_clips
from hanet.datasets.mocap.options import ClipsIngest, MocapIngest
from hanet.datasets.mocap.virtual_cameras import cameras_around, views
from hanet.options import SPLITS
from hanet.poses.gaps import long_runs
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import H36M17


def clips(raw: Path, options: ClipsIngest, dataset: str) -> Content:
    """Caches ``gt-<split>`` (joints) and ``keypoints-<split>``; split ``source`` is for the estimator."""
    wanted = {name: split for split, names in options.splits.items() for name in names}
    found: dict[str, list[Clip]] = {split: [] for split in ("source", *SPLITS)}
    dropped: dict[str, int] = {}
    for clip in read_clips(raw, fps=options.fps):
        clip, dropped[clip.name] = without_glitches(clip, options)
        split = "source" if clip.role == "source" else wanted.pop(clip.name, None)
        if split is None:
            raise ValueError(
                f"target clip {clip.name} is in no split; name it under datasets.{dataset}.ingest.splits"
            )
        found[split].append(clip)
    if wanted:
        raise ValueError(f"splits name clips that are not there: {', '.join(sorted(wanted))}")

    def items(split: str) -> Iterator[Item]:
        for clip in found[split]:
            yield from seen(clip, split, options)

    return Content({split: items(split) for split in found}, notes={"glitch_frames_left_out": dropped})


def seen(clip: Clip, split: str, options: MocapIngest) -> Iterator[Item]:
    """A clip in every virtual camera.

    What is compared is the body, once: each clip has its own cameras, and the same motion in two would not be
    noticed.
    """
    cameras = options.source_cameras if split == "source" else options.target_cameras
    compared: tuple[PoseSequence, ...] = (body(clip),)
    around = cameras_around(
        clip, cameras.count, seed=options.seed, distance=cameras.distance, off_centre=cameras.off_centre
    )
    for view in views(clip, around):
        yield Item(view.joints, {"keypoints": view.keypoints}, compared)
        compared = ()


def body(clip: Clip) -> PoseSequence:
    """The clip's poses, wherever in the world they happen; one row after the other, without the gaps."""
    return PoseSequence.joints(
        clip.name, clip.joints, H36M17, fps=clip.fps, frame_of_reference="world"
    ).root_relative()


def without_glitches(clip: Clip, options: MocapIngest) -> tuple[Clip, int]:
    """The clip without frames that no body can have and runs too short to be of use; how many those are."""
    limits = options.glitches
    keep = ~glitches(clip.joints, clip.fps, max_speed=limits.max_speed, max_stretch=limits.max_stretch)
    keep = long_runs(keep, limits.min_frames)
    if not keep.any():
        raise ValueError(
            f"clip {clip.name}: all {len(keep)} frames are glitches; check datasets.*.ingest.glitches"
        )
    return replace(clip, joints=clip.joints[keep], frames=clip.frames[keep]), int((~keep).sum())
