"""What a fitted method or a filter costs; `hanet.methods.network_cost` is for trained networks."""

from __future__ import annotations

from dataclasses import dataclass

from hanet.methods.base import Method
from hanet.methods.filters import Gaussian, Input
from hanet.methods.offset import ConstantOffset
from hanet.methods.ridge import FrameRidge
from hanet.poses.sequence import PoseSequence


@dataclass(frozen=True)
class Cost:
    """What a method costs.

    Attributes:
        parameters: numbers that are learned from data; None where unknown.
        flops: additions and multiplications for each frame of a long track, a multiplication with an
            addition counting as two; None where unknown.
    """

    parameters: int | None = None
    flops: float | None = None

    def to_dict(self) -> dict[str, float]:
        """What is known, by the keys of `hanet.results.columns.COSTS`."""
        known = {} if self.parameters is None else {"parameters": float(self.parameters)}
        return known | ({} if self.flops is None else {"kflops_per_frame": self.flops / 1000})


def cost_of(method: Method, example: PoseSequence) -> Cost:
    """The cost of a method on tracks of the kind of `example`."""
    channels = example.values.shape[1] * example.values.shape[2]
    match method:
        case Input():
            return Cost(0, 0.0)
        case ConstantOffset():
            return Cost(channels, float(channels))
        case FrameRidge():
            passes = 1 if method.mirror_axis is None else 2
            return Cost(channels * (channels + 1), passes * (2.0 * channels**2 + 2 * channels))
        case Gaussian():
            return Cost(0, 2.0 * channels * (2 * int(4.0 * method.sigma + 0.5) + 1))
    return Cost()
