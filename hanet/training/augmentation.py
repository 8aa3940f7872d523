"""Training-time augmentation of windows of 3D joints; beyond the paper, off in its configuration.

Every transform is drawn once a window and applied to its detected and its true poses alike.

Axes: B windows, T frames, C = 3·J channels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from hanet.poses.skeletons import Skeleton
from hanet.poses.transforms import mirror, rotate


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """What is drawn for a window; the defaults draw nothing.

    Attributes:
        mirror_axis: axis from a person's left to right, negated with probability one half while left and
            right joints swap (0, the image's horizontal, in a camera's frame); None: never.
        rotation_degrees: turns about the vertical, evenly from ± this.
        vertical_axis: 1 in a camera's frame, 2 in a z-up world.
        scale: body sizes, a factor evenly from 1 ± this.
        stretch: body proportions, a factor of its own for each axis, evenly from 1 ± this.
        reverse: play the window backwards with probability one half.
    """

    mirror_axis: int | None = None
    rotation_degrees: float = 0.0
    vertical_axis: int = 1
    scale: float = 0.0
    stretch: float = 0.0
    reverse: bool = False

    def __post_init__(self) -> None:
        if self.mirror_axis not in (None, 0, 1, 2) or self.vertical_axis not in (0, 1, 2):
            raise ValueError(
                f"axes are 0, 1 or 2, got mirror_axis={self.mirror_axis}, vertical_axis={self.vertical_axis}"
            )
        for name in ("scale", "stretch"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} must be in [0, 1), a share of the body, got {getattr(self, name)}")

    def __bool__(self) -> bool:
        return self.mirror_axis is not None or bool(
            self.rotation_degrees or self.scale or self.stretch or self.reverse
        )

    def apply(
        self,
        detected: Float[Tensor, "B T C"],
        gt: Float[Tensor, "B T C"],
        skeleton: Skeleton,
        generator: torch.Generator,
    ) -> tuple[Float[Tensor, "B T C"], Float[Tensor, "B T C"]]:
        """Augmented detected and true poses.

        Args:
            detected: estimator output.
            gt: ground truth.
            skeleton: joint names, for the mirror.
            generator: source of randomness on the CPU, so that a run does not depend on its device.
        """
        B, device = len(detected), detected.device
        T = detected.shape[1]
        pair = torch.cat([detected, gt], dim=1)
        if self.reverse:
            backwards = (torch.rand(B, generator=generator) < 0.5).to(device)
            turned = torch.cat([detected.flip(1), gt.flip(1)], dim=1)
            pair = torch.where(backwards[:, None, None], turned, pair)
        if self.mirror_axis is not None:
            flip = (torch.rand(B, generator=generator) < 0.5).to(device)
            pair = torch.where(flip[:, None, None], mirror(pair, skeleton, axis=self.mirror_axis), pair)
        if self.rotation_degrees:
            angle = (torch.rand(B, generator=generator) * 2 - 1) * math.radians(self.rotation_degrees)
            pair = rotate(pair, angle.to(device), axis=self.vertical_axis)
        if self.scale or self.stretch:
            factor = 1 + (torch.rand(B, 1, generator=generator) * 2 - 1) * self.scale
            factor = factor * (1 + (torch.rand(B, 3, generator=generator) * 2 - 1) * self.stretch)
            pair = pair * factor.to(device).repeat(1, len(skeleton))[:, None]
        return pair[:, :T], pair[:, T:]
