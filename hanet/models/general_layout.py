"""The general refiner's network as convolutions over images of joints by frames, which ONNX Runtime computes
fastest.

The same function as `hanet.models.general.General` for the tracks of one body: even filters become
convolutions with mirrored kernels, and the features' mean and deviation go into the first one. Two
dimensions instead of one, as the runtime has faster layouts for images.

Axes: J joints, F features, C channels, T frames (a multiple of four), S = T / 4 watched ones.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from jaxtyping import Float
from torch import Tensor, nn

from hanet.models.general import Block, EvenFilter, General, decisions
from hanet.models.general_inputs import TUNED, WATCHED


class OneBody(nn.Module):
    """`General` for one body, channels before joints and frames."""

    def __init__(self, model: General) -> None:
        super().__init__()
        self.config = model.config
        self.enter = _convolution(model.enter)
        with torch.no_grad():
            if not model.config.tuned:
                self.enter.weight[:, TUNED] = 0.0
            self.enter.weight /= model.deviation[:, None, None]
            offset = (self.enter.weight.sum(dim=(2, 3)) * model.mean).sum(dim=1)
            self.enter.bias.sub_(offset)  # type: ignore[union-attr]
        self.near, self.join = _convolution(model.near), _convolution(model.join)
        outer, inner = model.watch.weight.chunk(WATCHED // 2, dim=1)
        self.watch = _from_kernel(
            torch.stack([outer, inner, inner, outer], dim=2), model.watch.bias, stride=WATCHED
        )
        self.blocks = nn.ModuleList(_OneBodyBlock(block) for block in model.blocks)  # type: ignore[arg-type]
        self.periods, self.decode, self.trust = (
            _pointwise(layer) for layer in (model.periods, model.decode, model.trust)
        )

    def forward(
        self, features: Float[Tensor, "J F T"]
    ) -> tuple[Float[Tensor, "J T"], Float[Tensor, "J 2 T"]]:
        """As `General`, of features with the frames last."""
        every = F.relu(_padded(self.enter, features.permute(1, 0, 2).unsqueeze(0)))
        every = every + F.relu(_padded(self.near, every))
        watched = self.watch(every)
        for block in self.blocks:
            watched = block(watched)
        decoded = F.interpolate(self.decode(watched), scale_factor=(1.0, float(WATCHED)), mode="nearest")
        joined = F.relu(_padded(self.join, torch.cat([every, decoded], dim=1)))
        slower = self.periods(watched)[0].permute(1, 0, 2)
        return decisions(self.config, self.trust(joined)[0, 0], slower, features[:, TUNED])


class _OneBodyBlock(nn.Module):
    """`Block` with channels before joints and frames."""

    def __init__(self, block: Block) -> None:
        super().__init__()
        width = block.taps.shape[1]
        mirrored = torch.stack([block.taps[abs(k)] for k in range(-2, 3)], dim=1).unsqueeze(1)
        none = torch.zeros(width)
        self.filter = _from_kernel(mirrored, none, dilation=block.dilation, groups=width)
        self.mix, self.back = _pointwise(block.mix), _pointwise(block.back)
        self.body = None if block.body is None else _pointwise(block.body)

    def forward(self, x: Float[Tensor, "1 C J S"]) -> Float[Tensor, "1 C J S"]:
        y = self.mix(_padded(self.filter, x))
        if self.body is not None:
            y = y + self.body(x.mean(dim=2, keepdim=True))
        return x + self.back(F.relu(y))


def _padded(layer: nn.Conv2d, x: Float[Tensor, "1 C J T"]) -> Float[Tensor, "1 W J T"]:
    """The layer's values of the same frames; the end values repeat."""
    reach = layer.dilation[1] * (layer.kernel_size[1] // 2)
    return layer(F.pad(x, (reach, reach, 0, 0), mode="replicate"))


def _convolution(even: EvenFilter) -> nn.Conv2d:
    taps = even.taps.weight.unflatten(1, (even.reach + 1, -1))
    mirrored = torch.stack([taps[:, abs(k)] for k in range(-even.reach, even.reach + 1)], dim=2)
    return _from_kernel(mirrored, even.taps.bias)


def _pointwise(layer: nn.Module) -> nn.Conv2d:
    assert isinstance(layer, nn.Linear)
    return _from_kernel(layer.weight.unsqueeze(2), layer.bias)


def _from_kernel(
    kernel: Float[Tensor, "W C K"],
    bias: Float[Tensor, " W"],
    *,
    stride: int = 1,
    dilation: int = 1,
    groups: int = 1,
) -> nn.Conv2d:
    """A convolution over frames of each joint."""
    width, each, size = kernel.shape
    layer = nn.Conv2d(
        each * groups, width, (1, size), stride=(1, stride), dilation=(1, dilation), groups=groups
    )
    with torch.no_grad():
        layer.weight.copy_(kernel.unsqueeze(2))
        assert layer.bias is not None
        layer.bias.copy_(bias)
    return layer
