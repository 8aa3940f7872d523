"""Options of estimates that are part of the data set."""

from __future__ import annotations

from typing import Literal

from hanet.options import Section
from hanet.smpl.options import BodyFile


class RecordedEstimate(Section):
    """Poses of an estimator that ran during recording; they are part of the data set."""

    kind: Literal["recorded"]


class ReleasedEstimate(Section):
    """Poses in a data set of kind `released`, whose files name the estimator. SMPL needs a body model."""

    kind: Literal["released"]
    body: BodyFile | None = None
