"""HANet as a refinement method: windows over a track, the model, the mean of what overlaps."""

from __future__ import annotations

from dataclasses import dataclass

from hanet.methods.base import require_frames
from hanet.methods.windowed import refine_windows, require_channels, require_stride, share_read
from hanet.model import HANet
from hanet.poses import PoseSequence


@dataclass(frozen=True, eq=False)
class HANetMethod:
    """A trained HANet over overlapping windows.

    Attributes:
        model: the trained model; `refine` puts it into evaluation mode.
        stride: frames from one window's start to the next. The published evaluation takes a multiple of the
            interval, so that all windows watch the same frames; a smaller one averages windows that watch
            different frames, which reads more of the video and smooths (beyond the paper).
        name: short name for tables.
    """

    model: HANet
    stride: int
    name: str = "hanet"

    def __post_init__(self) -> None:
        require_stride(self.stride, self.model.config.window)

    @property
    def observed(self) -> float:
        """Watched frames and, for kinematics, their neighbours; more where windows watch different frames."""
        config = self.model.config
        moving = config.flow or config.velocity or config.acceleration
        read = (0, 1, config.interval - 1) if moving else (0,)
        frames = (t for t in range(config.window) if t % config.interval in read)
        return share_read(frames, self.stride)

    def refine(self, sequence: PoseSequence) -> PoseSequence:
        """Refined poses.

        Raises:
            ValueError: an empty track, poses with NaN, or a track of other channels than the model's.
        """
        require_frames(sequence)
        require_channels(sequence, self.model.config.channels)
        self.model.eval()
        device = next(self.model.parameters()).device
        return refine_windows(
            sequence,
            lambda windows: self.model(windows.to(device)).decoder_pose.cpu(),
            window=self.model.config.window,
            stride=self.stride,
        )
