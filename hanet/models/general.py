"""The general refiner: HANet's idea for any skeleton, as a smoother whose strength a network chooses.

HANet reads watched frames with their kinematics and decodes all frames from them. This network does that with
numbers that no skeleton, unit or frame of reference changes (`hanet.models.general_inputs`): layers over
every frame, then over every fourth, watched one. It returns no poses but how far each frame is to be trusted
and, from the watched frames, how much slower or faster the joint moves than `hanet.models.self_tuning`
found. Penalised least squares (`hanet.models.penalised`) turns both into poses. So the output is smooth by
construction, and it commutes with rotations, shifts and scalings.

Read top to bottom: filters, block, network, smoother with gradients, loss.

Axes: B windows, J joints, N = B·J tracks, F features, C channels, T frames (a multiple of four),
S = T / 4 watched ones, D numbers per joint.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from jaxtyping import Float
from torch import Tensor, nn

from hanet.models import penalised
from hanet.models.general_inputs import FEATURES, TUNED, WATCHED
from hanet.models.general_options import GeneralConfig

SHORTEST, LONGEST = -3.5, 3.2
"""Range of log periods, in frames: below the first nothing is smoothed."""
DECODED, JOINED = 8, 12
"""Widths of what every frame takes from the watched ones, and of the layer over both."""
LEAST = -12.0
"""Lowest log weight of a frame with a detection."""


def both_sides(x: Float[Tensor, "N T C"], frames: int) -> Float[Tensor, "N T C"]:
    """Sum of the features so many frames before and after; the end values repeat."""
    start, end = x[:, :1].expand(-1, frames, -1), x[:, -1:].expand(-1, frames, -1)
    padded = torch.cat([start, x, end], dim=1)
    return padded[:, 2 * frames :] + padded[:, : -2 * frames]


class EvenFilter(nn.Module):
    """A filter over time that equals its mirror image, so that it has no direction."""

    def __init__(self, features: int, width: int, reach: int) -> None:
        super().__init__()
        self.reach = reach
        self.taps = nn.Linear(features * (reach + 1), width)

    def forward(self, x: Float[Tensor, "N T C"]) -> Float[Tensor, "N T W"]:
        """Filtered features of the same frames."""
        return self.taps(torch.cat([x, *(both_sides(x, k) for k in range(1, self.reach + 1))], dim=-1))


class Block(nn.Module):
    """Residual block over watched frames: an even filter of five taps per channel, and two layers.

    Where `context`, it sees the mean over the body's joints too.
    """

    def __init__(self, width: int, dilation: int, context: bool) -> None:
        super().__init__()
        self.dilation = dilation
        self.taps = nn.Parameter(0.4 * torch.randn(3, width))
        self.mix = nn.Linear(width, width)
        self.back = nn.Linear(width, width)
        self.body = nn.Linear(width, width) if context else None
        nn.init.zeros_(self.back.weight)
        nn.init.zeros_(self.back.bias)

    def forward(self, x: Float[Tensor, "N S C"], bodies: int) -> Float[Tensor, "N S C"]:
        """Features of the same frames."""
        near, far = both_sides(x, self.dilation), both_sides(x, 2 * self.dilation)
        y = self.mix(x * self.taps[0] + near * self.taps[1] + far * self.taps[2])
        if self.body is not None:
            shared = self.body(x.unflatten(0, (bodies, -1)).mean(1, keepdim=True))
            y = (y.unflatten(0, (bodies, -1)) + shared).flatten(0, 1)
        return x + self.back(F.relu(y))


class General(nn.Module):
    """From features of tracks to the weights and periods of a smoother."""

    def __init__(self, config: GeneralConfig) -> None:
        super().__init__()
        self.config = config
        self.mean: Tensor
        self.deviation: Tensor
        self.register_buffer("mean", torch.zeros(len(FEATURES)))
        self.register_buffer("deviation", torch.ones(len(FEATURES)))
        stem, hidden = config.stem, config.hidden
        self.enter = EvenFilter(len(FEATURES), stem, 2)
        self.near = EvenFilter(stem, stem, 1)
        self.watch = nn.Linear(WATCHED // 2 * stem, hidden)
        self.blocks = nn.ModuleList(
            Block(hidden, dilation, config.context and i % 2 == 1)
            for i, dilation in enumerate(config.dilations)
        )
        self.periods = nn.Linear(hidden, 2)
        self.decode = nn.Linear(hidden, DECODED)
        self.join = EvenFilter(stem + DECODED, JOINED, 1)
        self.trust = nn.Linear(JOINED, 1)
        for head, start in ((self.periods, (0.0, -0.7)), (self.trust, (0.0,))):
            nn.init.normal_(head.weight, 0.0, 0.02)
            with torch.no_grad():
                head.bias.copy_(torch.tensor(start))

    def forward(
        self, features: Float[Tensor, "N T F"], bodies: int = 1
    ) -> tuple[Float[Tensor, "N T"], Float[Tensor, "N 2 T"]]:
        """Log weights of the frames, at most 0, and log periods in frames of second and third difference.

        Args:
            features: as `general_inputs.features`; T is a multiple of four.
            bodies: bodies that the tracks belong to, equally many each, one after the other.
        """
        x = (features - self.mean) / self.deviation
        if not self.config.tuned:
            x = torch.cat([x[..., :TUNED], torch.zeros_like(x[..., TUNED:])], dim=-1)
        every = F.relu(self.enter(x))
        every = every + F.relu(self.near(every))
        groups = every.unflatten(1, (-1, WATCHED))
        pairs = [groups[:, :, i] + groups[:, :, WATCHED - 1 - i] for i in range(WATCHED // 2)]
        watched = self.watch(torch.cat(pairs, dim=-1))
        for block in self.blocks:
            watched = block(watched, bodies)
        decoded = self.decode(watched).unsqueeze(2).expand(-1, -1, WATCHED, -1).flatten(1, 2)
        trust = self.trust(F.relu(self.join(torch.cat([every, decoded], dim=-1)))).squeeze(-1)
        return decisions(self.config, trust, self.periods(watched).transpose(1, 2), features[..., TUNED])

    def refined(
        self,
        detected: Float[Tensor, "N T D"],
        known: Float[Tensor, "N T"],
        features: Float[Tensor, "N T F"],
        bodies: int = 1,
    ) -> Float[Tensor, "N T D"]:
        """Poses in body scales, see `smoothed` and `forward`."""
        return smoothed(detected, known, *self(features, bodies))


def decisions(
    config: GeneralConfig,
    trust: Float[Tensor, "N T"],
    slower: Float[Tensor, "N 2 S"],
    tuned: Float[Tensor, "N T"],
) -> tuple[Float[Tensor, "N T"], Float[Tensor, "N 2 T"]]:
    """Log weights and log periods within their bounds, from the heads' outputs and self-tuned periods."""
    slower = F.interpolate(slower, scale_factor=float(WATCHED), mode="linear")
    periods = slower
    if config.tuned:
        bounded = torch.stack([slower[:, 0].clamp(min=-config.faster), slower[:, 1]], dim=1)
        periods = bounded + tuned.unsqueeze(1)
    # Starts near 0: every frame is trusted until training says otherwise.
    weights = -F.softplus(-4.0 * trust - 3.0) if config.weighted else torch.zeros_like(trust)
    return weights.clamp(min=LEAST), periods.clamp(SHORTEST, LONGEST)


class _Smooth(torch.autograd.Function):
    """`penalised.smooth` with gradients of weights and penalties, by one more solution of the equations."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, weights: Tensor, second: Tensor, third: Tensor) -> Tensor:
        y, w, a, b = (x.detach().cpu().double().numpy() for x in (values, weights, second, third))
        band = penalised.factor(w, a, b)
        result = penalised.solve(band, w[..., None] * y)
        ctx.kept = band, y, result
        return torch.from_numpy(result).to(values)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, Tensor, Tensor, Tensor]:
        band, y, result = ctx.kept
        gradient = gradients[0]
        adjoint = penalised.solve(band, gradient.cpu().double().numpy())
        penalty = [np.zeros(y.shape[:2]) for _ in range(2)]
        for order, into in zip((2, 3), penalty, strict=True):
            product = -np.diff(adjoint, order, axis=1) * np.diff(result, order, axis=1)
            into[:, : product.shape[1]] = product.sum(axis=2)
        parts = ((adjoint * (y - result)).sum(axis=2), *penalty)
        weights, second, third = (torch.from_numpy(part).to(gradient) for part in parts)
        return None, weights, second, third


def smoothed(
    values: Float[Tensor, "N T D"],
    known: Float[Tensor, "N T"],
    weights: Float[Tensor, "N T"],
    periods: Float[Tensor, "N 2 T"],
) -> Float[Tensor, "N T D"]:
    """Poses by what the network returned; before the first detection and after the last one, the input.

    Args:
        values: finite poses; gaps filled by straight lines, held at the ends.
        known: 1 where there was a detection, else 0.
        weights: log weights.
        periods: log periods.
    """
    w = weights.exp() * known + penalised.FLOOR
    second, third = periods[:, 0], periods[:, 1]
    a = torch.exp(4 * torch.cat([second[:, 1:], second[:, -1:]], dim=1))
    b = torch.exp(6 * torch.cat([(third[:, 1:-1] + third[:, 2:]) / 2, third[:, -2:]], dim=1))
    result = _Smooth.apply(values, w, a, b)
    seen = (known.cumsum(1) > 0) & (known.flip(1).cumsum(1).flip(1) > 0)
    return torch.where(seen[..., None], result, values)


POSITION, ACCELERATION = 2e-3, 1e-3
"""Body scales (per frame²) below which errors count as none."""


def general_loss(
    refined: Float[Tensor, "N T D"],
    detected: Float[Tensor, "N T D"],
    gt: Float[Tensor, "N T D"],
    *,
    acceleration: float,
    harm: float,
) -> dict[str, Tensor]:
    """Mean log ratio of a track's error after and before, of positions and accelerations.

    Logarithms make a nearly clean track count as much as a very noisy one.

    Args:
        refined, detected, gt: poses in body scales.
        acceleration: weight of the acceleration's ratio.
        harm: extra weight of ratios above 1.
    """

    def ratio(difference: int, floor: float) -> Tensor:
        after, before = (
            (torch.diff(poses - gt, n=difference, dim=1).square().sum(-1) + 1e-10).sqrt().mean(1)
            for poses in (refined, detected)
        )
        return torch.log((after + floor) / (before + floor))

    position, second = ratio(0, POSITION), ratio(2, ACCELERATION)
    loss = position + acceleration * second + harm * (F.relu(position) + 0.5 * F.relu(second))
    return {
        "loss": loss.mean(),
        "loss_position": position.detach().mean(),
        "loss_acceleration": second.detach().mean(),
    }
