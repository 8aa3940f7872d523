"""A dilated temporal convolution network: the plainest way to read neighbouring frames.

After "3D human pose estimation in video with temporal convolutions and semi-supervised training" (Pavllo et
al., CVPR 2019): residual blocks of a dilated convolution over time and a pointwise layer. Here every frame of
the window gets a pose, so edges repeat the first and last frame, and there is no batch normalisation. The
output is added to the input and starts at zero.

Axes: B windows, T frames of a window, C channels (joints × dims), D hidden width.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from hanet.models.frame_options import TCNConfig
from hanet.models.frame_path import FramePath
from hanet.models.mlp import add_offset, require_channels


class TemporalBlock(nn.Module):
    """Residual block: three frames `dilation` apart, then a layer for each frame by itself."""

    def __init__(self, config: TCNConfig, dilation: int) -> None:
        super().__init__()
        self.temporal = nn.Conv1d(
            config.hidden,
            config.hidden,
            3,
            dilation=dilation,
            padding=dilation,
            padding_mode="replicate",
        )
        self.pointwise = nn.Conv1d(config.hidden, config.hidden, 1)
        self.drop = nn.Dropout(config.dropout)

    def forward(self, x: Float[Tensor, "B D T"]) -> Float[Tensor, "B D T"]:
        y = self.drop(nn.functional.gelu(self.temporal(x)))
        return x + self.drop(nn.functional.gelu(self.pointwise(y)))


class TCN(nn.Module):
    """Refines windows; with n blocks a frame reads its neighbours up to ``2^n - 1`` frames away."""

    def __init__(self, config: TCNConfig) -> None:
        super().__init__()
        self.config = config
        self.frame_path = FramePath(config.channels) if config.frame_path else None
        self.enter = nn.Linear(config.channels, config.hidden)
        self.blocks = nn.Sequential(*(TemporalBlock(config, 2**i) for i in range(config.blocks)))
        self.leave = nn.Linear(config.hidden, config.channels)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)

    def forward(self, detected: Float[Tensor, "B T C"]) -> Float[Tensor, "B T C"]:
        """Refined poses; a ValueError where the last axis is not the model's channels."""
        require_channels("TCN", detected, self.config.channels)
        if self.frame_path is None:
            return self._refine(detected)
        motion, middle = self.frame_path.split(detected)
        return self._refine(motion) + middle

    def _refine(self, detected: Float[Tensor, "B T C"]) -> Float[Tensor, "B T C"]:
        hidden = self.blocks(nn.functional.gelu(self.enter(detected)).mT)
        return add_offset(detected, self.leave(hidden.mT))
