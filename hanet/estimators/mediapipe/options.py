"""Options of MediaPipe's pose model over a data set's images or videos."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from hanet.estimators.images.patterns import check
from hanet.estimators.mediapipe.models import ModelName
from hanet.options import Section


class MediaPipeEstimate(Section):
    """BlazePose, MediaPipe's pose model.

    `images` is a pattern of `hanet.estimators.images.patterns`, `first_frame` the images' number of frame 0.
    It finds and tracks one person by itself, so there are no boxes. `model` is `full` or `heavy`, which has
    four times the weights. `smooth` filters its landmarks over time, as if the frame rate were 30 fps.
    `shard` is the number of tracks per shard; `workers` the number of shards at a time (null: one per core).
    """

    kind: Literal["mediapipe"]
    images: str
    first_frame: int = 0
    model: ModelName = "full"
    smooth: bool = False
    shard: int = Field(default=2, ge=1)
    workers: int | None = Field(default=None, ge=1)

    @field_validator("images")
    @classmethod
    def _images(cls, value: str) -> str:
        return check(value)
