"""Rotations in four forms and the ways between them: batched, differentiable, in the precision they came in.

- axis-angle (3): unit axis times angle in radians;
- matrix (3×3), which turns column vectors: ``R @ v``;
- quaternion (4): w, x, y, z in this order, of any length but zero where read, of unit length where given;
- rotation 6D (6): the first two columns of the matrix (Zhou et al., "On the Continuity of Rotation
  Representations in Neural Networks", CVPR 2019), in one of two layouts (`Layout6D`).

All functions work on the last axes and keep any leading ones. Gradients are finite at every rotation, the
identity and half turns included. Where a true gradient does not exist (the angle between equal rotations,
6D numbers that span no plane) it is zero.
"""

from __future__ import annotations

from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor

Layout6D = Literal["columns", "interleaved"]
"""``columns``: R00 R10 R20 R01 R11 R21, one column after the other. ``interleaved``: R00 R01 R10 R11 R20 R21,
the first two entries of each row, as HANet's released SMPL data has them (``view(3, 2)``)."""

_SERIES_BELOW = 1e-3
"""Squared angle below which four terms of a power series are exact to double precision."""


def axis_angle_to_matrix(axis_angle: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3 3"]:
    """Rodrigues' formula; angles (radians) beyond π are fine."""
    square = (axis_angle**2).sum(dim=-1)[..., None, None]
    small = square < _SERIES_BELOW
    angle = torch.where(small, 1.0, square).sqrt()
    sine = torch.where(
        small, 1 - square / 6 * (1 - square / 20 * (1 - square / 42)), angle.sin() / angle
    )  # sin(a)/a
    versine = torch.where(
        small, 0.5 - square / 24 * (1 - square / 30 * (1 - square / 56)), 2 * ((angle / 2).sin() / angle) ** 2
    )  # (1 - cos a)/a²
    x, y, z = axis_angle.unbind(dim=-1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=-1).unflatten(-1, (3, 3))
    identity = torch.eye(3, dtype=axis_angle.dtype, device=axis_angle.device)
    return identity + sine * cross + versine * (cross @ cross)


def matrix_to_axis_angle(matrix: Float[Tensor, "*batch 3 3"]) -> Float[Tensor, "*batch 3"]:
    """Inverse of `axis_angle_to_matrix` with an angle of at most π (radians)."""
    return quaternion_to_axis_angle(matrix_to_quaternion(matrix))


def quaternion_to_matrix(quaternion: Float[Tensor, "*batch 4"]) -> Float[Tensor, "*batch 3 3"]:
    """Rotation of a quaternion (w, x, y, z); q, -q and any multiple are the same rotation."""
    w, x, y, z = _unit(quaternion).unbind(dim=-1)
    entries = [
        *(1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
        *(2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
        *(2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
    ]
    return torch.stack(entries, dim=-1).unflatten(-1, (3, 3))


def matrix_to_quaternion(matrix: Float[Tensor, "*batch 3 3"]) -> Float[Tensor, "*batch 4"]:
    """Unit quaternion (w, x, y, z) with w ≥ 0.

    The four multiples 4w·q, 4x·q, 4y·q and 4z·q are linear in the matrix; the longest of them, of length 2 at
    least, is brought to unit length. So nothing is divided by a small number at any rotation.
    """
    (a, b, c), (d, e, f), (g, h, i) = (row.unbind(dim=-1) for row in matrix.unbind(dim=-2))
    multiples = torch.stack(
        [
            torch.stack([1 + a + e + i, h - f, c - g, d - b], dim=-1),
            torch.stack([h - f, 1 + a - e - i, b + d, c + g], dim=-1),
            torch.stack([c - g, b + d, 1 - a + e - i, f + h], dim=-1),
            torch.stack([d - b, c + g, f + h, 1 - a - e + i], dim=-1),
        ],
        dim=-2,
    )
    longest = multiples.diagonal(dim1=-2, dim2=-1).argmax(dim=-1)[..., None, None]
    chosen = multiples.take_along_dim(longest, dim=-2).squeeze(-2)
    quaternion = chosen / torch.linalg.vector_norm(chosen, dim=-1, keepdim=True)
    return torch.where(quaternion[..., :1] < 0, -quaternion, quaternion)


def axis_angle_to_quaternion(axis_angle: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 4"]:
    """Unit quaternion (w, x, y, z) = (cos a/2, axis · sin a/2); w is negative for angles beyond π."""
    square = (axis_angle**2).sum(dim=-1, keepdim=True)
    small = square < _SERIES_BELOW
    half = torch.where(small, 1.0, square).sqrt() / 2
    quarter = square / 4
    cosine = torch.where(small, 1 - quarter / 2 * (1 - quarter / 12 * (1 - quarter / 30)), half.cos())
    sine = torch.where(
        small, 0.5 * (1 - quarter / 6 * (1 - quarter / 20 * (1 - quarter / 42))), half.sin() / (2 * half)
    )
    return torch.cat([cosine, sine * axis_angle], dim=-1)


def quaternion_to_axis_angle(quaternion: Float[Tensor, "*batch 4"]) -> Float[Tensor, "*batch 3"]:
    """Axis-angle of a quaternion (w, x, y, z), with an angle of at most π (radians)."""
    unit = _unit(quaternion)
    unit = torch.where(unit[..., :1] < 0, -unit, unit)
    w, vector = unit[..., :1], unit[..., 1:]
    square = (vector**2).sum(dim=-1, keepdim=True)
    small = square < 1e-4
    length = torch.where(small, 1.0, square).sqrt()
    safe_w = torch.where(small, w, 1.0)
    ratio = square / safe_w**2
    factor = torch.where(
        small,
        2 / safe_w * (1 - ratio * (1 / 3 - ratio * (1 / 5 - ratio / 7))),
        2 * torch.atan2(length, w) / length,
    )
    return factor * vector


def matrix_to_rotation_6d(
    matrix: Float[Tensor, "*batch 3 3"], *, layout: Layout6D
) -> Float[Tensor, "*batch 6"]:
    """The first two columns of each matrix, in the named layout (ValueError: an unknown one)."""
    columns = matrix[..., :2]
    return (columns if _interleaved(layout) else columns.transpose(-2, -1)).flatten(-2)


def rotation_6d_to_matrix(
    rotation: Float[Tensor, "*batch 6"], *, layout: Layout6D
) -> Float[Tensor, "*batch 3 3"]:
    """A proper rotation from any six numbers: Gram-Schmidt on two columns, their cross product as third.

    Columns need be neither orthogonal nor of unit length. If the second is a multiple of the first (to
    rounding) or zero, the axis farthest from the first stands for it; for a zero first column the x axis.

    Raises:
        ValueError: an unknown layout.
    """
    if _interleaved(layout):
        first, second = rotation.unflatten(-1, (3, 2)).unbind(dim=-1)
    else:
        first, second = rotation.unflatten(-1, (2, 3)).unbind(dim=-2)
    axes = torch.eye(3, dtype=rotation.dtype, device=rotation.device)
    first, second = _scaled(first), _scaled(second)
    first = _unit(torch.where((first == 0).all(dim=-1, keepdim=True), axes[0], first))
    rest = second - _dot(first, second) * first
    # Below this, what is left of the second column is rounding of the difference.
    degenerate = _dot(rest, rest) < (16 * torch.finfo(rotation.dtype).eps) ** 2
    farthest = axes[first.abs().argmin(dim=-1)]
    rest = torch.where(degenerate, farthest - _dot(first, farthest) * first, rest)
    rest = _unit(rest)
    # Once more: the first difference cancels digits where the columns are nearly parallel.
    second = _unit(rest - _dot(first, rest) * first)
    return torch.stack([first, second, torch.linalg.cross(first, second, dim=-1)], dim=-1)


def geodesic_distance(
    first: Float[Tensor, "*batch 3 3"], second: Float[Tensor, "*batch 3 3"]
) -> Float[Tensor, "*batch"]:
    """Angle (radians, 0 to π) of the rotation between two matrices; its gradient is 0 at distance 0."""
    between = matrix_to_axis_angle(first.transpose(-2, -1) @ second)
    square = (between**2).sum(dim=-1)
    apart = square > 0
    return torch.where(apart, torch.where(apart, square, 1.0).sqrt(), 0.0)


def _interleaved(layout: str) -> bool:
    if layout not in get_args(Layout6D):
        raise ValueError(f"layout must be one of {', '.join(get_args(Layout6D))}, got {layout!r}")
    return layout == "interleaved"


def _dot(a: Float[Tensor, "*batch 3"], b: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 1"]:
    return (a * b).sum(dim=-1, keepdim=True)


def _unit(vector: Float[Tensor, "*batch n"]) -> Float[Tensor, "*batch n"]:
    vector = _scaled(vector)
    return vector / torch.linalg.vector_norm(vector, dim=-1, keepdim=True)


def _scaled(vector: Float[Tensor, "*batch n"]) -> Float[Tensor, "*batch n"]:
    """Over its largest entry, so that no square over- or underflows; zero stays zero.

    The entry is taken as a constant: what is done with the vector afterwards does not depend on its length,
    so neither does its gradient.
    """
    largest = vector.detach().abs().amax(dim=-1, keepdim=True)
    return vector / torch.where(largest > 0, largest, 1.0)
