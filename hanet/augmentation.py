"""Training-time augmentation of windows of poses; beyond the paper, off in its configuration.

Axes: B windows, T frames, C = J·D channels.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from hanet.skeletons import Skeleton

Pair = tuple[Float[Tensor, "B T C"], Float[Tensor, "B T C"]]


def mirror(values: Float[Tensor, "B T C"], skeleton: Skeleton) -> Float[Tensor, "B T C"]:
    """The mirror image: first coordinate negated, left and right joints swapped.

    For root-relative joints, whose first axis is the image's; an involution.
    """
    B, T, C = values.shape
    poses = values.reshape(B, T, len(skeleton), -1)[:, :, torch.from_numpy(skeleton.mirror)]
    poses = torch.cat([-poses[..., :1], poses[..., 1:]], dim=-1)
    return poses.reshape(B, T, C)


def rotate_about_y(values: Float[Tensor, "B T C"], angle: Float[Tensor, " B"]) -> Float[Tensor, "B T C"]:
    """3D poses turned about the camera's vertical axis (y), one angle (radians) a window."""
    B, T, C = values.shape
    cos, sin = angle.cos(), angle.sin()
    zero, one = torch.zeros_like(angle), torch.ones_like(angle)
    rows = [cos, zero, sin, zero, one, zero, -sin, zero, cos]
    rotation = torch.stack(rows, dim=-1).reshape(B, 1, 3, 3)
    return (values.reshape(B, T, C // 3, 3) @ rotation.transpose(-1, -2)).reshape(B, T, C)


def augment(
    detected: Float[Tensor, "B T C"],
    gt: Float[Tensor, "B T C"],
    *,
    skeleton: Skeleton,
    mirrored: bool,
    rotation_degrees: float,
    generator: torch.Generator,
) -> Pair:
    """The same random mirror and rotation for a window's detected and true poses.

    Args:
        detected: estimator output.
        gt: ground truth.
        skeleton: joint names, for the mirror.
        mirrored: mirror every window with probability one half.
        rotation_degrees: rotate about the vertical by an angle drawn evenly from ± this.
        generator: source of randomness on the CPU, so that a run does not depend on its device.
    """
    if mirrored:
        flip = torch.rand(len(detected), generator=generator) < 0.5
        flip = flip.to(detected.device)[:, None, None]
        detected = torch.where(flip, mirror(detected, skeleton), detected)
        gt = torch.where(flip, mirror(gt, skeleton), gt)
    if rotation_degrees:
        turn = (torch.rand(len(detected), generator=generator) * 2 - 1) * math.radians(rotation_degrees)
        turn = turn.to(detected.device)
        detected, gt = rotate_about_y(detected, turn), rotate_about_y(gt, turn)
    return detected, gt
