"""Options of FCN."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

from pydantic import Field, model_validator

from hanet.options import Section, Seed


@dataclass(frozen=True, kw_only=True)
class DetectorErrors:
    """How a detector errs.

    Attributes:
        jitter: standard deviation of white jitter, fraction of the person's size.
        drift: standard deviation of jitter correlated over `drift_time`, same unit.
        drift_time: correlation time of the drift, seconds.
        burst_rate: occlusion bursts a second and limb.
        burst_time: mean length of a burst, seconds.
        burst_size: standard deviation of a burst's displacement, fraction of the person's size.
        swap_rate: left-right swaps a second, of the arms and of the legs.
        swap_time: mean length of a swap, seconds.

    Raises:
        ValueError: a negative value, or a `drift_time` of 0.
    """

    jitter: float
    drift: float
    drift_time: float
    burst_rate: float
    burst_time: float
    burst_size: float
    swap_rate: float
    swap_time: float

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not value >= 0 or (name == "drift_time" and value == 0):
                least = "positive" if name == "drift_time" else "at least 0"
                raise ValueError(f"{name} must be {least}, got {value}")


@dataclass(frozen=True, kw_only=True)
class FCNTraining:
    """How FCN is trained: Adam on batches drawn at random, the learning rate falling along a cosine.

    Attributes:
        steps: optimizer steps.
        batch: frames per step.
        learning_rate: at the start; zero at the end.
        dropout: share of features dropped; the authors' 0.5 needs far longer training than minutes.
        mirror: show every frame mirrored with probability one half.

    Raises:
        ValueError: fewer than one step or frame per step, a negative learning rate, or a dropout outside
            [0, 1).
    """

    steps: int
    batch: int
    learning_rate: float
    dropout: float = 0.5
    mirror: bool = False

    def __post_init__(self) -> None:
        for name, least in (("steps", 1), ("batch", 1), ("learning_rate", 0)):
            if not getattr(self, name) >= least:
                raise ValueError(f"{name} must be at least {least}, got {getattr(self, name)}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be in [0, 1), got {self.dropout}")


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
