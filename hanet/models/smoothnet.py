"""SmoothNet: one fully connected network over time, applied to every channel of a window.

Source: Zeng et al., "SmoothNet: A Plug-and-Play Network for Refining Human Poses in Videos", ECCV 2022.
Read top to bottom: configuration, network, loss, released checkpoints.

Axes: B windows, C channels (joints × dims; any number, as channels are independent), T frames of a window, D
hidden width. Frames come last here, as published; elsewhere in this package channels do: transpose with
``.mT``.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812
from jaxtyping import Bool, Float
from torch import Tensor, nn

from hanet.models.losses import acceleration_loss, mean_absolute
from hanet.models.released_weights import Source, grouped, load_weights, substitute
from hanet.models.smoothnet_options import SmoothNetConfig


class ResidualBlock(nn.Module):
    """Linear layer, activation, linear layer, activation, added to the input."""

    def __init__(self, config: SmoothNetConfig) -> None:
        super().__init__()
        self.narrow = nn.Linear(config.hidden, config.residual_hidden)
        self.widen = nn.Linear(config.residual_hidden, config.hidden)
        self.drop = nn.Dropout(config.dropout)

    def forward(self, x: Float[Tensor, "B C D"]) -> Float[Tensor, "B C D"]:
        y = F.leaky_relu(self.drop(self.narrow(x)), 0.2)
        return x + F.leaky_relu(self.drop(self.widen(y)), 0.2)


class SmoothNet(nn.Module):
    """Refine windows of detected poses channel by channel, with the same weights for all.

    The output is the poses themselves, not an offset to the input. Weights have PyTorch's default
    initialisation of linear layers, as in the authors' implementation.
    """

    def __init__(self, config: SmoothNetConfig) -> None:
        super().__init__()
        self.config = config
        self.enter = nn.Linear(config.window, config.hidden)
        self.blocks = nn.Sequential(*(ResidualBlock(config) for _ in range(config.blocks)))
        self.leave = nn.Linear(config.hidden, config.window)

    def forward(self, detected: Float[Tensor, "B C T"]) -> Float[Tensor, "B C T"]:
        """Refined poses; raises ValueError where the last axis is not the model's window."""
        if detected.ndim != 3 or detected.shape[2] != self.config.window:
            raise ValueError(
                f"this SmoothNet reads windows (B, C, {self.config.window}), frames last, "
                f"got {tuple(detected.shape)}"
            )
        # The residual is added in the poses' own precision: half precision would round metres to 4 mm.
        with torch.autocast(detected.device.type, enabled=False):
            return self.leave(self.blocks(F.leaky_relu(self.enter(detected), 0.1)))


class SmoothNetLoss(NamedTuple):
    """A loss and its parts, scalars; the parts add up to `total`."""

    total: Float[Tensor, ""]
    position: Float[Tensor, ""]
    """Poses against ground truth, times its weight."""
    acceleration: Float[Tensor, ""]
    """Accelerations against the ground truth's, per frame², times its weight."""


def smoothnet_loss(
    refined: Float[Tensor, "B C T"],
    gt: Float[Tensor, "B C T"],
    *,
    position_weight: float = 1.0,
    acceleration_weight: float = 1.0,
    mask: Bool[Tensor, "B #C T"] | None = None,  # noqa: UP037 (it takes #C for a comment)
) -> SmoothNetLoss:
    """SmoothNet's loss: mean absolute error of positions plus that of accelerations (second differences).

    Args:
        refined: what the model returned.
        gt: ground truth, of the same shape; may be NaN where `mask` is False.
        position_weight: weight of the first term (released: 1).
        acceleration_weight: weight of the second (released: 1).
        mask: True where the ground truth is labelled. Each mean is over labelled values only; an acceleration
            is labelled where its three frames are.

    Raises:
        ValueError: shapes that disagree, or fewer than 3 frames.
    """
    mask = None if mask is None else mask.mT
    acceleration = acceleration_weight * acceleration_loss(refined.mT, gt.mT, mask)
    labelled = None if mask is None else mask.expand(gt.mT.shape)
    position = position_weight * mean_absolute((refined - gt).mT, labelled)
    return SmoothNetLoss(position + acceleration, position, acceleration)


_RELEASED_NAMES = (
    (r"^enter\.", "encoder.0."),
    (r"^leave\.", "decoder."),
    (r"^blocks\.(\d+)\.narrow\.", r"res_blocks.\1.linear1."),
    (r"^blocks\.(\d+)\.widen\.", r"res_blocks.\1.linear2."),
)


def released_names(model: SmoothNet) -> dict[str, tuple[str, ...]]:
    """Released tensor names, and for each ours (one)."""
    return grouped(model.state_dict(), lambda name: substitute(name, _RELEASED_NAMES))


def load_released(source: Source, config: SmoothNetConfig) -> SmoothNet:
    """A SmoothNet with the weights of a checkpoint of the authors' implementation, in evaluation mode.

    Args:
        source: a state dict or a file of one, plain or under the key ``state_dict``; names may have or lack
            the prefix ``module.``.
        config: the checkpoint's configuration.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a file with more than tensors and plain values, or tensors that are missing, unexpected or
            of another shape than `config` implies; the message names them.
    """
    model = SmoothNet(config).eval()
    load_weights(model, source, released_names(model))
    return model
