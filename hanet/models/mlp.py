"""A network that sees one frame: the baseline that a temporal network has to beat.

Poses enter a residual MLP as they are, and its output is added to them (after Martinez et al., "A simple yet
effective baseline for 3d human pose estimation", ICCV 2017, without batch normalisation). The last layer
starts at zero, so training starts from the input itself.

Axes: B windows, T frames of a window, C channels (joints × dims), D hidden width.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from hanet.models.frame_options import MLPConfig
from hanet.models.losses import mean_absolute


class FrameBlock(nn.Module):
    """Residual block of one layer."""

    def __init__(self, config: MLPConfig) -> None:
        super().__init__()
        self.layer = nn.Linear(config.hidden, config.hidden)
        self.drop = nn.Dropout(config.dropout)

    def forward(self, x: Float[Tensor, "B T D"]) -> Float[Tensor, "B T D"]:
        return x + self.drop(nn.functional.gelu(self.layer(x)))


class FrameMLP(nn.Module):
    """Refines every frame by itself: no frame's result depends on another frame."""

    def __init__(self, config: MLPConfig) -> None:
        super().__init__()
        self.config = config
        self.enter = nn.Linear(config.channels, config.hidden)
        self.blocks = nn.Sequential(*(FrameBlock(config) for _ in range(config.blocks)))
        self.leave = nn.Linear(config.hidden, config.channels)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)

    def forward(self, detected: Float[Tensor, "B T C"]) -> Float[Tensor, "B T C"]:
        """Refined poses; a ValueError where the last axis is not the model's channels."""
        require_channels("per-frame MLP", detected, self.config.channels)
        offset = self.leave(self.blocks(nn.functional.gelu(self.enter(detected))))
        return add_offset(detected, offset)


def require_channels(name: str, detected: Tensor, channels: int) -> None:
    """Refuse windows of other channels than a network was made for."""
    if detected.ndim != 3 or detected.shape[2] != channels:
        raise ValueError(f"this {name} reads windows (B, T, {channels}), got {tuple(detected.shape)}")


def add_offset(detected: Float[Tensor, "B T C"], offset: Float[Tensor, "B T C"]) -> Float[Tensor, "B T C"]:
    """Poses plus a network's offset, in the poses' own precision: half would round metres to 4 mm."""
    with torch.autocast(detected.device.type, enabled=False):
        return detected + offset.to(detected.dtype)


def position_loss(
    refined: Float[Tensor, "B T C"],
    gt: Float[Tensor, "B T C"],
    *,
    weight: float = 1.0,
    mask: Bool[Tensor, "B T C"] | None = None,
) -> Float[Tensor, ""]:
    """Mean absolute error of positions over labelled values, times `weight`."""
    return weight * mean_absolute(refined - gt, mask)
