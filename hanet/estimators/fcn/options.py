"""Options of FCN."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from hanet.estimators.fcn.detector_errors import DetectorErrors
from hanet.estimators.fcn.network import FCNTraining
from hanet.options import Section, Seed


class FCNEstimate(Section):
    """FCN behind a detector that errs.

    It is trained on the data set's source clips, which it never refines (`train_on: source`), or on the
    target's own training clips; then `out_of_fold` networks predict those, each without their clip. Or it is
    not trained: `weights` and `statistics` are files of the authors' port (`hanet.estimators.fcn.port`),
    and the clips of `train_on` give the statistics of keypoints.
    """

    kind: Literal["fcn"]
    seed: Seed
    detector: DetectorErrors
    training: FCNTraining | None = None
    weights: str | None = None
    statistics: str | None = None
    train_on: Literal["source", "target"] = "source"
    out_of_fold: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _folds(self) -> FCNEstimate:
        if (self.training is None) != (self.weights is not None) or (self.weights is None) != (
            self.statistics is None
        ):
            raise ValueError(
                "fcn takes training, or weights and statistics (stat_3d.pth.tar) of the official port"
            )
        if self.weights is not None:
            if self.out_of_fold:
                raise ValueError("out_of_fold is for networks that are trained here; leave it out")
        elif (self.train_on == "target") != (self.out_of_fold >= 2):
            raise ValueError("out_of_fold (2 or more folds) belongs to train_on: target, and is 0 otherwise")
        return self
