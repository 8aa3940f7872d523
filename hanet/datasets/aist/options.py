"""Options of AIST++."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from hanet.datasets.common.copied import RemoteOrFolder
from hanet.datasets.common.options import BODIES, DatasetSection, Ingest, Remote
from hanet.options import Names, three_splits

CAMERAS = tuple(f"c{n:02}" for n in range(1, 10))


class AistIngest(Ingest):
    """AIST++: the official splits."""

    skeleton: Literal["lsp14", "coco17"] = "coco17"
    cameras: Names = Field(default=list(CAMERAS))
    stride: int = Field(default=1, ge=1)
    optimised: bool = True


class Aist(DatasetSection):
    """AIST++, 3D in nine calibrated cameras."""

    estimates: ClassVar[tuple[str, ...]] = ("fcn", *BODIES, "regressor", "mediapipe")
    kind: Literal["aist"]
    download: Remote
    ingest: AistIngest


class AistKeypointsIngest(Ingest):
    """AIST++'s detections and reprojected joints: splits by dancer (``d01`` to ``d30``)."""

    splits: Annotated[dict[str, Names], AfterValidator(three_splits)]
    cameras: Names = Field(default=list(CAMERAS))
    stride: int = Field(default=1, ge=1)


class AistKeypoints(DatasetSection):
    """AIST++'s raw 2D detections in nine cameras."""

    estimates: ClassVar[tuple[str, ...]] = ("recorded",)
    kind: Literal["aist_keypoints"]
    download: RemoteOrFolder
    ingest: AistKeypointsIngest
