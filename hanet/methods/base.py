"""The contract of every refinement method, and what its implementations share.

Axes: T frames, J joints, D numbers a joint, C = J·D channels, K of the T frames.
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
    """Something that refines the poses of one track.

    `refine` returns as many frames as it is given, with the same metadata: it drops, adds and reorders
    nothing. It works for a track of any length but 0 and never turns a number into NaN unless its docstring
    says when. What it does with NaN (frames without a detection) its docstring says as well.
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
            ValueError: the track is empty, or of a kind the method was not made for.
        """
        ...


def require_frames(sequence: PoseSequence) -> None:
    """Refuse a track without frames."""
    if len(sequence) == 0:
        raise ValueError(
            f"{sequence.name}, track {sequence.track}: there are no frames to refine; leave empty tracks out"
        )


def refine_channels(
    sequence: PoseSequence,
    refine: Callable[[Float[np.ndarray, "T C"]], Float[np.ndarray, "T C"]],
    watched: Int[np.ndarray, " K"] | None = None,
) -> PoseSequence:
    """Apply a channel-wise function in float64 to a track whose gaps are filled first.

    Args:
        sequence: the track.
        refine: takes finite values (T, C) and returns values of that shape.
        watched: rows whose values are read, linear interpolation gives the others; None reads all.

    Values come back in the sequence's own dtype. A joint without any value in the rows read stays NaN.
    """
    require_frames(sequence)
    T = len(sequence)
    rows = np.arange(T)
    read = rows if watched is None else watched
    values = interpolate(sequence.values.reshape(T, -1)[read].astype(np.float64), read, rows)
    absent = np.isnan(values[0])
    values[:, absent] = 0.0  # one NaN would spread to other channels inside a matrix product
    result = refine(values)
    result[:, absent] = np.nan
    return sequence.with_values(result.reshape(sequence.values.shape).astype(sequence.values.dtype))
