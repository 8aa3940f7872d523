"""Options of the simulated regressor of SMPL rotations."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from hanet.estimators.regressor.errors import RegressorErrors
from hanet.options import Section, Seed
from hanet.smpl.options import BodyFile


class RegressorEstimate(Section):
    """SMPL rotations with the errors of a regressor, see `hanet.estimators.regressor.errors`.

    The true ones are the data set's, or its 17 joints retargeted to the body. `views` takes so many sequences
    of each clip, which cameras may have many of.
    """

    kind: Literal["regressor"]
    seed: Seed
    body: BodyFile
    errors: RegressorErrors
    views: int | None = Field(default=None, ge=1)
