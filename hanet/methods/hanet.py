"""HANet as a refinement method: windows over a track, the model, the mean of what overlaps."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from hanet.augmentation import mirror
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
        mirror_axis: refine the mirror image too, negated along this axis (0, the image's horizontal, in a
            camera's frame), and average both; for 3D joints (beyond the paper). None: do not.
        name: short name for tables.
    """

    model: HANet
    stride: int
    mirror_axis: int | None = None
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
        if self.mirror_axis is not None and sequence.representation != "3d":
            raise ValueError(
                f"{sequence.name}: only 3D joints have a mirror image here, set mirror_axis to None"
            )
        self.model.eval()
        device = next(self.model.parameters()).device

        def refine(windows: Float[Tensor, "W T C"]) -> Float[Tensor, "W T C"]:
            windows = windows.to(device)
            refined = self.model(windows).decoder_pose
            if self.mirror_axis is not None:
                image = self.model(mirror(windows, sequence.skeleton, axis=self.mirror_axis)).decoder_pose
                refined = (refined + mirror(image, sequence.skeleton, axis=self.mirror_axis)) / 2
            return refined.cpu()

        return refine_windows(sequence, refine, window=self.model.config.window, stride=self.stride)
