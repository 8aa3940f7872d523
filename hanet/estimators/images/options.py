"""Options of estimators that read images: SimpleBaseline, DCPose, SPIN, PARE, a network file of the user."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator, model_validator

from hanet.estimators.images.patterns import check
from hanet.options import Section


class Boxes(Section):
    """Source of the person boxes.

    `source` is ``gt``, ``keypoints`` or ``openpose``, a cache of the data set whose boxes or extents of
    keypoints are used; or the path of a file (`hanet.estimators.images.boxes.read_boxes`); or ``detector``,
    with its `weights`, which searches near the people of the cache `near` (null: uses the highest score).
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
    "onnx": {"layout", "pixels", "channels"},
}
"""Options that only this kind of estimator has."""


class ImagesEstimate(Section):
    """An estimator run over the data set's images.

    `weights` is the path or the address of an official checkpoint, `images` a pattern of
    `hanet.estimators.images.patterns`, `first_frame` the images' number of frame 0. `skeleton`, `layers`
    and `flip` are SimpleBaseline's (`hanet.estimators.images.weights`), `pixels` (width and height of a
    crop) also DCPose's; `padding`, `resize`, `body` (SMPL's file) and `regressor` SPIN's and PARE's.
    `shard` is the number of tracks per shard; `workers` the number of processes on this machine (0: only
    the stage itself; null: one per core, or one per GPU), `scheduler` the address of a Dask scheduler to
    use instead. `half` computes in half precision on a GPU. `layout`, `channels` and `pixels` are those
    of a user's own network (`hanet.estimators.images.network_files`), which always runs on the CPU.
    `calibrate` fits joints without a common name to the training split's ground truth.
    """

    kind: Literal["simplebaseline", "dcpose", "spin", "pare", "onnx"]
    weights: str
    sha256: str | None = None
    images: str
    first_frame: int = 0
    boxes: Boxes = Boxes()
    skeleton: Literal["mpii16", "coco17"] = "mpii16"
    layers: Literal[50, 101] = 101
    pixels: tuple[int, int] | None = None
    flip: bool = True
    layout: Literal["simcc", "heatmap", "movenet"] | None = None
    channels: Literal["rgb", "bgr"] = "rgb"
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
        if self.kind == "onnx" and self.layout is None:
            raise ValueError("onnx needs layout: simcc, heatmap or movenet")
        return self
