"""Options of AIST++."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from hanet.datasets.common.options import BODIES, DatasetSection, Ingest, Remote
from hanet.options import Names

CAMERAS = tuple(f"c{n:02}" for n in range(1, 10))


class AistIngest(Ingest):
    """AIST++: the official splits."""

    skeleton: Literal["lsp14", "coco17"] = "coco17"
    cameras: Names = Field(default=list(CAMERAS))
    stride: int = Field(default=1, ge=1)
    optimised: bool = True


class Aist(DatasetSection):
    """AIST++, 3D in nine calibrated cameras."""

    estimates: ClassVar[tuple[str, ...]] = ("fcn", *BODIES, "regressor")
    kind: Literal["aist"]
    download: Remote
    ingest: AistIngest
