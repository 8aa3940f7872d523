"""Options of keypoints from a user's own estimator."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from hanet.options import Section, Texts

MAX_DISTANCE = 0.3
"""Largest mean distance of a detection's keypoints from the person's, in units of the person's size."""


class KeypointsEstimate(Section):
    """Keypoints that the user's own estimator wrote as JSON, paired with annotated people.

    `files` are all files of all splits (folders for OpenPose), in any order; their videos have the names of
    the data set's sequences. `first_frame` is the files' number of a video's frame 0, `images` COCO's
    annotation file with the images' names. People with a score below `min_score` are left out (OpenPose has
    none). `max_distance` is of `hanet.estimators.keypoints.pairing`.
    """

    kind: Literal["keypoints"]
    format: Literal["coco", "openpose", "alphapose", "mmpose"]
    files: Texts
    images: str | None = None
    first_frame: int = Field(default=0, ge=0)
    min_score: float = 0.0
    max_distance: float = Field(default=MAX_DISTANCE, gt=0)

    @model_validator(mode="after")
    def _options(self) -> KeypointsEstimate:
        if self.images is not None and self.format != "coco":
            raise ValueError(f"images belongs to format coco, got {self.format}")
        if self.min_score and self.format == "openpose":
            raise ValueError("OpenPose gives people no score; leave min_score out")
        return self
