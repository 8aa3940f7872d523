"""The best similarity from one pose to another, of many frames at once.

Axes: T frames, J joints, D dimensions.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from hanet.metrics.planes import planes

_FLAT = 1e-6
"""Determinant over the cubed norm of a cross-covariance above which Newton's iteration is used."""
_ROUNDS = 20


def procrustes(
    pred: Float[np.ndarray, "T J D"], gt: Float[np.ndarray, "T J D"]
) -> Float[np.ndarray, "T J D"]:
    """`pred` moved onto `gt` by the best similarity of each frame: rotation, uniform scale, translation.

    "Best" is least squares; reflections are excluded (Umeyama, PAMI 1991). All joints in one point go to
    the truth's centroid, which is all that a similarity can do for them. Frames with NaN stay NaN.
    """
    return aligned(planes(pred), planes(gt)).transpose(2, 1, 0)


def aligned(p: Float[np.ndarray, "D J T"], g: Float[np.ndarray, "D J T"]) -> Float[np.ndarray, "D J T"]:
    """`procrustes` of planes; both are left as they are."""
    if not (np.isfinite(p).all() and np.isfinite(g).all()):
        known = np.isfinite(p).all(axis=(0, 1)) & np.isfinite(g).all(axis=(0, 1))
        moved = np.full(p.shape, np.nan)
        if known.any():
            moved[..., known] = aligned(p[..., known], g[..., known])
        return moved
    centre = g.mean(axis=1, keepdims=True)
    p, g = p - p.mean(axis=1, keepdims=True), g - centre
    turn, size = rotations(np.stack([np.stack([(a * b).sum(axis=0) for b in g]) for a in p]))
    spread = (p * p).sum(axis=(0, 1))
    turn *= np.divide(size, spread, out=np.zeros_like(spread), where=spread > 0)
    moved = np.empty_like(p)
    for target, column, middle in zip(moved, turn.swapaxes(0, 1), centre, strict=True):
        np.multiply(p[0], column[0], out=target)
        for coordinate, factor in zip(p[1:], column[1:], strict=True):
            target += coordinate * factor
        target += middle
    return moved


def rotations(
    covariance: Float[np.ndarray, "D D T"],
) -> tuple[Float[np.ndarray, "D D T"], Float[np.ndarray, " T"]]:
    """Rotations R without reflection that maximise the trace of RᵀM for each matrix M, and that trace.

    For a positive determinant R is the orthogonal factor of M's polar decomposition, which Newton's iteration
    with scaling gives to rounding (Higham, SIAM J. Sci. Stat. Comput. 1986). Nearly singular matrices (poses
    on a plane or a line) and negative determinants take the singular value decomposition.
    """
    dimensions, _, T = covariance.shape
    turn = np.empty_like(covariance)
    newton = np.zeros(T, dtype=bool)
    if dimensions == 3:
        turn, newton = _polar(covariance)
    rest = ~newton
    if rest.any():
        turn[:, :, rest] = _by_singular_values(covariance[:, :, rest])
    return turn, (turn * covariance).sum(axis=(0, 1))


def _polar(m: Float[np.ndarray, "3 3 T"]) -> tuple[Float[np.ndarray, "3 3 T"], Bool[np.ndarray, " T"]]:
    """Orthogonal polar factors, and where they hold."""
    size = np.sqrt((m * m).sum(axis=(0, 1)))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        x = m / size
        good = (x[0] * _cofactors(x)[0]).sum(axis=0) > _FLAT
        x[:, :, ~good] = np.eye(3)[:, :, None]
    for _ in range(_ROUNDS):
        inverse = _cofactors(x)
        inverse /= (x[0] * inverse[0]).sum(axis=0)  # the inverse, transposed
        scale = ((inverse * inverse).sum(axis=(0, 1)) / (x * x).sum(axis=(0, 1))) ** 0.25
        before, x = x, 0.5 * (scale * x + inverse / scale)
        if np.abs(x - before).max(initial=0.0) < 1e-9:  # it converges quadratically
            break
    else:
        good = np.zeros_like(good)
    return x, good


def _cofactors(m: Float[np.ndarray, "3 3 T"]) -> Float[np.ndarray, "3 3 T"]:
    """Cross products of the other two rows: the transposed inverse times the determinant."""
    after, before = [1, 2, 0], [2, 0, 1]
    a, b = m[after], m[before]
    return a[:, after] * b[:, before] - a[:, before] * b[:, after]


def _by_singular_values(m: Float[np.ndarray, "D D T"]) -> Float[np.ndarray, "D D T"]:
    u, _, vt = np.linalg.svd(m.transpose(2, 0, 1))
    # A negative determinant is a reflection: turn the axis that costs least.
    u[:, :, -1] *= np.where(np.linalg.det(u @ vt) < 0, -1.0, 1.0)[:, None]
    return (u @ vt).transpose(1, 2, 0)
