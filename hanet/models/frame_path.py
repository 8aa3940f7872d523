"""A path per frame beside a temporal network, beyond the papers: what one frame tells, as an affine map.

The map corrects every frame by itself. It has few numbers and a closed form, so it carries over to people
that training has not seen. The network then sees each joint's motion about its mean in the window, not where
the joint is: it can learn what time tells, and not the bias of the people it was trained on.

Axes: B windows, T frames of a window, C channels (joints × dims).
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn


class FramePath(nn.Module):
    """Adds an affine function of a frame's pose to it; nothing before it is fitted.

    It is fitted before training (`hanet.training.frame_map`), not trained.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(channels, channels), requires_grad=False)
        self.shift = nn.Parameter(torch.zeros(channels), requires_grad=False)

    @torch.no_grad()
    def set(self, weight: Float[np.ndarray, "C C"], shift: Float[np.ndarray, " C"]) -> None:
        """Take weight (from poses to corrections) and shift (the correction of a pose of zeros)."""
        self.weight.copy_(torch.from_numpy(weight))
        self.shift.copy_(torch.from_numpy(shift))

    def forward(self, poses: Float[Tensor, "B T C"]) -> Float[Tensor, "B T C"]:
        """Corrected poses, in their own precision: half would round metres to 4 mm."""
        with torch.autocast(poses.device.type, enabled=False):
            return poses + poses @ self.weight + self.shift

    def split(
        self, detected: Float[Tensor, "B T C"]
    ) -> tuple[Float[Tensor, "B T C"], Float[Tensor, "B 1 C"]]:
        """Corrected poses as motion about each joint's mean in the window, and that mean."""
        corrected = self(detected)
        middle = corrected.mean(dim=1, keepdim=True)
        return corrected - middle, middle
