"""Options of FCN."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

from pydantic import Field, model_validator

from hanet.options import Section, Seed, Text


@dataclass(frozen=True, kw_only=True)
class DetectorErrors:
    """The errors of a simulated detector.

    Attributes:
        jitter: standard deviation of white jitter, fraction of the person's size.
        drift: standard deviation of jitter correlated over `drift_time`, same unit.
        drift_time: correlation time of the drift, seconds.
        burst_rate: occlusion bursts per second and limb.
        burst_time: mean length of a burst, seconds.
        burst_size: standard deviation of a burst's displacement, fraction of the person's size.
        swap_rate: left-right swaps per second, for arms and legs separately.
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
    """Training of FCN: Adam on random batches with a cosine learning-rate schedule.

    Attributes:
        steps: optimizer steps.
        batch: frames per step.
        learning_rate: initial rate; zero at the end.
        dropout: dropout rate; the authors' 0.5 needs much longer training.
        mirror: mirror each frame with probability 0.5.
        width: features of the hidden layers; the authors' is 1024.
        half: round the trained weights to half precision and store them in it.

    Raises:
        ValueError: fewer than one step, frame per step or feature, a negative learning rate, or a dropout
            outside [0, 1).
    """

    steps: int
    batch: int
    learning_rate: float
    dropout: float = 0.5
    mirror: bool = False
    width: int = 1024
    half: bool = False

    def __post_init__(self) -> None:
        for name, least in (("steps", 1), ("batch", 1), ("width", 1), ("learning_rate", 0)):
            if not getattr(self, name) >= least:
                raise ValueError(f"{name} must be at least {least}, got {getattr(self, name)}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be in [0, 1), got {self.dropout}")


class FCNEstimate(Section):
    """FCN on the output of a simulated detector.

    The detector has the errors that are given, or those of a table of measured ones by its name or path, see
    `hanet.estimators.measured.model.find`.

    It is trained on the data set's source clips, which are not refined (`train_on: source`), or on the
    target's training clips; then `out_of_fold` networks predict the training clips, each trained without the
    clip. Without training, `pretrained` names weights that come with the package
    (`hanet.estimators.fcn.pretrained`), or `weights` and `statistics` are files of the authors' port
    (`hanet.estimators.fcn.port`), and the clips of `train_on` provide the statistics of keypoints.
    """

    kind: Literal["fcn"]
    seed: Seed
    detector: DetectorErrors | Text
    training: FCNTraining | None = None
    pretrained: str | None = None
    weights: str | None = None
    statistics: str | None = None
    train_on: Literal["source", "target"] = "source"
    out_of_fold: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _folds(self) -> FCNEstimate:
        given = [name for name in ("training", "pretrained", "weights") if getattr(self, name) is not None]
        if len(given) != 1 or (self.weights is None) != (self.statistics is None):
            raise ValueError(
                "fcn takes training, or pretrained, or weights and statistics (stat_3d.pth.tar) of the "
                "official port"
            )
        if self.training is None:
            if self.out_of_fold:
                raise ValueError("out_of_fold is for networks that are trained here; leave it out")
        elif (self.train_on == "target") != (self.out_of_fold >= 2):
            raise ValueError("out_of_fold (2 or more folds) belongs to train_on: target, and is 0 otherwise")
        return self

    @property
    def reads_source(self) -> bool:
        """Whether it needs the data set's source clips."""
        return self.pretrained is None and self.train_on == "source"
