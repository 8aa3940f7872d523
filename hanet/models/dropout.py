"""Dropout whose mask takes a quarter of the random numbers: PyTorch's own draws one per value, serially."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

LEVELS = 2**16
"""Values of the random numbers, four of which are one draw of 64 bits."""


def dropout(x: Tensor, p: float) -> Tensor:
    """Zero a share `p` of the values at random and scale the others, so that the mean stays.

    On a CPU the share is the nearest multiple of 2⁻¹⁶ (0.1 becomes 0.099991 to 0.100006) and the draws are
    those of PyTorch's global generator; elsewhere this is PyTorch's own.
    """
    if x.device.type != "cpu":
        return F.dropout(x, p)
    return x * kept(x, p)


def kept(x: Tensor, p: float) -> Tensor:
    """Factors of `x`'s shape and type: 0 with probability `p`, else what keeps the mean at 1."""
    dropped = min(round(p * LEVELS), LEVELS - 1)
    words = torch.empty(-(-x.numel() // 4), dtype=torch.int64).random_(-(2**63), None)
    levels = words.view(torch.int16)[: x.numel()].view(x.shape).to(x.dtype)
    return levels.ge_(dropped - LEVELS // 2).mul_(LEVELS / (LEVELS - dropped))


class Dropout(nn.Module):
    """`dropout` in training, the identity in evaluation."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        return dropout(x, self.p) if self.training and self.p else x
