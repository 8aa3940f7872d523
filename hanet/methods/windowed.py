"""From a refiner of windows to a refiner of sequences: cut, refine, average the overlaps.

Axes: W windows, T frames of a window, C channels (joints × dims).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from hanet.poses import PoseSequence
from hanet.windows import over_windows

WindowRefiner = Callable[[Float[Tensor, "W T C"]], Float[Tensor, "W T C"]]
"""Refines windows of float32 poses: keypoints as shares of the image's width and height, joints in metres."""


def refine_windows(
    sequence: PoseSequence,
    refiner: WindowRefiner,
    *,
    window: int,
    stride: int,
    phases: Sequence[int] = (0,),
    batch: int = 256,
) -> PoseSequence:
    """Refine one sequence in windows of `window` frames and average where windows overlap.

    Windows start every `stride` frames; one more ends at the last frame where those leave frames
    out. A sequence shorter than a window is refined with its last frame repeated.

    Args:
        sequence: poses without NaN; keypoints need `image_size`.
        refiner: called without gradients on at most `batch` windows at a time.
        window: frames a window.
        stride: frames from one window's start to the next.
        phases: frames from the first frame to the first window, one set of windows for each.
        batch: windows a call.

    Raises:
        ValueError: poses with NaN, or keypoints of unknown image size.
    """
    if not np.isfinite(sequence.values).all():
        frame = int(sequence.frames[~np.isfinite(sequence.values).all(axis=(1, 2))][0])
        raise ValueError(f"{sequence.name}: frame {frame} holds NaN; fill missing poses before refining them")
    scale = _scale(sequence)
    J, D = sequence.values.shape[1:]
    rows = torch.from_numpy((sequence.values / scale).astype(np.float32).reshape(len(sequence), J * D))
    track = np.array([0, len(rows)])
    with torch.inference_mode():
        refined = over_windows(refiner, rows, track, window=window, stride=stride, batch=batch, phases=phases)
    values = refined.numpy().reshape(len(rows), J, D) * scale
    return sequence.with_values(values.astype(sequence.values.dtype))


def require_stride(stride: int, window: int) -> None:
    """Refuse a stride that would leave frames out."""
    if not 1 <= stride <= window:
        raise ValueError(f"stride must be from 1 to the window's {window} frames, got {stride}")


def require_phases(phases: Sequence[int], stride: int) -> None:
    """Refuse phases that start anywhere but at the first frame, repeat themselves or a stride."""
    known = all(0 <= phase < stride for phase in phases)
    if not phases or phases[0] != 0 or not known or len(set(phases)) != len(phases):
        raise ValueError(
            f"phases must be distinct, from 0 to the stride's {stride - 1}, and 0 first, got {list(phases)}"
        )


def require_channels(sequence: PoseSequence, channels: int | None) -> None:
    """Refuse poses of another kind than a model was trained on; one without `channels` takes any."""
    if channels is None:
        return
    found = sequence.values.shape[1] * sequence.values.shape[2]
    if found != channels:
        raise ValueError(
            f"{sequence.name}: this model was trained on {channels} channels, "
            f"got {sequence.skeleton.name} {sequence.representation} with {found}"
        )


def share_read(frames: Iterable[int], stride: int, phases: Sequence[int] = (0,)) -> float:
    """Share of a long track's frames that are read, where each window reads these of its frames.

    Deep inside a track all windows together read the same frames of every `stride`.
    """
    return len({(frame + phase) % stride for frame in frames for phase in phases}) / stride


def _scale(sequence: PoseSequence) -> Float[np.ndarray, " D"] | Float[np.ndarray, ""]:
    if sequence.representation != "2d":
        return np.array(1.0)
    if sequence.image_size is None:
        raise ValueError(f"{sequence.name}: keypoints are refined as shares of the image; give image_size")
    return np.array(sequence.image_size, dtype=np.float64)
