"""SmoothNet as a refinement method: sliding windows over a track, the model, the mean of what overlaps."""

from __future__ import annotations

from dataclasses import dataclass

from hanet.methods.base import require_frames
from hanet.methods.windowed import refine_windows, require_stride
from hanet.poses import PoseSequence
from hanet.smoothnet import SmoothNet


@dataclass(frozen=True, eq=False)
class SmoothNetMethod:
    """A trained SmoothNet over sliding windows, on any skeleton and representation.

    It reads all frames. A frame's result is the plain mean over all windows that hold it, as in the published
    evaluation, which slides by one frame.

    Attributes:
        model: the trained model; `refine` puts it into evaluation mode.
        stride: frames from one window's start to the next (published: 1).
        name: short name for tables.
    """

    observed = 1.0
    model: SmoothNet
    stride: int = 1
    name: str = "smoothnet"

    def __post_init__(self) -> None:
        require_stride(self.stride, self.model.config.window)

    def refine(self, sequence: PoseSequence) -> PoseSequence:
        """Refined poses.

        Raises:
            ValueError: an empty track, or poses with NaN.
        """
        require_frames(sequence)
        self.model.eval()
        return refine_windows(
            sequence,
            lambda windows: self.model(windows.mT).mT,
            window=self.model.config.window,
            stride=self.stride,
        )
