"""Mirror images and turns of poses."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from hanet.poses.skeletons import Skeleton


def mirror(values: Float[Tensor, "B T C"], skeleton: Skeleton, *, axis: int) -> Float[Tensor, "B T C"]:
    """The mirror image: one coordinate negated, left and right joints swapped; an involution."""
    poses = values.unflatten(2, (len(skeleton), 3))[:, :, torch.from_numpy(skeleton.mirror)]
    sign = torch.ones(3, dtype=values.dtype, device=values.device)
    sign[axis] = -1
    return (poses * sign).flatten(2)


def rotate(
    values: Float[Tensor, "B T C"], angle: Float[Tensor, " B"], *, axis: int
) -> Float[Tensor, "B T C"]:
    """3D poses turned about a coordinate axis, one angle (radians, right-handed) a window."""
    first, second = (axis + 1) % 3, (axis + 2) % 3
    poses = values.unflatten(2, (-1, 3))
    cos, sin = angle.cos()[:, None, None], angle.sin()[:, None, None]
    turned = poses.clone()
    turned[..., first] = cos * poses[..., first] - sin * poses[..., second]
    turned[..., second] = sin * poses[..., first] + cos * poses[..., second]
    return turned.flatten(2)
