"""Detections with their truth.

Axes: T frames, J joints, D numbers per joint.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from hanet.poses.sequence import PoseSequence


@dataclass(frozen=True, eq=False)
class Pair:
    """A detected sequence with its truth.

    Attributes:
        domain: what both belong to.
        person: whose they are.
        detected: estimator output; NaN where there was none.
        gt: truth of the same frames, in the same unit and frame of reference.
        root: joints whose mean is subtracted from 3D poses before they are scored; empty for none.
    """

    domain: str
    person: str
    detected: PoseSequence
    gt: Float[np.ndarray, "T J D"]
    root: tuple[int, ...] = ()
