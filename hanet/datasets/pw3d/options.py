"""Options of 3DPW."""

from __future__ import annotations

from typing import ClassVar, Literal

from hanet.datasets.common.options import BODIES, DatasetSection, Folder, Ingest


class Pw3dIngest(Ingest):
    """3DPW: the official splits."""

    skeleton: Literal["lsp14", "smpl24"] = "lsp14"


class Pw3d(DatasetSection):
    """3DPW, 3D in a moving camera, and SMPL."""

    estimates: ClassVar[tuple[str, ...]] = (*BODIES, "regressor", "mediapipe")
    kind: Literal["pw3d"]
    download: Folder
    ingest: Pw3dIngest
