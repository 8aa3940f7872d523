"""The rotations that SPIN and PARE regress: six numbers a joint, in the layout of the HMR family."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def rotation_matrices(interleaved: Float[Tensor, "*B 6"]) -> Float[Tensor, "*B 3 3"]:
    """Rotation matrices from two columns each, stored interleaved: ``x.view(3, 2)`` has them as columns.

    The first column is normalised, the second made perpendicular to it (Gram-Schmidt), the third is their
    cross product. Source: Zhou et al., "On the continuity of rotation representations in neural networks",
    CVPR 2019, section B; the layout is SPIN's.
    """
    columns = interleaved.unflatten(-1, (3, 2))
    first = torch.nn.functional.normalize(columns[..., 0], dim=-1)
    along = (first * columns[..., 1]).sum(-1, keepdim=True)
    second = torch.nn.functional.normalize(columns[..., 1] - along * first, dim=-1)
    return torch.stack([first, second, torch.linalg.cross(first, second)], dim=-1)
