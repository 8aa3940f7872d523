"""The rotation between two recordings of one motion.

Axes: N points.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float


def rotation(source: Float[np.ndarray, "N 3"], target: Float[np.ndarray, "N 3"]) -> Float[np.ndarray, "3 3"]:
    """The rotation R for which ``source @ R`` is nearest to the target (Kabsch 1976).

    Points that are NaN are left out. Nothing is centred: give both relative to their root.
    """
    known = np.isfinite(source).all(axis=1) & np.isfinite(target).all(axis=1)
    u, _, vt = np.linalg.svd(source[known].T @ target[known])
    u[:, -1] *= np.sign(np.linalg.det(u @ vt))
    return u @ vt
