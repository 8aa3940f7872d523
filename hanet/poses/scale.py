"""The size of a body, in the unit of its poses: what makes other lengths comparable."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float


def body_scale(values: Float[np.ndarray, "T J D"]) -> float:
    """Typical distance of the joints from their mean, in the poses' unit: a median over time.

    A frame counts with the joints that it has (not NaN). Of a single joint it is the spread over time. 1
    where there is no extent at all.
    """
    known = known_joints(values)
    axis = 1 if values.shape[1] > 1 else 0
    count = known.sum(axis=axis)
    kept = values if known.all() else np.where(known[..., None], values, 0.0)
    centre = np.expand_dims(kept.sum(axis=axis) / np.maximum(count, 1)[:, None], axis)
    square = squared_lengths(kept - centre) * known
    spread = np.sqrt(square.sum(axis=axis) / np.maximum(count, 1))[count > 1]
    scale = float(np.median(spread)) if len(spread) else 0.0
    return scale if scale > 0 else 1.0


def known_joints(values: Float[np.ndarray, "*N D"]) -> Bool[np.ndarray, "*N"]:
    """Where all of a joint's numbers are finite; a sum is several times faster than `all` over so few."""
    return np.isfinite(np.einsum("...d->...", values))


def squared_lengths(vectors: Float[np.ndarray, "*N D"]) -> Float[np.ndarray, "*N"]:
    """Sum of squares over the last axis."""
    return np.einsum("...d,...d->...", vectors, vectors)
