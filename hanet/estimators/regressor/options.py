"""Options of the simulated regressor of SMPL rotations."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

from pydantic import Field

from hanet.options import Section, Seed
from hanet.smpl.options import BodyFile


@dataclass(frozen=True, kw_only=True)
class RegressorErrors:
    """The errors of a simulated regressor; angles are standard deviations of axis-angle components.

    Attributes:
        bias_degrees: the regressor's, one per joint, the same for all tracks.
        track_bias_degrees: additional error, constant over a track.
        jitter_degrees: white from frame to frame.
        drift_degrees: correlated over `drift_time`.
        drift_time: correlation time of the drift, seconds.
        burst_rate: occlusion bursts per second and limb.
        burst_time: mean length of a burst, seconds.
        burst_degrees: error of a limb's joints in a burst.
        swap_rate: left-right swaps per second, for arms and legs separately.
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
    """SMPL rotations with simulated errors of a regressor, see `hanet.estimators.regressor.errors`.

    The true rotations are the data set's, or its 17 joints retargeted to the body. `views` limits the
    sequences (cameras) per clip.
    """

    kind: Literal["regressor"]
    seed: Seed
    body: BodyFile
    errors: RegressorErrors
    views: int | None = Field(default=None, ge=1)
