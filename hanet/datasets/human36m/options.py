"""Options of Human3.6M."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from hanet.datasets import sources
from hanet.datasets.common.options import Folder, Ingest
from hanet.datasets.human36m import recordings
from hanet.datasets.sources import DatasetSource
from hanet.options import Names, Section


class Human36MIngest(Ingest):
    """Human3.6M: the official subjects, `validation` held out of training."""

    validation: Names
    cameras: Names = Field(default=list(recordings.CAMERAS))
    stride: int = Field(default=1, ge=1)


class Human36M(Section):
    """Human3.6M, 3D in four calibrated cameras."""

    source: ClassVar[DatasetSource] = sources.HUMAN36M
    estimates: ClassVar[tuple[str, ...]] = ("fcn", "keypoints")
    kind: Literal["human36m"]
    download: Folder
    ingest: Human36MIngest
