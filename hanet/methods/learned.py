"""A trained network as a refinement method: windows over a track, the network, the mean of what overlaps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from hanet.augmentation import mirror
from hanet.methods.base import require_frames
from hanet.methods.windowed import (
    refine_windows,
    require_channels,
    require_phases,
    require_stride,
    share_read,
)
from hanet.networks import Model, network_of
from hanet.poses import PoseSequence


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
