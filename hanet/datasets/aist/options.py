"""Options of AIST++."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from hanet.datasets import sources
from hanet.datasets.aist import files
from hanet.datasets.common.options import BODIES, Ingest, Remote
from hanet.datasets.sources import DatasetSource
from hanet.options import Names, Section


class AistIngest(Ingest):
    """AIST++: the official splits."""

    skeleton: Literal["lsp14", "coco17"] = "coco17"
    cameras: Names = Field(default=list(files.CAMERAS))
    stride: int = Field(default=1, ge=1)
    optimised: bool = True


class Aist(Section):
    """AIST++, 3D in nine calibrated cameras."""

    source: ClassVar[DatasetSource] = sources.AISTPP
    estimates: ClassVar[tuple[str, ...]] = ("fcn", *BODIES, "regressor")
    kind: Literal["aist"]
    download: Remote
    ingest: AistIngest
