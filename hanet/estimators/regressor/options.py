"""Options of the simulated regressor of SMPL rotations."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

from pydantic import Field

from hanet.options import Section, Seed
from hanet.smpl.options import BodyFile


@dataclass(frozen=True, kw_only=True)
class RegressorErrors:
    """How a regressor errs; angles are standard deviations of an axis-angle's components.

    Attributes:
        bias_degrees: the regressor's, one for each joint, the same in all that it sees.
        track_bias_degrees: constant over a track, on top of that.
        jitter_degrees: white from frame to frame.
        drift_degrees: correlated over `drift_time`.
        drift_time: correlation time of the drift, seconds.
        burst_rate: occlusion bursts a second and limb.
        burst_time: mean length of a burst, seconds.
        burst_degrees: how far a limb's joints are off in a burst.
        swap_rate: left-right swaps a second, of the arms and of the legs.
        swap_time: mean length of a swap, seconds.
        betas: standard deviation of the shape's constant error.

    Raises:
        ValueError: a negative value, or a `drift_time` of 0.
    """

    bias_degrees: float = 5.0
    track_bias_degrees: float = 2.0
    jitter_degrees: float = 0.6
    drift_degrees: float = 3.0
    drift_time: float = 0.5
    burst_rate: float = 0.1
    burst_time: float = 0.3
    burst_degrees: float = 35.0
    swap_rate: float = 0.03
    swap_time: float = 0.15
    betas: float = 0.5

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not value >= 0 or (name == "drift_time" and value == 0):
                least = "positive" if name == "drift_time" else "at least 0"
                raise ValueError(f"{name} must be {least}, got {value}")


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
