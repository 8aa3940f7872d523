"""The arithmetic of every metric, as pure functions of one sequence.

Axes: T frames, J joints, D dimensions. Errors of 3D joints come in metres and leave in millimetres; all sums
run in float64. A ground-truth value that is NaN is unknown: what needs it is NaN and left out of means. A
prediction that is NaN where the truth is known makes the mean NaN: no frame is dropped for a method's sake.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float

from hanet.poses.skeletons import Skeleton

MM_PER_M = 1000.0


def valid_frames(gt: Float[np.ndarray, "T J D"]) -> Bool[np.ndarray, " T"]:
    """True where every joint of the ground truth is known."""
    return np.asarray(np.isfinite(gt).all(axis=(1, 2)))


def root_relative(poses: Float[np.ndarray, "T J D"], root: Sequence[int]) -> Float[np.ndarray, "T J D"]:
    """Poses in float64, minus the mean of the `root` joints frame by frame."""
    poses = poses.astype(np.float64)
    return poses - poses[:, list(root)].mean(axis=1, keepdims=True)


def mpjpe_per_joint(
    pred: Float[np.ndarray, "T J D"], gt: Float[np.ndarray, "T J D"], *, root: Sequence[int]
) -> Float[np.ndarray, "T J"]:
    """Distance (mm) of every joint from the truth, both root-relative; a frame with an unknown joint is NaN.

    Args:
        pred, gt: joints in metres, in one frame of reference up to translation.
        root: the joints whose mean is the origin, `Skeleton.root`.
    """
    difference = root_relative(pred, root) - root_relative(gt, root)
    error = MM_PER_M * np.linalg.norm(difference, axis=-1)
    error[~valid_frames(gt)] = np.nan
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


def procrustes(
    pred: Float[np.ndarray, "T J D"], gt: Float[np.ndarray, "T J D"]
) -> Float[np.ndarray, "T J D"]:
    """`pred` moved onto `gt` by the best similarity of each frame: rotation, uniform scale, translation.

    "Best" is least squares; reflections are excluded (Umeyama, PAMI 1991). All joints in one point go to
    the truth's centroid, which is all that a similarity can do for them. Frames with NaN stay NaN.
    """
    known = np.isfinite(pred).all(axis=(1, 2)) & valid_frames(gt)
    aligned = np.full(pred.shape, np.nan)
    p, g = pred[known].astype(np.float64), gt[known].astype(np.float64)
    p_centre, g_centre = p.mean(axis=1, keepdims=True), g.mean(axis=1, keepdims=True)
    p, g = p - p_centre, g - g_centre
    u, singular, vt = np.linalg.svd(p.transpose(0, 2, 1) @ g)
    # A negative determinant is a reflection: turn the axis that costs least.
    sign = np.where(np.linalg.det(u @ vt) < 0, -1.0, 1.0)
    u[:, :, -1] *= sign[:, None]
    singular[:, -1] *= sign
    spread = (p**2).sum(axis=(1, 2))
    scale = np.divide(singular.sum(axis=1), spread, out=np.zeros_like(spread), where=spread > 0)
    aligned[known] = scale[:, None, None] * (p @ (u @ vt)) + g_centre
    return aligned


def pa_mpjpe_per_joint(
    pred: Float[np.ndarray, "T J D"], gt: Float[np.ndarray, "T J D"]
) -> Float[np.ndarray, "T J"]:
    """Distance (mm) of every joint from the truth after `procrustes`; NaN in frames with an unknown joint."""
    return MM_PER_M * np.linalg.norm(procrustes(pred, gt) - gt, axis=-1)


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
    if root is not None:
        pred, gt = root_relative(pred, root), root_relative(gt, root)
        gt[~valid_frames(gt)] = np.nan
    error = pred.astype(np.float64) - gt
    return np.linalg.norm(error[:-2] - 2 * error[1:-1] + error[2:], axis=-1)


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
    distance = np.linalg.norm(pred.astype(np.float64) - gt, axis=-1)
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
    if len(gt) < 2:
        return np.full(len(gt), np.nan)
    return np.linalg.norm(np.gradient(root_relative(gt, root), axis=0), axis=-1).mean(axis=1)


def fast_frames(speed: Float[np.ndarray, " N"], *, share: float = 0.05) -> Bool[np.ndarray, " N"]:
    """Mask of the fastest `share` of frames, rounded up; frames of unknown speed neither count nor enter.

    A method that scores well on all frames and badly on these smooths motion away.
    """
    if not 0 < share <= 1:
        raise ValueError(f"share must be above 0 and at most 1, got {share}")
    known = np.isfinite(speed)
    # The tolerance keeps 0.05 · 20 frames at one frame.
    count = int(np.ceil(share * known.sum() - 1e-9))
    order = np.argsort(np.where(known, -speed, np.inf), kind="stable")
    mask = np.zeros(len(speed), dtype=bool)
    mask[order[:count]] = True
    return mask


def _mean(values: Float[np.ndarray, " N"]) -> float:
    return float(values.mean()) if len(values) else float("nan")
