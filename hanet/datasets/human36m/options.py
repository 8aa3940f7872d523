"""Options of Human3.6M."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from hanet.datasets.common.options import DatasetSection, Folder, Ingest
from hanet.options import Names

CAMERAS: dict[str, tuple[int, int]] = {
    "54138969": (1000, 1002),
    "55011271": (1000, 1000),
    "58860488": (1000, 1000),
    "60457274": (1000, 1002),
}
"""Cameras in the order of ``metadata.xml``, and the width and height of their images in pixels."""


class Human36MIngest(Ingest):
    """Human3.6M: the official subjects; `validation` is held out of training."""

    validation: Names
    cameras: Names = Field(default=list(CAMERAS))
    stride: int = Field(default=1, ge=1)


class Human36M(DatasetSection):
    """Human3.6M, 3D in four calibrated cameras."""

    estimates: ClassVar[tuple[str, ...]] = ("fcn", "keypoints", "mediapipe")
    kind: Literal["human36m"]
    download: Folder
    ingest: Human36MIngest
