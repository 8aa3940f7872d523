"""A trained network as a refinement method: overlapping windows of a track are refined and averaged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from hanet.methods.base import image_scale, require_frames
from hanet.methods.window_use import (
    require_channels,
    require_known,
    require_mirror,
    require_phases,
    require_stride,
    share_read,
)
from hanet.models.registry import Model, network_of
from hanet.poses.sequence import PoseSequence
from hanet.poses.transforms import mirror
from hanet.poses.windows import over_windows


@dataclass(frozen=True, eq=False)
class LearnedMethod:
    """A trained network of `hanet.models.registry` over overlapping windows.

    Attributes:
        model: the trained model; `refine` puts it into evaluation mode.
        stride: frames from one window's start to the next. The published evaluations of HANet and DeciWatch
            use a multiple of the interval, so that all windows watch the same frames, and SmoothNet's uses 1;
            a smaller stride averages windows that watch different frames, which reads more of the video and
            smooths (beyond the papers).
        phases: first frames of further sets of such windows, starting with 0. ``(0, 1, 4)`` at stride 5 makes
            DeciWatch read the same frames as HANet at interval 5: the watched ones and their neighbours.
        mirror_axis: also refine the mirror image, negated along this axis (0, the image's horizontal, in a
            camera's frame), and average both; for 3D joints (beyond the papers). None: off.
        name: short name for tables.

    Raises:
        ValueError: a stride that leaves frames out, or invalid phases.
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
        """Share of frames that at least one window reads."""
        return share_read(self.model.config.reads, self.stride, self.phases)

    def refine(self, sequence: PoseSequence) -> PoseSequence:
        """Refined poses.

        Raises:
            ValueError: an empty track, poses with NaN, or a track of other channels than the model's.
        """
        require_frames(sequence)
        require_channels(sequence, getattr(self.model.config, "channels", None))
        require_mirror(sequence, self.mirror_axis)
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

    Windows start every `stride` frames; a last one ends at the last frame if frames would be left out. A
    sequence shorter than a window is refined with its last frame repeated.

    Args:
        sequence: poses without NaN; keypoints need `image_size`.
        refiner: called without gradients on at most `batch` windows at a time.
        window: frames per window.
        stride: frames from one window's start to the next.
        phases: frames from the first frame to the first window, one set of windows for each.
        batch: windows per call.

    Raises:
        ValueError: poses with NaN, or keypoints of unknown image size.
    """
    require_known(sequence)
    scale = image_scale(sequence) if sequence.representation == "2d" else None
    J, D = sequence.values.shape[1:]
    given = sequence.values if scale is None else sequence.values / scale
    rows = torch.from_numpy(np.array(given, dtype=np.float32).reshape(len(sequence), J * D))
    del given
    track = np.array([0, len(rows)])
    with torch.inference_mode():
        refined = over_windows(refiner, rows, track, window=window, stride=stride, batch=batch, phases=phases)
    values = refined.numpy().reshape(len(rows), J, D)
    if scale is not None:
        values = values * scale
    return sequence.with_values(values.astype(sequence.values.dtype, copy=False))
