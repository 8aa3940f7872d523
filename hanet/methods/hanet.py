"""HANet as a refinement method: windows over a track, the model, the mean of what overlaps."""

from __future__ import annotations

import math
from dataclasses import dataclass

from hanet.methods.base import require_frames
from hanet.methods.windowed import refine_windows
from hanet.model import HANet
from hanet.poses import PoseSequence


@dataclass(frozen=True, eq=False)
class HANetMethod:
    """A trained HANet over overlapping windows.

    Attributes:
        model: the trained model.
        stride: frames from one window's start to the next. The published evaluation takes a multiple of the
            interval, so that all windows watch the same frames; a smaller one averages windows that watch
            different frames, which reads more of the video and smooths (beyond the paper).
        name: short name for tables.
    """

    model: HANet
    stride: int
    name: str = "hanet"

    def __post_init__(self) -> None:
        if not 1 <= self.stride <= self.model.config.window:
            raise ValueError(
                f"stride must be from 1 to the window's {self.model.config.window} frames, got {self.stride}"
            )

    @property
    def observed(self) -> float:
        """Three of every `interval` frames, or more where windows watch different frames."""
        return min(1.0, 3 / math.gcd(self.stride, self.model.config.interval))

    def refine(self, sequence: PoseSequence) -> PoseSequence:
        """Refined poses.

        Raises:
            ValueError: an empty track, poses with NaN, or a track of other channels than the model's.
        """
        require_frames(sequence)
        channels = sequence.values.shape[1] * sequence.values.shape[2]
        if channels != self.model.config.channels:
            raise ValueError(
                f"{sequence.name}: {channels} channels ({sequence.skeleton.name}, "
                f"{sequence.representation}), this model was trained on {self.model.config.channels}"
            )
        device = next(self.model.parameters()).device
        return refine_windows(
            sequence,
            lambda windows: self.model(windows.to(device)).decoder_pose.cpu(),
            window=self.model.config.window,
            stride=self.stride,
        )
