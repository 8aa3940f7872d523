"""The tracks of a pose file beside those of its refined version.

Axes: T frames, J joints, D coordinates (2 or 3).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from hanet.formats.base import PoseFile
from hanet.formats.missing import present
from hanet.poses.errors import NoPosesError
from hanet.poses.sequence import PoseSequence

_HEAD = ("head_top", "nose", "head", "neck", "thorax", "l_shoulder", "r_shoulder", "spine3")
_FEET = ("l_ankle", "r_ankle", "l_heel", "r_heel", "l_foot", "r_foot", "l_knee", "r_knee")


@dataclass(frozen=True, eq=False)
class Person:
    """A track as read, and refined.

    Attributes:
        raw: keypoints or 3D joints.
        refined: on the same frames and joints, NaN where the refined file has none; None without
            such a track.
    """

    raw: PoseSequence
    refined: PoseSequence | None


@dataclass(frozen=True, eq=False)
class People:
    """All people of one or two files.

    Attributes:
        each: in the file's order.
        fps: frames per second, or None where no file says it.
        unit: of their coordinates, ``px`` or ``m``.
        notes: what was assumed or left out, one sentence each.
    """

    each: Sequence[Person]
    fps: float | None
    unit: str
    notes: Sequence[str]


def pair(raw: PoseFile, refined: PoseFile | None = None) -> People:
    """Pair the tracks of two files by video and number, or the only two there are; joints by name.

    SMPL's rotations become the joints of the synthetic body.

    Raises:
        NoPosesError: nobody is in the first file.
        ValueError: files of other rates or dimensions, or without a common track, joint or frame.
    """
    if not raw.tracks:
        raise NoPosesError(f"{raw.path}: nobody in any frame, so there is nothing to show")
    notes = list(raw.notes)
    if raw.tracks[0].representation == "smpl":
        notes.append("The file has rotations; they are shown on a standard body, its pelvis fixed.")
    tracks = [_points(track) for track in raw.tracks]
    each = [Person(track, None) for track in tracks]
    if refined is not None:
        _check(raw, refined)
        partners = _partners(tracks, [_points(track) for track in refined.tracks])
        each = [Person(t, _on(t, partners[t.key]) if t.key in partners else None) for t in tracks]
        without = sum(person.refined is None for person in each)
        if without == len(each):
            raise ValueError(
                f"{refined.path}: no track, joint and frame in common with {raw.path}; give a file and its "
                "refined version"
            )
        if without:
            notes.append(f"{without} of {len(each)} tracks have no refined one of the same name and number.")
    known = next((file for file in (raw, refined) if file is not None and file.fps_known), None)
    return People(each, None if known is None else known.fps, tracks[0].unit, notes)


def _check(raw: PoseFile, refined: PoseFile) -> None:
    rates = raw.fps, refined.fps
    if raw.fps_known and refined.fps_known and abs(rates[0] / rates[1] - 1) > 1e-3:
        raise ValueError(
            f"{refined.path} has {rates[1]:g} frames per second, {raw.path} has {rates[0]:g}; give a "
            "file and its refined version"
        )
    kinds = {track.representation for track in raw.tracks}, {track.representation for track in refined.tracks}
    if kinds[1] and kinds[0] != kinds[1]:
        ours, theirs = (" and ".join(sorted(kind)) for kind in kinds)
        raise ValueError(f"{refined.path} has {theirs} poses, {raw.path} has {ours}; both must be the same")


def _points(track: PoseSequence) -> PoseSequence:
    if track.representation != "smpl":
        return track
    from hanet.smpl.rest_pose import posed_joints

    return PoseSequence.joints(
        track.name,
        posed_joints(track.values),
        track.skeleton,
        fps=track.fps,
        frame_of_reference="world",
        track=track.track,
        start=track.start,
        scores=track.scores,
    )


def _partners(
    tracks: Sequence[PoseSequence], others: Sequence[PoseSequence]
) -> dict[tuple[str, int], PoseSequence]:
    """By key of a track the refined one."""
    if len(tracks) == len(others) == 1:
        return {tracks[0].key: others[0]}
    if len({track.name for track in tracks}) == len({track.name for track in others}) == 1:
        return {(tracks[0].name, other.track): other for other in others}
    return {other.key: other for other in others}


def _on(track: PoseSequence, other: PoseSequence) -> PoseSequence | None:
    """The other's values on the frames and joints of a track; None without a common frame or joint."""
    first = max(track.start, other.start)
    stop = min(track.start + len(track), other.start + len(other))
    shared = [
        (j, other.skeleton.joints.index(joint))
        for j, joint in enumerate(track.skeleton.joints)
        if joint in other.skeleton.joints
    ]
    if stop <= first or not shared:
        return None
    values = np.full(track.values.shape, np.nan)
    ours, theirs = (list(column) for column in zip(*shared, strict=True))
    part = other.values[first - other.start : stop - other.start]
    values[first - track.start : stop - track.start, ours] = part[:, theirs]
    return replace(track, values=values, scores=None, labelled=None)


def upward(tracks: Sequence[PoseSequence]) -> Float[np.ndarray, " 3"]:
    """The axis of 3D joints that points up: -y of a camera, else the one from feet to head.

    Of tracks without such joints it is the axis along which a pose extends most.
    """
    if tracks[0].frame_of_reference.startswith("camera"):
        return np.array([0.0, -1.0, 0.0])
    skeleton = tracks[0].skeleton
    poses = np.concatenate([track.values[:: max(1, len(track) // 200)] for track in tracks[:20]])
    poses = poses[present(poses).any(axis=1)].astype(np.float64)
    head, feet = (
        [skeleton.joints.index(joint) for joint in joints if joint in skeleton.joints]
        for joints in (_HEAD, _FEET)
    )
    rise = np.zeros(3)
    if head and feet and len(poses):
        differences = _mean(poses[:, head]) - _mean(poses[:, feet])
        differences = differences[np.isfinite(differences).all(axis=1)]
        rise = np.median(differences, axis=0) if len(differences) else rise
    if not rise.any() and len(poses):
        rise = np.median(np.nanmax(poses, axis=1) - np.nanmin(poses, axis=1), axis=0)
    up = np.zeros(3)
    axis = int(np.abs(rise).argmax()) if rise.any() else 1
    up[axis] = 1.0 if rise[axis] >= 0 else -1.0
    return up


def _mean(values: Float[np.ndarray, "T K 3"]) -> Float[np.ndarray, "T 3"]:
    """Mean of the known joints; NaN without one."""
    known = present(values)
    count = known.sum(axis=1)[:, None]
    total = np.where(known[..., None], values, 0.0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
