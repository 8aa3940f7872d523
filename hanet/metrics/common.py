"""Two sets of tracks brought to what both have: tracks, joints, frames. For scoring files of any format.

Axes: T frames, J joints, D coordinates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from hanet.formats.missing import present
from hanet.poses.plausible import check_metres, without_wild
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import Skeleton


@dataclass(frozen=True)
class Common:
    """Pairs for `hanet.metrics.evaluate`.

    Attributes:
        gt, detected: the tracks in the same order, on the same joints and frames; the truth is not
            `labelled` where 3D joints were not detected.
        found: share of the truth's joint positions that were detected.
        joints: names of the joints compared.
    """

    gt: list[PoseSequence]
    detected: list[PoseSequence]
    found: float
    joints: tuple[str, ...]


def common(
    gt: Sequence[PoseSequence], detected: Sequence[PoseSequence], *, gt_path: Path | str, path: Path | str
) -> Common:
    """Pair tracks by name and number, or the only two there are; joints by name and frames by number.

    Args:
        gt: ground truth.
        detected: what is scored.
        gt_path, path: of the files, for messages.

    Raises:
        ValueError: tracks that do not pair up, other rates or dimensions, no common joint or frame, or
            joints that are not in metres.
    """
    pairs = _pairs(gt, detected, gt_path, path)
    joints = tuple(joint for joint in gt[0].skeleton.joints if joint in detected[0].skeleton.joints)
    if not joints:
        raise ValueError(
            f"{path}: no joint has the same name as in {gt_path}, which begin with "
            f"{', '.join(detected[0].skeleton.joints[:3])} and {', '.join(gt[0].skeleton.joints[:3])}; give "
            "--skeleton"
        )
    skeleton = _subset(gt[0].skeleton, joints)
    truths, others = [], []
    wanted = found = 0
    for truth, poses in pairs:
        for name in ("representation", "fps", "unit"):
            a, b = getattr(truth, name), getattr(poses, name)
            if a != b:
                raise ValueError(
                    f"{path}: {name} is {b}, that of {gt_path} is {a}; score files of the same {name}"
                )
        check_metres(truth)
        check_metres(poses)
        truth, poses = without_wild(truth)[0], without_wild(poses)[0]
        first = max(truth.start, poses.start)
        stop = min(truth.start + len(truth), poses.start + len(poses))
        if stop <= first:
            raise ValueError(
                f"{path}: {poses.name}, track {poses.track} has frames {poses.start} to "
                f"{poses.start + len(poses) - 1}, {gt_path} has {truth.start} to "
                f"{truth.start + len(truth) - 1}: none in common"
            )
        truth_known = int(present(_on(truth, skeleton)).sum())
        a, b = (_part(track, first, stop, skeleton) for track in (truth, poses))
        seen = present(b.values)
        known = present(a.values) if a.labelled is None else present(a.values) & a.labelled
        wanted += truth_known
        found += int((known & seen).sum())
        if a.representation == "3d":
            known = known & seen
        truths.append(replace(a, labelled=known, boxes=_boxes(a)))
        others.append(replace(b, name=a.name, track=a.track, frame_of_reference=a.frame_of_reference))
    return Common(truths, others, found / max(wanted, 1), joints)


def _pairs(
    gt: Sequence[PoseSequence], detected: Sequence[PoseSequence], gt_path: Path | str, path: Path | str
) -> list[tuple[PoseSequence, PoseSequence]]:
    for tracks, where in ((gt, gt_path), (detected, path)):
        if not tracks:
            raise ValueError(f"{where}: nobody in any frame, so there is nothing to score")
    if len(gt) == len(detected) == 1:
        return [(gt[0], detected[0])]
    by_key = {track.key: track for track in detected}
    if len({track.name for track in gt}) == len({track.name for track in detected}) == 1:
        by_key = {(gt[0].name, track.track): track for track in detected}
    lost = [track.key for track in gt if track.key not in by_key]
    if lost:
        names = ", ".join(f"{name} (track {number})" for name, number in list(by_key)[:5])
        raise ValueError(
            f"{path}: no track {lost[0][0]} ({lost[0][1]}) of {gt_path}; it has {names}; give the tracks of "
            "both files the same names and numbers"
        )
    return [(track, by_key[track.key]) for track in gt]


def _subset(skeleton: Skeleton, joints: tuple[str, ...]) -> Skeleton:
    if joints == skeleton.joints:
        return skeleton
    roots = [joint for joint in (skeleton.joints[i] for i in skeleton.root) if joint in joints]
    root = tuple(joints.index(joint) for joint in roots or joints[:1])
    return Skeleton(f"{skeleton.name} ({len(joints)} joints)", joints, (-1,) * len(joints), root)


def _on(track: PoseSequence, skeleton: Skeleton) -> np.ndarray:
    return track.values[:, [track.skeleton.index(joint) for joint in skeleton.joints]]


def _part(track: PoseSequence, first: int, stop: int, skeleton: Skeleton) -> PoseSequence:
    index = [track.skeleton.index(joint) for joint in skeleton.joints]
    piece = track.part(slice(first - track.start, stop - track.start))
    return replace(
        piece,
        values=piece.values[:, index],
        labelled=None if piece.labelled is None else piece.labelled[:, index],
        scores=None,
        skeleton=skeleton,
    )


def _boxes(track: PoseSequence) -> np.ndarray | None:
    """The person's boxes, or those around the known keypoints; NaN without any."""
    if track.representation != "2d" or (track.boxes is not None and np.isfinite(track.boxes).all()):
        return track.boxes
    empty = np.asarray(~present(track.values).any(axis=1))
    values = np.where(empty[:, None, None], 0.0, track.values)
    boxes = np.concatenate([np.nanmin(values, axis=1), np.nanmax(values, axis=1)], axis=1)
    boxes[empty] = np.nan
    return boxes
