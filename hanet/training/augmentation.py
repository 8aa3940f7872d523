"""Training-time augmentation of windows of 3D joints; beyond the paper, off in its configuration.

Every transform is drawn once per window and applied to both its detected and its ground-truth poses.

Axes: B windows, T frames, C = 3·J channels.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from hanet.poses.skeletons import Skeleton
from hanet.poses.transforms import mirror, rotate
from hanet.training.options import Augmentation


def augment(
    options: Augmentation,
    detected: Float[Tensor, "B T C"],
    gt: Float[Tensor, "B T C"],
    skeleton: Skeleton,
    generator: torch.Generator,
) -> tuple[Float[Tensor, "B T C"], Float[Tensor, "B T C"]]:
    """Augmented detected and true poses.

    Args:
        options: the transforms to draw.
        detected: estimator output.
        gt: ground truth.
        skeleton: joint names, for the mirror.
        generator: source of randomness on the CPU, so that a run does not depend on its device.
    """
    B, device = len(detected), detected.device
    T = detected.shape[1]
    pair = torch.cat([detected, gt], dim=1)
    if options.reverse:
        backwards = (torch.rand(B, generator=generator) < 0.5).to(device)
        turned = torch.cat([detected.flip(1), gt.flip(1)], dim=1)
        pair = torch.where(backwards[:, None, None], turned, pair)
    if options.mirror_axis is not None:
        flip = (torch.rand(B, generator=generator) < 0.5).to(device)
        pair = torch.where(flip[:, None, None], mirror(pair, skeleton, axis=options.mirror_axis), pair)
    if options.rotation_degrees:
        angle = (torch.rand(B, generator=generator) * 2 - 1) * math.radians(options.rotation_degrees)
        pair = rotate(pair, angle.to(device), axis=options.vertical_axis)
    if options.scale or options.stretch:
        factor = 1 + (torch.rand(B, 1, generator=generator) * 2 - 1) * options.scale
        factor = factor * (1 + (torch.rand(B, 3, generator=generator) * 2 - 1) * options.stretch)
        pair = pair * factor.to(device).repeat(1, len(skeleton))[:, None]
    return pair[:, :T], pair[:, T:]
