"""Fixed matrices over the frames of a window: position embeddings, interpolation, smoothing.

Axes: T frames of a window, W watched frames, D width of an embedding. All are computed once in float64, as
constants of a model; applying one is a single matrix product.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from scipy.interpolate import CubicSpline
from torch import Tensor

from hanet.models.hanet_options import INTERPOLATIONS, LEAST_SIGMA, Interpolation
from hanet.poses.windows import watched_frames


def sine_positions(window: int, width: int) -> Float[Tensor, "T D"]:
    """Sine position embedding: the window spans [0, 2π], sine and cosine interleaved.

    Columns 2k and 2k+1 hold sine and cosine of ``2π·t/(T-1) / 10000^(4k/D)``. The exponent is twice that of
    DETR (Carion et al., 2020), as HANet's released models have it.
    """
    if width % 2:
        raise ValueError(f"a sine position embedding pairs sine and cosine: width must be even, got {width}")
    position = torch.linspace(0, 2 * torch.pi, window, dtype=torch.float64)
    frequency = 10000.0 ** (-2 * torch.arange(0, width, 2, dtype=torch.float64) / width)
    angle = position[:, None] * frequency
    return torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(1)


def interpolation_matrix(window: int, interval: int, kind: Interpolation) -> Float[Tensor, "T W"]:
    """Matrix from poses at the watched frames to poses at all frames; exact at the watched ones.

    ``linear`` is the paper's. ``cubic`` is the natural cubic spline: of all curves through the watched poses
    the one with the least integrated squared acceleration, so velocities have no kinks at watched frames.
    Both reproduce constants and linear motion.
    """
    if kind not in INTERPOLATIONS:
        raise ValueError(f"interpolation must be one of {', '.join(INTERPOLATIONS)}, got {kind!r}")
    watched = watched_frames(window, interval).numpy()
    one_hot, frames = np.eye(len(watched)), np.arange(window)
    if kind == "cubic":
        return torch.from_numpy(CubicSpline(watched, one_hot, bc_type="natural")(frames))
    return torch.from_numpy(np.stack([np.interp(frames, watched, column) for column in one_hot], axis=1))


def mix_frames(matrix: Float[Tensor, "Q K"], pose: Float[Tensor, "B K C"]) -> Float[Tensor, "B Q C"]:
    """Poses at Q frames as fixed mixes of those at K frames, in the poses' own precision.

    Half precision, which mixed-precision training would choose, rounds metres to 4 mm.
    """
    with torch.autocast(pose.device.type, enabled=False):
        return matrix @ pose


def smoothing_matrix(window: int, sigma: float) -> Float[Tensor, "T T"]:
    """Gaussian low-pass over the frames of a window, `sigma` in frames, exact on straight lines everywhere.

    Row t is the value at t of the straight line fitted to all frames with Gaussian weights around t (local
    linear regression). Away from the ends that is the plain Gaussian mean; at the ends, where a plain mean
    would be biased towards the window's middle, the line's slope compensates for the missing side.
    """
    if not LEAST_SIGMA <= sigma < float("inf"):
        raise ValueError(f"sigma must be finite and at least {LEAST_SIGMA} frames, got {sigma}")
    frames = torch.arange(window, dtype=torch.float64)
    offset = frames - frames[:, None]
    weight = torch.exp(-0.5 * (offset / sigma) ** 2)
    s0, s1, s2 = (torch.sum(weight * offset**k, dim=1, keepdim=True) for k in range(3))
    return weight * (s2 - s1 * offset) / (s0 * s2 - s1**2)
