"""Options of estimators that read images: SimpleBaseline, DCPose, SPIN and PARE."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator, model_validator

from hanet.estimators.images.patterns import check
from hanet.options import Section


class Boxes(Section):
    """Where people are in the images.

    `source` is ``gt``, ``keypoints`` or ``openpose``, a cache of the data set whose boxes or extent of
    keypoints are taken; or the path of a file (`hanet.estimators.images.boxes.read_boxes`); or ``detector``,
    with its `weights`, which looks near the people of the cache `near` (null: takes whoever scores highest).
    """

    source: str = "gt"
    weights: str | None = None
    sha256: str | None = None
    near: str | None = "gt"
    min_score: float = Field(default=0.5, ge=0, le=1)

    @model_validator(mode="after")
    def _weights(self) -> Boxes:
        if (self.source == "detector") != (self.weights is not None):
            raise ValueError("weights belong to source: detector, which needs them")
        return self


_OWN = {
    "simplebaseline": {"skeleton", "layers", "pixels", "flip"},
    "dcpose": {"pixels"},
    "spin": {"padding", "resize", "body", "regressor"},
    "pare": {"padding", "body", "regressor"},
}
"""Settings of an estimator that others do not have."""


class ImagesEstimate(Section):
    """An estimator run over the data set's images.

    `weights` is the path or the address of an official checkpoint, `images` a pattern of
    `hanet.estimators.images.patterns`, `first_frame` the number that images give to frame 0. `skeleton`,
    `layers` and `flip` are SimpleBaseline's (`hanet.estimators.images.weights`), `pixels` (width and height
    of a crop) also DCPose's; `padding`, `resize`, `body` (SMPL's file) and `regressor` those of SPIN and
    PARE. A shard is `shard` tracks; `workers` are processes on this machine (0: the stage itself alone;
    null: one per core, or one per GPU), `scheduler` the address of a Dask scheduler
    instead. `half` computes in half
    precision where there is a GPU. `calibrate` fits joints that two skeletons have under no common name to
    the training split's truth.
    """

    kind: Literal["simplebaseline", "dcpose", "spin", "pare"]
    weights: str
    sha256: str | None = None
    images: str
    first_frame: int = 0
    boxes: Boxes = Boxes()
    skeleton: Literal["mpii16", "coco17"] = "mpii16"
    layers: Literal[50, 101] = 101
    pixels: tuple[int, int] | None = None
    flip: bool = True
    padding: float = Field(default=1.0, ge=1)
    resize: Literal["legacy", "range_preserving"] = "legacy"
    body: str | None = None
    regressor: str | None = None
    calibrate: bool = True
    batch: int = Field(default=32, ge=1)
    shard: int = Field(default=16, ge=1)
    workers: int | None = Field(default=None, ge=0)
    scheduler: str | None = None
    half: bool = False

    @field_validator("images")
    @classmethod
    def _images(cls, value: str) -> str:
        return check(value)

    @model_validator(mode="after")
    def _fits(self) -> ImagesEstimate:
        others = set().union(*_OWN.values()) - _OWN[self.kind]
        if wrong := sorted(others & self.model_fields_set):
            raise ValueError(f"{', '.join(wrong)}: not of {self.kind}; leave it out")
        if "body" in _OWN[self.kind] and self.body is None:
            raise ValueError(f"{self.kind} needs body, the path of SMPL's file (smpl.is.tue.mpg.de)")
        return self
