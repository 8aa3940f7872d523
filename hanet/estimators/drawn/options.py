"""Options of drawn detections."""

from __future__ import annotations

from typing import Literal

from hanet.estimators.fcn.options import DetectorErrors
from hanet.options import Section, Seed, Text


class DrawnEstimate(Section):
    """True keypoints with the errors of a detector.

    The errors are given, or those of a table of measured ones by its name or path, see
    `hanet.estimators.measured.model.find`.
    """

    kind: Literal["drawn"]
    seed: Seed
    detector: DetectorErrors | Text
