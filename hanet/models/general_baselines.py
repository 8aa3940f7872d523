"""Networks that return poses themselves, to compare the general refiner with on the same errors.

Both add an offset to each coordinate, whatever the skeleton, and see it in a form that shifts and scalings do
not change: less its mean over a stretch of time, in units of its joint's spread about that mean. They start
as the identity.

Axes: N tracks, T frames, D numbers per joint, M = N·D coordinates, C channels.
"""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F  # noqa: N812
from jaxtyping import Float
from torch import Tensor, nn

from hanet.models.general import General
from hanet.models.general_inputs import WATCHED
from hanet.models.general_options import BaselineConfig, GeneralConfig

REACH = 15
"""Frames before and after that a coordinate's local mean and spread are over."""
LEAST = 1e-3
"""Body scales added to the spread, so that a joint at rest has one."""
RATE = -2
"""The feature of `hanet.models.general_inputs` with the frame rate."""


class Baseline(nn.Module):
    """A network over coordinates."""

    config: BaselineConfig

    def refined(
        self,
        detected: Float[Tensor, "N T D"],
        known: Float[Tensor, "N T"],
        features: Float[Tensor, "N T F"],
        bodies: int = 1,
    ) -> Float[Tensor, "N T D"]:
        """Poses in body scales: `detected` plus offsets.

        Before the first detection and after the last one they are the input.

        Args:
            detected: finite poses; gaps filled by straight lines.
            known: 1 where there was a detection, else 0.
            features: as `General.refined` takes; only the frame rate is used.
            bodies: not used.
        """
        offset = self.offsets(detected, known, features[..., RATE])
        seen = (known.cumsum(1) > 0) & (known.flip(1).cumsum(1).flip(1) > 0)
        return torch.where(seen[..., None], detected + offset, detected)

    def offsets(
        self, detected: Float[Tensor, "N T D"], known: Float[Tensor, "N T"], rate: Float[Tensor, "N T"]
    ) -> Float[Tensor, "N T D"]:
        """What is added to the poses."""
        raise NotImplementedError


class DilatedTCN(Baseline):
    """Residual blocks of dilated convolutions: a TCN (Bai et al. 2018) that sees both sides."""

    def __init__(self, config: BaselineConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.enter = nn.Conv1d(4, width, 1)
        self.wide = nn.ModuleList(nn.Conv1d(width, width, 5, dilation=2**i) for i in range(config.blocks))
        self.mix = nn.ModuleList(nn.Conv1d(width, width, 1) for _ in range(config.blocks))
        self.leave = _silent(nn.Conv1d(width, 1, 1))

    def offsets(
        self, detected: Float[Tensor, "N T D"], known: Float[Tensor, "N T"], rate: Float[Tensor, "N T"]
    ) -> Float[Tensor, "N T D"]:
        """One more channel each tells detections, the frame rate, and the spread in body scales."""
        D = detected.shape[2]
        tracks = detected.transpose(1, 2)
        away = tracks - _local_mean(tracks)
        spread = _local_mean(away.square().sum(1, keepdim=True)).sqrt() + LEAST
        told = torch.stack([known, rate, spread.squeeze(1).log()], dim=1)
        x = torch.cat([(away / spread).flatten(0, 1).unsqueeze(1), told.repeat_interleave(D, dim=0)], dim=1)
        x = self.enter(x)
        for wide, mix in zip(self.wide, self.mix, strict=True):
            reach = 2 * cast("nn.Conv1d", wide).dilation[0]
            x = x + mix(F.relu(wide(F.pad(x, (reach, reach), mode="replicate"))))
        return (self.leave(F.relu(x)).view(-1, D, detected.shape[1]) * spread).transpose(1, 2)


class WindowNetwork(Baseline):
    """SmoothNet's layers over windows (Zeng et al. 2022), as an offset; where windows overlap, their mean."""

    def __init__(self, config: BaselineConfig) -> None:
        super().__init__()
        self.config = config
        window, width = config.window, config.width
        self.enter = nn.Linear(2 * window + 2, width)
        self.narrow = nn.ModuleList(nn.Linear(width, width // 2) for _ in range(config.blocks))
        self.widen = nn.ModuleList(nn.Linear(width // 2, width) for _ in range(config.blocks))
        self.leave = _silent(nn.Linear(width, window))

    def offsets(
        self, detected: Float[Tensor, "N T D"], known: Float[Tensor, "N T"], rate: Float[Tensor, "N T"]
    ) -> Float[Tensor, "N T D"]:
        """Windows begin at every fourth frame; shorter tracks are held at the end."""
        T, D, window = detected.shape[1], detected.shape[2], self.config.window
        more = max(window - T, 0) + (-max(T - window, 0)) % WATCHED
        tracks = F.pad(detected.transpose(1, 2), (0, more), mode="replicate")
        detections = F.pad(known, (0, more))
        seen = tracks.unfold(2, window, WATCHED)
        away = seen - seen.mean(3, keepdim=True)
        spread = away.square().sum(1, keepdim=True).mean(3, keepdim=True).sqrt() + LEAST
        told = [
            detections.unfold(1, window, WATCHED).unsqueeze(1).expand(-1, D, -1, -1),
            rate[:, :1, None, None].expand(-1, D, seen.shape[2], -1),
            spread.log().expand(-1, D, -1, -1),
        ]
        x = F.leaky_relu(self.enter(torch.cat([away / spread, *told], dim=3)), 0.1)
        for narrow, widen in zip(self.narrow, self.widen, strict=True):
            x = x + F.leaky_relu(widen(F.leaky_relu(narrow(x), 0.2)), 0.2)
        return _overlapped(self.leave(x) * spread, tracks.shape[2])[..., :T].transpose(1, 2)


def build(config: GeneralConfig | BaselineConfig) -> General | Baseline:
    """The network of a configuration, with random weights."""
    if isinstance(config, GeneralConfig):
        return General(config)
    return DilatedTCN(config) if config.network == "tcn" else WindowNetwork(config)


def _silent(layer: nn.Conv1d | nn.Linear) -> nn.Module:
    nn.init.zeros_(layer.weight)
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    return layer


def _local_mean(x: Float[Tensor, "N C T"]) -> Float[Tensor, "N C T"]:
    padded = F.pad(x, (REACH, REACH), mode="replicate")
    return F.avg_pool1d(padded, 2 * REACH + 1, stride=1)


def _overlapped(offsets: Float[Tensor, "N D S W"], frames: int) -> Float[Tensor, "N D T"]:
    """Means of windows that begin at every fourth frame."""
    N, D, _, W = offsets.shape
    columns = offsets.flatten(0, 1).transpose(1, 2)

    def added(x: Tensor) -> Tensor:
        return F.fold(x, (1, frames), (1, W), stride=(1, WATCHED))

    total = added(columns) / added(torch.ones_like(columns[:1]))
    return total.view(N, D, frames)
