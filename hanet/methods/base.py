"""The interface of refinement methods, and code shared by its implementations.

Axes: T frames, J joints, D numbers per joint, C = J·D channels, K of the T frames.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int

from hanet.poses.gaps import interpolate
from hanet.poses.sequence import PoseSequence


@runtime_checkable
class Method(Protocol):
    """A method that refines the poses of one track.

    `refine` returns as many frames as it is given, with the same metadata: no frame is dropped, added or
    reordered. It accepts a track of any length except 0 and never turns a number into NaN unless its
    docstring says so. Its docstring also states how it treats NaN (frames without a detection).
    """

    @property
    def name(self) -> str:
        """Short name for tables."""
        ...

    @property
    def observed(self) -> float:
        """Share of a long track's frames whose detections the method reads, in (0, 1]."""
        ...

    def refine(self, sequence: PoseSequence) -> PoseSequence:
        """Refined poses of the same frames.

        Raises:
            ValueError: the track is empty, or of a kind that the method does not support.
        """
        ...


def require_frames(sequence: PoseSequence) -> None:
    """Raise ValueError for a track without frames."""
    if len(sequence) == 0:
        raise ValueError(
            f"{sequence.name}, track {sequence.track}: there are no frames to refine; leave empty tracks out"
        )


def image_scale(sequence: PoseSequence) -> Float[np.ndarray, " D"] | Float[np.ndarray, ""]:
    """What keypoints are divided by to become shares of the image; 1 for joints and rotations.

    Raises:
        ValueError: keypoints of unknown image size.
    """
    if sequence.representation != "2d":
        return np.array(1.0)
    if sequence.image_size is None:
        raise ValueError(f"{sequence.name}: keypoints are refined as shares of the image; give image_size")
    return np.array(sequence.image_size, dtype=np.float64)


def require_finite(before: PoseSequence, after: PoseSequence) -> None:
    """Refuse refined poses with a frame that is not finite although the detected frame was.

    A joint that a method knows in no frame, and that came with missing values, does not count.

    Raises:
        ValueError: naming the sequence, the track and the first such frame.
    """
    known = np.asarray(np.isfinite(before.values).all(axis=2))
    lost = np.asarray(~np.isfinite(after.values).all(axis=2))
    lost[:, lost.all(axis=0) & ~known.all(axis=0)] = False
    bad = known.all(axis=1) & lost.any(axis=1)
    if bad.any():
        raise ValueError(
            f"{before.name}, track {before.track}, frame {before.frames[bad.argmax()]}: the refined pose is "
            f"not finite although the detected one is ({int(bad.sum())} such frames); the method's weights "
            "or settings do not suit these poses"
        )


def refine_channels(
    sequence: PoseSequence,
    refine: Callable[[Float[np.ndarray, "T C"]], Float[np.ndarray, "T C"]],
    watched: Int[np.ndarray, " K"] | None = None,
) -> PoseSequence:
    """Fill a track's gaps, then apply a channel-wise function in float64.

    Args:
        sequence: the track.
        refine: takes finite values (T, C) and returns values of that shape.
        watched: rows whose values are read; the others are interpolated linearly; None reads all.

    The result has the sequence's dtype. A joint without any value in the rows read stays NaN.
    """
    require_frames(sequence)
    T = len(sequence)
    rows = np.arange(T)
    read = rows if watched is None else watched
    values = interpolate(sequence.values.reshape(T, -1)[read].astype(np.float64), read, rows)
    absent = np.isnan(values[0])
    values[:, absent] = 0.0  # a NaN would spread to other channels in a matrix product
    result = refine(values)
    result[:, absent] = np.nan
    return sequence.with_values(result.reshape(sequence.values.shape).astype(sequence.values.dtype))
