"""Options of estimates that the data set carries."""

from __future__ import annotations

from typing import Literal

from hanet.options import Section
from hanet.smpl.options import BodyFile


class RecordedEstimate(Section):
    """Poses that an estimator gave when the data were recorded; the data set carries them."""

    kind: Literal["recorded"]


class ReleasedEstimate(Section):
    """Poses that a data set of kind `released` carries; its files name the estimator. SMPL's need a body."""

    kind: Literal["released"]
    body: BodyFile | None = None
