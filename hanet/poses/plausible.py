"""Values that no body can have: missing where a few are wild, refused where all are in another unit.

Axes: T frames, J joints, D numbers per joint.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float

from hanet.poses.errors import NoPosesError as NoPosesError
from hanet.poses.sequence import PoseSequence

LIMITS = {"m": 1e4, "px": 1e6, "rot6d": 100.0}
"""By unit: a coordinate beyond this is an error of the program that wrote it."""
REACH = 10.0
"""Metres: a joint farther from its root is not part of a body."""
_SIZES = (0.005, 5.0)
"""Metres: bounds of the median distance of a body's joints from their middle; a person's is 0.2 to 0.6."""
_OFFSET = 0.1
"""Metres: how far the root of root-relative poses may lie from 0 at the median, for example once refined."""
_FAR, _SHARE = 0.5, 0.05
"""Metres that no refinement moves a root, and the largest share of frames whose root may lie farther away."""
_SAMPLE = 250
"""Frames that decide about a track's unit."""


def without_wild(sequence: PoseSequence) -> tuple[PoseSequence, int]:
    """Mark joints as missing (NaN) that are infinite or beyond all bounds, and count them.

    The bounds are `LIMITS`; for root-relative joints `REACH`.
    """
    limit = REACH if _root_relative(sequence) else LIMITS[sequence.unit]
    if _within(sequence.values, limit):
        return sequence, 0
    unknown = np.asarray(np.isnan(sequence.values).any(axis=2))
    wild = ~unknown & ~np.asarray((np.abs(sequence.values) <= limit).all(axis=2))
    if not wild.any():
        return sequence, 0
    values = np.where(wild[..., None], np.nan, sequence.values).astype(sequence.values.dtype)
    return replace(sequence, values=values), int(wild.sum())


def check_metres(sequence: PoseSequence) -> None:
    """Refuse 3D joints that are not in metres; medians over frames and joints decide, not single wild values.

    Raises:
        ValueError: naming sequence, track, what was expected and what came.
    """
    values = _sampled(sequence)
    if len(values) == 0:
        return
    median = np.median if np.isfinite(values).all() else np.nanmedian  # ten times as fast
    joints = np.ascontiguousarray(values.transpose(2, 0, 1))  # 3 T J
    joints -= median(joints, axis=2, keepdims=True)
    size = float(median(np.sqrt((joints * joints).sum(axis=0))))
    low, high = _SIZES
    if size > high or 0 < size < low:
        remedy = "divide millimetres by 1000" if size > high else "convert the poses"
        raise ValueError(
            f"{sequence.name}, track {sequence.track}: expected joints in metres (a person's lie 0.2 to 0.6 "
            f"from their middle), got a body whose joints lie {size:.3g} from it; {remedy}"
        )


def check_root(sequence: PoseSequence) -> None:
    """Refuse poses that should be relative to their root, but are not.

    Raises:
        ValueError: naming sequence, track, what was expected and what came.
    """
    if not _root_relative(sequence):
        return
    roots = _sampled(sequence)[:, list(sequence.skeleton.root)].mean(axis=1)
    offsets = np.linalg.norm(roots, axis=1)
    offsets = offsets[np.isfinite(offsets)]
    if not len(offsets):
        return
    far = offsets > (_OFFSET if np.median(offsets) > _OFFSET else _FAR)
    if far.mean() > _SHARE:
        names = " and ".join(sequence.skeleton.joints[joint] for joint in sequence.skeleton.root)
        raise ValueError(
            f"{sequence.name}, track {sequence.track}: expected poses relative to {names}, as frame of "
            f"reference {sequence.frame_of_reference} says, got {names} {np.median(offsets[far]):.3g} m away "
            f"from 0 in {far.mean():.0%} of the frames; subtract the root, as PoseSequence.root_relative does"
        )


def _within(values: Float[np.ndarray, "T J D"], limit: float) -> bool:
    """Whether all are finite and at most `limit` from 0."""
    return values.size == 0 or bool(values.min() >= -limit and values.max() <= limit)  # False for NaN


def _root_relative(sequence: PoseSequence) -> bool:
    return sequence.frame_of_reference.endswith("root_relative")


def _sampled(sequence: PoseSequence) -> Float[np.ndarray, "T J 3"]:
    """Up to `_SAMPLE` frames of 3D joints in double precision: NaN where wild, half of the joints known."""
    if sequence.representation != "3d":
        return np.empty((0, len(sequence.skeleton), 3))
    values = sequence.values[:: max(len(sequence) // _SAMPLE, 1)].astype(np.float64)
    if _within(values, 99 * LIMITS["m"]):
        return values
    known: Bool[np.ndarray, "T J"] = np.asarray((np.abs(values) < 100 * LIMITS["m"]).all(axis=2))
    values[~known] = np.nan
    return values[2 * known.sum(axis=1) >= len(sequence.skeleton)]
