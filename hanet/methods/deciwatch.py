"""DeciWatch as a refinement method: windows over a track, the model, the mean of what overlaps."""

from __future__ import annotations

from dataclasses import dataclass

from hanet.deciwatch import DeciWatch
from hanet.methods.base import require_frames
from hanet.methods.windowed import refine_windows, require_channels, require_stride, share_read
from hanet.poses import PoseSequence


@dataclass(frozen=True, eq=False)
class DeciWatchMethod:
    """A trained DeciWatch over overlapping windows.

    Attributes:
        model: the trained model; `refine` puts it into evaluation mode.
        stride: frames from one window's start to the next. The published evaluation takes a multiple of the
            interval (``window - 1``, so that windows share one frame); others watch different frames in
            different windows, which reads more of the video.
        name: short name for tables.
    """

    model: DeciWatch
    stride: int
    name: str = "deciwatch"

    def __post_init__(self) -> None:
        require_stride(self.stride, self.model.config.window)

    @property
    def observed(self) -> float:
        """1 / interval; more where windows watch different frames."""
        return share_read(range(0, self.model.config.window, self.model.config.interval), self.stride)

    def refine(self, sequence: PoseSequence) -> PoseSequence:
        """Refined poses.

        Raises:
            ValueError: an empty track, poses with NaN, or a track of other channels than the model's.
        """
        require_frames(sequence)
        require_channels(sequence, self.model.config.channels)
        self.model.eval()
        return refine_windows(
            sequence,
            lambda windows: self.model(windows).recovered_pose,
            window=self.model.config.window,
            stride=self.stride,
        )
