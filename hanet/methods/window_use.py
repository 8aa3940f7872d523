"""How a network with windows of fixed length is used on tracks: checks, and the share of frames read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from hanet.poses.sequence import PoseSequence


def require_stride(stride: int, window: int) -> None:
    """Raise ValueError for a stride that would leave frames out."""
    if not 1 <= stride <= window:
        raise ValueError(f"stride must be from 1 to the window's {window} frames, got {stride}")


def require_phases(phases: Sequence[int], stride: int) -> None:
    """Raise ValueError for phases that do not start at 0, repeat, or exceed the stride."""
    known = all(0 <= phase < stride for phase in phases)
    if not phases or phases[0] != 0 or not known or len(set(phases)) != len(phases):
        raise ValueError(
            f"phases must be distinct, from 0 to the stride's {stride - 1}, and 0 first, got {list(phases)}"
        )


def require_channels(sequence: PoseSequence, channels: int | None) -> None:
    """Raise ValueError for poses of another kind than a model was trained on; a model without `channels`
    accepts any.
    """
    if channels is None:
        return
    found = sequence.values.shape[1] * sequence.values.shape[2]
    if found != channels:
        raise ValueError(
            f"{sequence.name}: this model was trained on {channels} channels, "
            f"got {sequence.skeleton.name} {sequence.representation} with {found}"
        )


def require_known(sequence: PoseSequence) -> None:
    """Raise ValueError for poses with NaN, naming the first frame."""
    known = np.isfinite(sequence.values).all(axis=(1, 2))
    if not known.all():
        frame = int(sequence.frames[~known][0])
        raise ValueError(f"{sequence.name}: frame {frame} has NaN; fill missing poses before refining them")


def require_mirror(sequence: PoseSequence, axis: int | None) -> None:
    """Raise ValueError for poses that have no mirror image along `axis`; None asks for none."""
    if axis is not None and sequence.representation != "3d":
        raise ValueError(f"{sequence.name}: only 3D joints have a mirror image here, set mirror_axis to None")


def share_read(frames: Iterable[int], stride: int, phases: Sequence[int] = (0,)) -> float:
    """Share of a long track's frames that are read, given the frames that each window reads.

    Far from a track's ends, all windows together read the same frames in every `stride`.
    """
    return len({(frame + phase) % stride for frame in frames for phase in phases}) / stride
