"""Options of rendered people: motion capture on a skinned body, filmed in software."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, field_validator

from hanet.datasets.common.options import DatasetSection, Packages
from hanet.datasets.mocap.options import ClipsIngest
from hanet.datasets.mocap.packages import CLIPS
from hanet.datasets.rendered.packages import BODY


class RenderedIngest(ClipsIngest):
    """The clips of `hanet.datasets.mocap`, worn by random bodies and rendered.

    People, splits, cameras and variation are as there. `pixels` is the side of the square frames. `occluded`
    is the share of cameras with something in front of the person, `exposure` the range of the time that the
    shutter is open, as a share of the time between frames. `workers` is the number of processes that render
    (null: one per core).
    """

    pixels: int = Field(default=640, ge=64, multiple_of=2)
    occluded: float = Field(default=0.4, ge=0, le=1)
    exposure: tuple[float, float] = (0.0, 0.5)
    workers: int | None = Field(default=None, ge=1)

    @field_validator("exposure")
    @classmethod
    def _exposure(cls, value: tuple[float, float]) -> tuple[float, float]:
        if not 0 <= value[0] <= value[1] <= 1:
            raise ValueError(f"expected [shortest, longest] from 0 to 1, got {list(value)}")
        return value


class Rendered(DatasetSection):
    """People rendered in motion, with exact truth, for estimators that read images."""

    estimates: ClassVar[tuple[str, ...]] = ("mediapipe", "fcn")
    kind: Literal["rendered"]
    download: Packages = Packages(archives={**CLIPS, **BODY})
    ingest: RenderedIngest
