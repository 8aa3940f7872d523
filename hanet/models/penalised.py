"""Penalised least squares over time: the smoothest course that stays near what was observed.

For each track it minimises

    Σ_t w_t ‖x_t − y_t‖² + Σ_t a_t ‖x_{t−1} − 2 x_t + x_{t+1}‖² + Σ_t b_t ‖x_{t+2} − 3 x_{t+1} + 3 x_t −
    x_{t−1}‖²

(Whittaker, Proceedings of the Edinburgh Mathematical Society 1923, with weights and penalties that vary over
time). The result is linear in y, commutes with rotations, scalings and translations of the poses, and is
smooth wherever the penalties outweigh the weights, however the weights vary from frame to frame.

Axes: N tracks (joints), T frames, D numbers per joint.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.linalg import cho_solve_banded, cholesky_banded

SECOND = (1.0, -2.0, 1.0)
THIRD = (-1.0, 3.0, -3.0, 1.0)
BANDS = len(THIRD)
OFF = -3.5
"""Log period of a penalty too small to matter."""
FLOOR = 1e-5
"""Weight of a frame without a detection, on the line between its neighbours: keeps the system regular."""


def penalties(
    periods: Float[np.ndarray, "N 2 T"],
) -> tuple[Float[np.ndarray, "N T"], Float[np.ndarray, "N T"]]:
    """Penalties a and b of log periods, in frames, of both differences.

    A difference of order n with period p has the penalty p to the power 2n: it keeps what is slower than
    about 2π·p frames and damps what is faster. Entry t belongs to the difference that begins at frame t.
    """
    second, third = periods[:, 0], periods[:, 1]
    centre = np.concatenate([second[:, 1:], second[:, -1:]], axis=1)
    middle = np.concatenate([(third[:, 1:-1] + third[:, 2:]) / 2, third[:, -2:]], axis=1)
    return np.exp(4 * centre), np.exp(6 * middle)


def factor(
    weights: Float[np.ndarray, "N T"],
    second: Float[np.ndarray, "N T"],
    third: Float[np.ndarray, "N T"] | None = None,
) -> Float[np.ndarray, "B M"]:
    """Cholesky factor of the normal equations of all tracks, one below the other, in banded form (M =
    N·T). Three bands where there is no `third`, else four."""
    N, T = weights.shape
    penalised = ((SECOND, second),) if third is None else ((SECOND, second), (THIRD, third))
    bands = len(penalised[-1][0])
    band = np.zeros((bands, N, T))
    band[0] = weights
    for difference, penalty in penalised:
        reach = len(difference)
        kept = penalty[:, : max(T - reach + 1, 0)]  # others would leave the track
        for offset in range(reach):
            for i in range(reach - offset):
                product = difference[i] * difference[i + offset]
                band[offset, :, i : i + kept.shape[1]] += product * kept
    return cholesky_banded(band.reshape(bands, N * T), lower=True, overwrite_ab=True, check_finite=False)


def solve(band: Float[np.ndarray, "B M"], right: Float[np.ndarray, "N T D"]) -> Float[np.ndarray, "N T D"]:
    """Solution of the factored equations; fastest where the numbers of a joint lie D, N, T in memory."""
    N, T, D = right.shape
    columns: Any = right.transpose(2, 0, 1).reshape(D, N * T).T
    solved = cho_solve_banded((band, True), columns, check_finite=False)
    return solved.T.reshape(D, N, T).transpose(1, 2, 0)


def smooth(
    values: Float[np.ndarray, "N T D"],
    weights: Float[np.ndarray, "N T"],
    periods: Float[np.ndarray, "N 2 T"],
) -> Float[np.ndarray, "N T D"]:
    """The course that minimises the sum above.

    Args:
        values: finite observations.
        weights: w, positive.
        periods: log periods, in frames, of the second and third difference.
    """
    band = factor(weights, *penalties(periods))
    return solve(band, weights[..., None] * values)


def smooth_second(
    values: Float[np.ndarray, "N T D"], periods: Float[np.ndarray, "N T"]
) -> Float[np.ndarray, "N T D"]:
    """`smooth` with weights of 1 and second differences alone, of log periods `periods`."""
    centre = np.concatenate([periods[:, 1:], periods[:, -1:]], axis=1)
    return solve(factor(np.ones(periods.shape), np.exp(4 * centre)), values)
