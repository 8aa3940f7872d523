"""Poses of one format as a new file of another.

Nothing is made up: joints are mapped by name, and a target that lacks a place for something refuses it or
says so in a note. Axes stay as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from hanet.formats.base import FormatError, PoseFile
from hanet.formats.keypoint_sets import KEYPOINT_SETS
from hanet.formats.linking import MAX_JOINTS
from hanet.formats.missing import present
from hanet.formats.new_file import NewFile, Target
from hanet.formats.targets import REFUSED, TARGETS, creator
from hanet.poses.errors import NoPosesError
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import Skeleton, conversion


def target_of(out: Path, to: str | None) -> str:
    """The format of a new file: as asked, or the only one of such an ending.

    Raises:
        ValueError: no target of that name or ending, several of that ending, or a name that contradicts it.
    """
    ending = out.suffix.lower()
    if to is not None:
        if to not in TARGETS:
            reason = (
                f"can only be written back: a new file {REFUSED[to]}" if to in REFUSED else "is no format"
            )
            raise ValueError(f"--to {to}: {to} {reason}; expected one of {', '.join(TARGETS)}")
        if ending not in TARGETS[to].endings:
            expected = " or ".join(e or "a name without ending, for a folder" for e in TARGETS[to].endings)
            raise ValueError(f"{out}: {to} is written as {expected}; choose another name")
        return to
    found = [
        name for name, target in TARGETS.items() if ending and ending in target.endings and not target.named
    ]
    if len(found) == 1:
        return found[0]
    if found:
        raise ValueError(f"{out}: may be {' or '.join(found)}; give --to")
    endings = sorted({e for target in TARGETS.values() for e in target.endings if e})
    raise ValueError(f"{out}: expected a name that ends in {', '.join(endings)}, or --to")


def convert(
    poses: PoseFile,
    out: Path,
    to: str,
    *,
    skeleton: Skeleton | None = None,
    sequence: str | None = None,
    track: int | None = None,
) -> list[str]:
    """Write poses as a new file of another format; it appears whole or not at all.

    Args:
        poses: as `hanet.formats.read` gives it.
        out: file or folder to write.
        to: key of `TARGETS`.
        skeleton: joints to write, found by name in the source; None for the source's own.
        sequence: only this video.
        track: only this person.

    Returns:
        How joints were mapped, and what the target does not hold, one sentence each.

    Raises:
        NoPosesError: nobody in the file, or nobody of that sequence and track.
        ValueError: the target cannot hold the poses, the rate is needed and not known, or no joint of
            `skeleton` is in the source.
    """
    target = TARGETS[to]
    chosen = [t for t in poses.tracks if sequence in (None, t.name) and track in (None, t.track)]
    chosen = [part for t in chosen if (part := _known_part(t)) is not None]
    if not chosen:
        names = ", ".join(f"{t.name} (track {t.track})" for t in poses.tracks[:6])
        raise NoPosesError(f"{poses.path}: nobody to write; it has {names or 'nobody in any frame'}")
    _check_fits(poses, chosen, to, target)
    chosen, notes = _mapped(poses, chosen, skeleton)
    written = chosen[0].skeleton
    if target.sets and written.name not in target.sets:
        raise ValueError(
            f"{poses.path}: {to} has no names of joints and cannot hold {written.name}; give --to-skeleton "
            f"{', '.join(target.sets)}"
        )
    new = NewFile(tracks=tuple(chosen), fps=poses.fps if poses.fps_known else None, source=poses.format)
    if len(new.frames) * len(chosen) * len(written) > MAX_JOINTS:
        raise FormatError(f"{poses.path}: more than {MAX_JOINTS} joints over all frames; choose --sequence")
    notes += _lost(poses, new, to, target)
    return [*notes, *creator(to)(out, new)]


def _known_part(track: PoseSequence) -> PoseSequence | None:
    """From the first to the last frame with a known joint."""
    known = present(track.values)
    if track.labelled is not None:
        known &= track.labelled
    rows = np.flatnonzero(known.any(axis=1))
    if not len(rows):
        return None
    values = np.where(known[..., None], track.values, np.nan)
    return replace(track, values=values, labelled=known).part(slice(int(rows[0]), int(rows[-1]) + 1))


def _check_fits(poses: PoseFile, chosen: Sequence[PoseSequence], to: str, target: Target) -> None:
    kinds = {"2d": "2D keypoints", "3d": "3D joints", "smpl": "rotations"}
    kind = chosen[0].representation
    if kind not in target.holds:
        held = " and ".join(kinds[one] for one in target.holds)
        raise ValueError(f"{poses.path}: {to} holds {held}, got {kinds[kind]}; choose another --to")
    videos = list(dict.fromkeys(track.name for track in chosen))
    if len(videos) > 1 and not target.videos:
        raise ValueError(f"{poses.path}: {to} holds one video, got {', '.join(videos[:6])}; give --sequence")
    if len(chosen) > 1 and not target.people:
        numbers = ", ".join(str(track.track) for track in chosen[:10])
        raise ValueError(f"{poses.path}: {to} holds one person, got tracks {numbers}; give --track")
    if target.fps == "needed":
        poses.require_fps()


def _mapped(
    poses: PoseFile, chosen: Sequence[PoseSequence], skeleton: Skeleton | None
) -> tuple[list[PoseSequence], list[str]]:
    """The tracks on another skeleton, by the joints' names, and how."""
    source = poses.skeleton
    if skeleton is None or skeleton == source:
        return list(chosen), []
    if chosen[0].representation == "smpl":
        raise ValueError(f"{poses.path}: rotations belong to their skeleton; leave out --to-skeleton")
    index, there = conversion(source, skeleton)
    if not there.any():
        raise ValueError(
            f"{poses.path}: no joint of {skeleton.name} among {', '.join(source.joints[:8])}, …; choose "
            "another --to-skeleton"
        )
    tracks = []
    for track in chosen:
        values = np.where(there[:, None], track.values[:, index], np.nan)
        scores = None if track.scores is None else np.where(there, track.scores[:, index], 0.0)
        known = np.asarray(present(values))
        tracks.append(replace(track, skeleton=skeleton, values=values, scores=scores, labelled=known))
    left_out = [joint for joint in source.joints if joint not in skeleton.joints]
    lacking = [joint for joint, ok in zip(skeleton.joints, there, strict=True) if not ok]
    note = f"joints: {int(there.sum())} of {skeleton.name} found by name in {source.name}"
    note += f"; left out {_listed(left_out)}" if left_out else ""
    note += f"; missing {_listed(lacking)}" if lacking else ""
    return tracks, [note]


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")


def _lost(poses: PoseFile, new: NewFile, to: str, target: Target) -> list[str]:
    """What the source has and the target does not hold."""
    notes = []
    if target.fps == "lost" and new.fps is not None:
        notes.append(f"{to} does not hold the rate ({new.fps:g} fps)")
    if not target.scores and any(track.scores is not None for track in new.tracks):
        notes.append(f"{to} does not hold scores")
    if target.scores and target.sets and all(track.scores is None for track in new.tracks):
        notes.append("the source has no scores: those of known joints are written as 1")
    frame = new.tracks[0].frame_of_reference
    if new.tracks[0].representation == "3d" and to in ("trc", "c3d"):
        notes.append(f"axes are those of the source ({frame}): none was turned")
    return notes


def skeleton_named(name: str | None) -> Skeleton | None:
    """A set of keypoints for ``--to-skeleton``; a ValueError lists the known ones."""
    if name is not None and name not in KEYPOINT_SETS:
        raise ValueError(f"unknown skeleton {name!r}; known: {', '.join(sorted(KEYPOINT_SETS))}")
    return None if name is None else KEYPOINT_SETS[name]
