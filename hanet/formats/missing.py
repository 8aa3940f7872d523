"""The one definition of a missing joint, for every reader.

A joint is missing where its writer says that it has no place for it. Writers say so in different ways:

=====================================  ==================================================================
code                                   writers
=====================================  ==================================================================
NaN, null, an empty field              pandas, MATLAB, DeepLabCut, SLEAP, TRC, OpenPose patched by others
infinity, or 10⁹ and more in any unit  divisions by zero, overflows, uninitialized memory
all coordinates 0, whatever the score  OpenPose, AlphaPose, COCO annotations, Ultralytics (keeps the score)
all coordinates −1                     OpenPose's writer of COCO results, PoseTrack's annotations
score NaN or below 0                   RTMLib and other SimCC decoders, C3D's residual
=====================================  ==================================================================

One coordinate of 0 is a place: the border of the image.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

LARGEST = 1e9
"""Coordinates from here on, in any unit, are no places."""


def missing(
    values: Float[np.ndarray, "*N D"],
    scores: Float[np.ndarray, "*N"] | None = None,
    *,
    zeros: bool = True,
) -> Bool[np.ndarray, "*N"]:
    """True for each joint that has no place.

    Args:
        values: coordinates in the file's own unit; null and empty fields as NaN.
        scores: confidence, or None where the file has none.
        zeros: False where (0, …, 0) is a place, as of the root in root-relative poses.
    """
    gone = ~(np.abs(values) < LARGEST).all(axis=-1)  # NaN compares as False
    gone |= (values == -1).all(axis=-1)
    if zeros:
        gone |= (values == 0).all(axis=-1)
    if scores is not None:
        gone |= ~(scores >= 0)
    return np.asarray(gone)


def present(values: Float[np.ndarray, "*N D"]) -> Bool[np.ndarray, "*N"]:
    """True for each joint whose coordinates are all finite numbers."""
    return np.asarray(np.isfinite(values).all(axis=-1))
