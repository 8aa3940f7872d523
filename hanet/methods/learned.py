"""A trained network as a refinement method: windows over a track, the network, the mean of what overlaps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from hanet.methods.base import require_frames
from hanet.models.registry import Model, network_of
from hanet.poses.sequence import PoseSequence
from hanet.poses.transforms import mirror
from hanet.poses.windows import over_windows


@dataclass(frozen=True, eq=False)
class LearnedMethod:
    """A trained HANet, DeciWatch or SmoothNet over overlapping windows.

    Attributes:
        model: the trained model; `refine` puts it into evaluation mode.
        stride: frames from one window's start to the next. The published evaluations of HANet and DeciWatch
            take a multiple of the interval, so that all windows watch the same frames, SmoothNet's 1; a
            smaller one averages windows that watch different frames, which reads more of the video and
            smooths (beyond the papers).
        phases: where sets of such windows start, 0 first. ``(0, 1, 4)`` at stride 5 lets DeciWatch read the
            very frames that HANet reads at interval 5: the watched ones and their neighbours.
        mirror_axis: refine the mirror image too, negated along this axis (0, the image's horizontal, in a
            camera's frame), and average both; for 3D joints (beyond the papers). None: do not.
        name: short name for tables.

    Raises:
        ValueError: a stride that leaves frames out, or phases that are none.
    """

    model: Model
    stride: int
    phases: Sequence[int] = (0,)
    mirror_axis: int | None = None
    name: str = "hanet"

    def __post_init__(self) -> None:
        require_stride(self.stride, self.model.config.window)
        require_phases(self.phases, self.stride)

    @property
    def observed(self) -> float:
        """Share of the frames that some window reads."""
        return share_read(self.model.config.reads, self.stride, self.phases)

    def refine(self, sequence: PoseSequence) -> PoseSequence:
        """Refined poses.

        Raises:
            ValueError: an empty track, poses with NaN, or a track of other channels than the model's.
        """
        require_frames(sequence)
        require_channels(sequence, getattr(self.model.config, "channels", None))
        if self.mirror_axis is not None and sequence.representation != "3d":
            raise ValueError(
                f"{sequence.name}: only 3D joints have a mirror image here, set mirror_axis to None"
            )
        self.model.eval()
        network = network_of(self.model.config)
        device = next(self.model.parameters()).device

        def refine(windows: Float[Tensor, "W T C"]) -> Float[Tensor, "W T C"]:
            windows = windows.to(device)
            refined = network.refine(self.model, windows)
            if self.mirror_axis is not None:
                image = network.refine(self.model, mirror(windows, sequence.skeleton, axis=self.mirror_axis))
                refined = (refined + mirror(image, sequence.skeleton, axis=self.mirror_axis)) / 2
            return refined.cpu()

        return refine_windows(
            sequence, refine, window=self.model.config.window, stride=self.stride, phases=self.phases
        )


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
