"""Boxes around people, from their keypoints."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

BOX_MARGIN = 1.2


def person_boxes(keypoints: Float[np.ndarray, "T J 2"]) -> Float[np.ndarray, "T 4"]:
    """Boxes (x1, y1, x2, y2) around the keypoints, 20% larger."""
    low, high = keypoints.min(axis=1), keypoints.max(axis=1)
    centre, half = (low + high) / 2, (high - low) / 2 * BOX_MARGIN
    return np.concatenate([centre - half, centre + half], axis=1)
