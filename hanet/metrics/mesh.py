"""Scores of SMPL poses, through the body: vertices and joints, chunk by chunk.

MPVPE under two protocols:

- ``mpvpe_mm``, protocol ``released``: vertices as the body gives them, without root alignment and without
  translation, as HANet's released evaluation means them. The estimator's betas serve its own and all refined
  poses, as no refiner changes them; the ground truth has its own.
- ``mpvpe_pelvis_mm``, protocol ``pelvis_aligned``: vertices minus the pelvis (SMPL joint 0) of their own
  body.

Joints are scored root-relative, as anywhere else (`hanet.metrics.functional`), every frame once (``full``).

Axes: T frames, V vertices, J joints. Vertices and joints in metres, errors in millimetres.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float

from hanet.cache.files import PoseCache
from hanet.metrics import evaluate
from hanet.metrics import functional as F  # noqa: N812
from hanet.metrics.accumulate import Accumulator, Scores, SequenceScores, Tally, tally
from hanet.poses.plausible import without_wild
from hanet.poses.sequence import PoseSequence, check_pair
from hanet.poses.skeletons import Skeleton
from hanet.smpl.body import Body, JointSet, joint_set_skeleton
from hanet.smpl.joints import joint_sequence
from hanet.smpl.side_table import SideTable, read_tracks, side_path
from hanet.smpl.tracks import SmplTrack


def mpvpe_per_frame(
    pred: Float[np.ndarray, "T V 3"], gt: Float[np.ndarray, "T V 3"]
) -> Float[np.ndarray, " T"]:
    """Mean distance (mm) of each frame's vertices from the true ones; NaN where any of either is unknown."""
    return F.MM_PER_M * np.linalg.norm(pred.astype(np.float64) - gt, axis=-1).mean(axis=1)


def mpvpe(pred: Float[np.ndarray, "T V 3"], gt: Float[np.ndarray, "T V 3"]) -> float:
    """Mean per-vertex position error (mm, 0 is perfect): over vertices, then the frames whose truth is known.

    Align the vertices first, if they are to be aligned. NaN if no frame is known.
    """
    errors = mpvpe_per_frame(pred, gt)[F.valid_frames(gt)]
    return float(errors.mean()) if len(errors) else float("nan")


def evaluate_meshes(
    gt: Iterable[SmplTrack],
    pred: Iterable[SmplTrack],
    body: Body,
    *,
    joints: JointSet = "smpl24",
    chunk: int = 64,
    resamples: int = 1000,
    seed: int = 4321,
) -> Scores:
    """Score SMPL poses by vertices and joints.

    ``mpvpe_mm``, ``mpvpe_pelvis_mm``, ``mpjpe_mm``, ``pa_mpjpe_mm``, ``accel_mm_per_frame2`` and
    ``accel_m_per_s2``.

    Tracks are read one pair at a time and posed `chunk` frames at a time; sums are all that is kept. So the
    memory needed beyond a pair of tracks does not grow with their length.

    Args:
        gt: true tracks. A frame with a joint that is NaN or not `labelled` is left out.
        pred: detected or refined tracks, in the order of `gt`.
        body: on the device to compute on.
        joints: which joints the joint metrics use.
        chunk: frames posed at a time; changes the speed and nothing else.
        resamples, seed: of the 95 % intervals, see `hanet.metrics.statistics`.

    Raises:
        ValueError: tracks that do not pair up, a frame to score without a prediction.
    """
    if chunk < 1:
        raise ValueError(f"chunk must be at least 1 frame, got {chunk}")
    skeleton = joint_set_skeleton(joints)
    accumulator = Accumulator(protocol="full", joints=skeleton.joints)
    for truth, poses in _pairs(gt, pred):
        known = _known(truth)
        _refuse_gaps(poses, known)
        posed = (
            (
                _pose(body, truth, rows, joints, known=known[rows]),
                _pose(body, poses, rows, joints),
            )
            for rows in (slice(a, min(a + chunk, len(truth))) for a in range(0, len(truth), chunk))
        )
        accumulator.add(
            SequenceScores(
                truth.poses.name,
                truth.poses.track,
                int(known.sum()),
                _tallies(posed, skeleton, fps=truth.poses.fps),
                truth.poses.person,
            )
        )
    return accumulator.scores(resamples=resamples, seed=seed)


def _pairs(gt: Iterable[SmplTrack], pred: Iterable[SmplTrack]) -> Iterator[tuple[SmplTrack, SmplTrack]]:
    for truth, poses in zip_longest(gt, pred):
        if poses is None:
            raise ValueError(
                f"{truth.poses.name}: has no partner, because the predicted tracks end before it"
            )
        if truth is None:
            raise ValueError(f"{poses.poses.name}: has no partner, because the true tracks end before it")
        check_pair(truth.poses, poses.poses)
        yield (
            replace(truth, poses=without_wild(truth.poses)[0]),
            replace(poses, poses=without_wild(poses.poses)[0]),
        )


def _known(truth: SmplTrack) -> Bool[np.ndarray, " T"]:
    known = np.isfinite(truth.poses.values).all(axis=(1, 2)) & np.isfinite(truth.betas).all(axis=1)
    return np.asarray(known if truth.poses.labelled is None else known & truth.poses.labelled.all(axis=1))


def _refuse_gaps(poses: SmplTrack, known: Bool[np.ndarray, " T"]) -> None:
    given = np.isfinite(poses.poses.values).all(axis=(1, 2)) & np.isfinite(poses.betas).all(axis=1)
    gaps = poses.poses.frames[known & ~given]
    if len(gaps):
        raise ValueError(
            f"{poses.poses.name}: no pose (NaN) in {len(gaps)} frames that are to be scored, the first is "
            f"{gaps[0]}; fill missing detections, or mark these frames unlabelled in the truth"
        )


class _Posed(NamedTuple):
    vertices: Float[np.ndarray, "T V 3"]
    pelvis: Float[np.ndarray, "T 1 3"]
    joints: Float[np.ndarray, "T J 3"]


def _pose(
    body: Body,
    track: SmplTrack,
    rows: slice,
    joints: JointSet,
    *,
    known: Bool[np.ndarray, " T"] | None = None,
) -> _Posed:
    """Vertices, the pelvis and the chosen joints; NaN where not known."""
    betas = torch.from_numpy(np.array(track.betas[rows], dtype=np.float32))
    with torch.inference_mode():
        output = body(track.matrices(rows).to(body.device), betas.to(body.device))
        parts = (output.vertices, output.joints[:, :1], body.joint_set(output, joints))
        posed = _Posed(*(track.scaling * points.cpu().numpy() for points in parts))
    if known is not None:
        for points in posed:
            points[~known] = np.nan
    return posed


def _tallies(
    posed: Iterable[tuple[_Posed, _Posed]],
    skeleton: Skeleton,
    *,
    fps: float,
) -> dict[str, Tally]:
    sums: dict[str, Tally] = {}
    tail: tuple[np.ndarray, np.ndarray] | None = None  # two frames before the chunk, for second differences
    for truth, found in posed:
        gt, pred = truth.joints, found.joints
        around = (
            (pred, gt) if tail is None else (np.concatenate(p) for p in zip(tail, (pred, gt), strict=True))
        )
        around_pred, around_gt = around
        tail = around_pred[-2:], around_gt[-2:]
        accel = F.accel_per_joint(around_pred, around_gt, root=skeleton.root)
        parts = {
            "mpvpe_mm": tally(mpvpe_per_frame(found.vertices, truth.vertices)[:, None]),
            "mpvpe_pelvis_mm": tally(
                mpvpe_per_frame(found.vertices - found.pelvis, truth.vertices - truth.pelvis)[:, None]
            ),
            "mpjpe_mm": tally(F.mpjpe_per_joint(pred, gt, root=skeleton.root)),
            "pa_mpjpe_mm": tally(F.pa_mpjpe_per_joint(pred, gt)),
            "accel_mm_per_frame2": tally(accel, scale=F.MM_PER_M),
        }
        for name, part in parts.items():
            before = sums.get(name, Tally(np.zeros_like(part.total), np.zeros_like(part.weight)))
            sums[name] = Tally(before.total + part.total, before.weight + part.weight)
    accel_sum = sums["accel_mm_per_frame2"]
    sums["accel_m_per_s2"] = Tally(accel_sum.total * F.accel_m_per_s2(1.0, fps), accel_sum.weight)
    return sums


def score(
    refined: PoseCache, truth: PoseCache, body: Body, joints: JointSet, *, resamples: int, seed: int
) -> Scores:
    """Joints and vertices of every frame once, see `evaluate_meshes`."""
    return evaluate_meshes(
        read_tracks(truth),
        read_tracks(refined),
        body,
        joints=joints,
        resamples=resamples,
        seed=seed,
    )


def joint_errors(
    detected: Path, truth: Path, body: Body
) -> Callable[[Sequence[PoseSequence], Sequence[PoseSequence]], dict[str, float]]:
    """A score for tuning filters on rotations: MPJPE, then Accel, of the body's joints.

    Args:
        detected, truth: caches of the split that is tuned on, each with its side table.
        body: what the rotations pose.
    """
    found, true = (SideTable(side_path(path)) for path in (detected, truth))

    def errors(refined: Sequence[PoseSequence], truth: Sequence[PoseSequence]) -> dict[str, float]:
        means = evaluate(
            (joint_sequence(true.attach(poses), body) for poses in truth),
            (joint_sequence(found.attach(poses), body) for poses in refined),
            resamples=1,
            brief=True,
        ).means
        return {name: means[name] for name in ("mpjpe_mm", "accel_mm_per_frame2")}

    return errors
