"""Errors that figures show: per frame, wrong joints, error-prone spans.

Axes: T frames, J joints. Metrics are those of `hanet.metrics.functional`. Errors of 3D joints are in
millimetres with roots aligned, those of keypoints in pixels without alignment.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from hanet.metrics import functional as F  # noqa: N812
from hanet.poses.gaps import runs
from hanet.poses.sequence import PoseSequence, check_pair

SMOOTHING_SECONDS = 0.5
WORST_SHARE = 0.2
MIN_SPAN_SECONDS = 0.2


@dataclass(frozen=True)
class Errors:
    """A method's errors in one sequence; NaN where the ground truth is unknown.

    Attributes:
        joints: distance of each joint from the ground truth (T, J), in `unit`.
        accel: mean acceleration error over joints (T), in `unit` per frame²; NaN in the first and last frame.
        unit: ``mm`` or ``px``.
    """

    joints: Float[np.ndarray, "T J"]
    accel: Float[np.ndarray, " T"]
    unit: str

    @property
    def frames(self) -> Float[np.ndarray, " T"]:
        """Mean over joints with known ground truth (T): MPJPE for 3D joints."""
        return mean_known(self.joints)


def errors(gt: PoseSequence, poses: PoseSequence) -> Errors:
    """Compute errors of 3D joints or keypoints.

    Raises:
        ValueError: the sequences do not pair up, or are rotations.
    """
    check_pair(gt, poses)
    if gt.representation == "smpl":
        raise ValueError(f"{gt.name}: rotations have no positions; convert SMPL poses to 3D joints")
    truth, found = known(gt), poses.values
    if gt.representation == "3d":
        root, scale, unit = gt.skeleton.root, F.MM_PER_M, "mm"
        joints = F.mpjpe_per_joint(found, truth, root=root)
    else:
        root, scale, unit = None, 1.0, "px"
        joints = np.linalg.norm(found.astype(np.float64) - truth, axis=-1)
    accel = np.full(len(gt), np.nan)
    accel[1:-1] = scale * mean_known(F.accel_per_joint(found, truth, root=root))
    return Errors(joints=joints, accel=accel, unit=unit)


def known(gt: PoseSequence) -> Float[np.ndarray, "T J D"]:
    """The ground truth, NaN where it is not labelled."""
    if gt.labelled is None:
        return gt.values
    return np.where(gt.labelled[..., None], gt.values, np.nan).astype(gt.values.dtype)


def mean_known(values: Float[np.ndarray, "T J"]) -> Float[np.ndarray, " T"]:
    """Mean of each row over values that are not NaN; NaN if all are."""
    here = np.isfinite(values)
    count = here.sum(axis=1)
    total = np.where(here, values, 0.0).sum(axis=1, dtype=np.float64)
    return np.divide(total, count, out=np.full(len(values), np.nan), where=count > 0)


def wrong_joints(
    gt: PoseSequence, poses: PoseSequence, *, wrong_mm: float, wrong_alpha: float
) -> Bool[np.ndarray, "T J"]:
    """True where a joint is farther from the known ground truth than the threshold.

    Args:
        gt, poses: sequences that pair up.
        wrong_mm: threshold for 3D joints, root-relative.
        wrong_alpha: threshold for keypoints, as a share of the longer side of the ground truth's box.

    Raises:
        ValueError: the ground truth of keypoints has no boxes.
    """
    joints = errors(gt, poses).joints
    if gt.representation == "3d":
        return joints > wrong_mm
    if gt.boxes is None:
        raise ValueError(
            f"{gt.name}: expected ground truth with boxes, to which a keypoint's error is compared; got none"
        )
    return joints > wrong_alpha * F.box_size(gt.boxes)[:, None]


def running_mean(values: Float[np.ndarray, " T"], frames: int) -> Float[np.ndarray, " T"]:
    """Centred mean over `frames` (one more if even), without NaN and frames past the ends."""
    reach = frames // 2
    here = np.isfinite(values)
    kernel = np.ones(2 * reach + 1)

    def total(x: np.ndarray) -> np.ndarray:
        return np.convolve(x, kernel)[reach : reach + len(values)]

    count = np.round(total(here.astype(np.float64)))
    smooth = total(np.where(here, values, 0.0).astype(np.float64))
    return np.divide(smooth, count, out=np.full(len(values), np.nan), where=here & (count > 0))


@dataclass(frozen=True)
class Span:
    """Rows ``start`` to ``stop`` (excluded) of a sequence; ``worst`` is the row of the largest error."""

    start: int
    stop: int
    worst: int


def error_prone_spans(position: Float[np.ndarray, " T"], *, fps: float) -> list[Span]:
    """Find runs of frames in which the input's smoothed error is among the sequence's worst fifth.

    The error is smoothed by a centred mean over half a second. Runs shorter than a fifth of a second are
    skipped.

    Args:
        position: the input's error per frame.
        fps: frames per second.
    """
    smooth = running_mean(position, round(SMOOTHING_SECONDS * fps))
    here = np.isfinite(smooth)
    if not here.any():
        return []
    limit = np.quantile(smooth[here], 1 - WORST_SHARE)
    inside = np.where(here, smooth, -np.inf) > limit
    return [
        Span(run.start, run.stop, int(run.start + np.argmax(smooth[run])))
        for run in runs(inside)
        if run.stop - run.start >= MIN_SPAN_SECONDS * fps
    ]


def worst_span(position: Float[np.ndarray, " T"], *, fps: float) -> Span:
    """The error-prone span with the highest smoothed error; the whole sequence if there is none."""
    smooth = running_mean(position, round(SMOOTHING_SECONDS * fps))
    whole = Span(0, len(position), int(np.argmax(np.nan_to_num(smooth, nan=-np.inf))))
    return max(error_prone_spans(position, fps=fps), key=lambda span: smooth[span.worst], default=whole)
