"""HANet as a refinement method: windows over a track, the model, the mean of what overlaps."""

from __future__ import annotations

from dataclasses import dataclass

from hanet.methods.base import require_frames
from hanet.methods.windowed import refine_windows
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
        if not 1 <= self.stride <= self.model.config.window:
            raise ValueError(
                f"stride must be from 1 to the window's {self.model.config.window} frames, got {self.stride}"
            )

    @property
    def observed(self) -> float:
        """Watched frames and, for kinematics, their neighbours; more where windows watch different frames."""
        config = self.model.config
        moving = config.flow or config.velocity or config.acceleration
        read = (0, 1, config.interval - 1) if moving else (0,)
        # Deep inside a track all windows together read the same frames of every `stride`.
        frames = {t % self.stride for t in range(config.window) if t % config.interval in read}
        return len(frames) / self.stride

    def refine(self, sequence: PoseSequence) -> PoseSequence:
        """Refined poses.

        Raises:
            ValueError: an empty track, poses with NaN, or a track of other channels than the model's.
        """
        require_frames(sequence)
        channels = sequence.values.shape[1] * sequence.values.shape[2]
        if channels != self.model.config.channels:
            raise ValueError(
                f"{sequence.name}: this model was trained on {self.model.config.channels} channels, "
                f"got {sequence.skeleton.name} {sequence.representation} with {channels}"
            )
        self.model.eval()
        return refine_windows(
            sequence,
            lambda windows: self.model(windows).decoder_pose,
            window=self.model.config.window,
            stride=self.stride,
        )
