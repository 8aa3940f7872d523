"""The arithmetic of every metric, as pure functions of one sequence.

Axes: T frames, J joints, D dimensions; T2 is T - 2. Poses with the frames last (D, J, T) are planes, see
`hanet.metrics.planes`. Errors of 3D joints come in metres and leave in millimetres; all sums run in float64.
A ground-truth value that is NaN is unknown: what needs it is NaN and left out of means. A prediction that is
NaN where the truth is known makes the mean NaN: no frame is dropped for a method's sake.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float

from hanet.metrics.planes import around, lengths, planes, whole_frames
from hanet.metrics.similarity import aligned
from hanet.metrics.similarity import procrustes as procrustes
from hanet.poses.skeletons import Skeleton

MM_PER_M = 1000.0


def valid_frames(gt: Float[np.ndarray, "T J D"]) -> Bool[np.ndarray, " T"]:
    """True where every joint of the ground truth is known."""
    return whole_frames(gt)


def mpjpe_per_joint(
    pred: Float[np.ndarray, "T J D"], gt: Float[np.ndarray, "T J D"], *, root: Sequence[int]
) -> Float[np.ndarray, "T J"]:
    """Distance (mm) of every joint from the truth, both root-relative; a frame with an unknown joint is NaN.

    Args:
        pred, gt: joints in metres, in one frame of reference up to translation.
        root: the joints whose mean is the origin, `Skeleton.root`.
    """
    return position_errors(around(planes(pred), root), truth_around(gt, root)).T


def truth_around(gt: Float[np.ndarray, "T J D"], root: Sequence[int]) -> Float[np.ndarray, "D J T"]:
    """Root-relative planes of the ground truth; a frame with an unknown joint is all NaN."""
    true = around(planes(gt), root)
    if not (valid := valid_frames(gt)).all():
        true[:, :, ~valid] = np.nan
    return true


def position_errors(p: Float[np.ndarray, "D J T"], g: Float[np.ndarray, "D J T"]) -> Float[np.ndarray, "J T"]:
    """Distances (mm) of planes in metres."""
    error = lengths(p - g)
    error *= MM_PER_M
    return error


def mpjpe_per_frame(
    pred: Float[np.ndarray, "T J D"], gt: Float[np.ndarray, "T J D"], *, root: Sequence[int]
) -> Float[np.ndarray, " T"]:
    """MPJPE (mm) of each frame, NaN where a joint of the ground truth is unknown; see `mpjpe`."""
    return mpjpe_per_joint(pred, gt, root=root).mean(axis=1)


def mpjpe(pred: Float[np.ndarray, "T J D"], gt: Float[np.ndarray, "T J D"], *, root: Sequence[int]) -> float:
    """Mean per-joint position error (mm, 0 is perfect): over joints, then frames, after root alignment.

    Frames whose ground truth holds NaN are left out; NaN if none is left.
    """
    return _mean(mpjpe_per_frame(pred, gt, root=root)[valid_frames(gt)])


def collapsed(poses: Float[np.ndarray, "T J D"]) -> Bool[np.ndarray, " T"]:
    """True where all joints of a frame lie in one point, as in a frame of zeros."""
    return (poses == poses[:, :1]).all(axis=(1, 2))


def pa_mpjpe_per_joint(
    pred: Float[np.ndarray, "T J D"], gt: Float[np.ndarray, "T J D"]
) -> Float[np.ndarray, "T J"]:
    """Distance (mm) of every joint from the truth after `procrustes`; NaN in frames with an unknown joint."""
    true = planes(gt)
    return position_errors(aligned(planes(pred), true), true).T


def pa_mpjpe(pred: Float[np.ndarray, "T J D"], gt: Float[np.ndarray, "T J D"]) -> float:
    """MPJPE (mm) after a similarity alignment of each frame; mean over joints, then frames.

    Frames whose ground truth holds NaN are left out; NaN if none is left.
    """
    return _mean(pa_mpjpe_per_joint(pred, gt).mean(axis=1)[valid_frames(gt)])


def accel_per_joint(
    pred: Float[np.ndarray, "T J D"], gt: Float[np.ndarray, "T J D"], *, root: Sequence[int] | None
) -> Float[np.ndarray, "T2 J"]:
    """Length of the error of each joint's second difference, for the T-2 frames that have two neighbours.

    Args:
        pred, gt: poses in any one unit; the result is in that unit per frame².
        root: joints whose mean is subtracted first; None leaves the poses where they are (2D).

    NaN where the truth is unknown in one of the three frames: with a root, where any joint is, without one,
    where this joint is. No rows below three frames.
    """
    if root is None:
        return second_difference_errors(planes(pred), planes(gt)).T
    return second_difference_errors(around(planes(pred), root), truth_around(gt, root)).T


def second_difference_errors(
    p: Float[np.ndarray, "D J T"], g: Float[np.ndarray, "D J T"]
) -> Float[np.ndarray, "J T2"]:
    """Lengths of the error's second differences, in the planes' unit per frame²."""
    error = p - g
    second = error[..., :-2] - 2 * error[..., 1:-1]
    second += error[..., 2:]
    return lengths(second)


def accel(pred: Float[np.ndarray, "T J D"], gt: Float[np.ndarray, "T J D"], *, root: Sequence[int]) -> float:
    """Acceleration error (mm/frame², 0 is perfect) of root-relative joints in metres.

    Mean over joints, then over the frames that are the middle of three known ones; NaN if there is none.
    Not comparable between frame rates: see `accel_m_per_s2`.
    """
    error = MM_PER_M * accel_per_joint(pred, gt, root=root).mean(axis=1)
    valid = valid_frames(gt)
    return _mean(error[valid[:-2] & valid[1:-1] & valid[2:]])


def accel_smoothnet(
    pred: Float[np.ndarray, "T J D"], gt: Float[np.ndarray, "T J D"], *, root: Sequence[int]
) -> float:
    """`accel` as SmoothNet averages it: the first and the last frame count with an error of zero.

    ``accel · n / (n + 2)`` with n frames that have two known neighbours; NaN if there is none.
    """
    valid = valid_frames(gt)
    n = int((valid[:-2] & valid[1:-1] & valid[2:]).sum())
    return accel(pred, gt, root=root) * n / (n + 2)


def accel_m_per_s2(accel_mm_per_frame2: float, fps: float) -> float:
    """An acceleration error in m/s², comparable between frame rates, from one in mm/frame²."""
    return accel_mm_per_frame2 * fps**2 / MM_PER_M


def box_size(boxes: Float[np.ndarray, "T 4"]) -> Float[np.ndarray, " T"]:
    """The longer side (px) of each frame's box x1, y1, x2, y2: what PCK measures distances by."""
    return np.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])


def torso_size(gt: Float[np.ndarray, "T J D"], skeleton: Skeleton) -> Float[np.ndarray, " T"]:
    """Distance of left shoulder and right hip in each frame; NaN where one of them is unknown.

    Raises:
        KeyError: the skeleton lacks one of the two joints.
    """
    diagonal = gt[:, skeleton.index("l_shoulder")] - gt[:, skeleton.index("r_hip")]
    return np.linalg.norm(diagonal, axis=-1)


def pck_hits(
    pred: Float[np.ndarray, "T J D"],
    gt: Float[np.ndarray, "T J D"],
    size: Float[np.ndarray, " T"],
    *,
    alpha: float,
) -> Float[np.ndarray, "T J"]:
    """1 where a keypoint is within ``alpha · size`` of the truth, 0 where not; NaN where either is unknown.

    A predicted NaN is a miss: the keypoint was there and was not found.
    """
    distance = lengths(planes(pred) - planes(gt)).T
    limit = alpha * size.astype(np.float64)[:, None]
    hits = (distance <= limit).astype(np.float64)
    hits[~np.isfinite(gt).all(axis=-1) | ~np.isfinite(limit)] = np.nan
    return hits


def pck(
    pred: Float[np.ndarray, "T J D"],
    gt: Float[np.ndarray, "T J D"],
    size: Float[np.ndarray, " T"],
    *,
    alpha: float,
) -> Float[np.ndarray, " J"]:
    """Share of frames (0 to 1) in which each keypoint is within ``alpha · size`` of the truth.

    Args:
        pred, gt: keypoints in pixels.
        size: `box_size` or `torso_size` of the ground truth.
        alpha: the share of `size` that still counts as correct.

    Over several sequences, ``per_sequence`` PCK is the mean of this over sequences, then joints;
    ``per_frame`` PCK pools the frames first. NaN for a keypoint that is never known.
    """
    hits = pck_hits(pred, gt, size, alpha=alpha)
    known = np.isfinite(hits).sum(axis=0)
    share = np.full(hits.shape[1], np.nan)
    return np.divide(np.nansum(hits, axis=0), known, out=share, where=known > 0)


def frame_speed(gt: Float[np.ndarray, "T J D"], *, root: Sequence[int]) -> Float[np.ndarray, " T"]:
    """Mean speed of the root-relative joints in each frame, in the poses' unit per frame.

    Central differences, one-sided at both ends; NaN where a frame it needs is unknown or there is only one.
    """
    return mean_speed(truth_around(gt, root))


def mean_speed(g: Float[np.ndarray, "D J T"]) -> Float[np.ndarray, " T"]:
    """`frame_speed` of root-relative planes."""
    T = g.shape[2]
    if T < 2:
        return np.full(T, np.nan)
    difference = np.empty_like(g)
    np.subtract(g[..., 2:], g[..., :-2], out=difference[..., 1:-1])
    difference[..., 1:-1] *= 0.5
    difference[..., 0], difference[..., -1] = g[..., 1] - g[..., 0], g[..., -1] - g[..., -2]
    return lengths(difference).mean(axis=0)


def fast_frames(speed: Float[np.ndarray, " N"], *, share: float = 0.05) -> Bool[np.ndarray, " N"]:
    """Mask of the fastest `share` of frames, rounded up; frames of unknown speed neither count nor enter.

    A method that scores well on all frames and badly on these smooths motion away.
    """
    if not 0 < share <= 1:
        raise ValueError(f"share must be above 0 and at most 1, got {share}")
    known = np.isfinite(speed)
    # The tolerance keeps 0.05 · 20 frames at one frame.
    count = int(np.ceil(share * known.sum() - 1e-9))
    if count == 0:
        return np.zeros(len(speed), dtype=bool)
    ranked = np.where(known, speed, -np.inf)
    slowest = np.partition(ranked, len(ranked) - count)[len(ranked) - count]
    mask = ranked > slowest
    equal = np.flatnonzero(ranked == slowest)  # of equal speeds the first frames enter
    mask[equal[: count - int(mask.sum())]] = True
    return mask


def _mean(values: Float[np.ndarray, " N"]) -> float:
    return float(values.mean()) if len(values) else float("nan")
