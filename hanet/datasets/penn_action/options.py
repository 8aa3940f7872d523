"""Options of Penn Action."""

from __future__ import annotations

from typing import ClassVar, Literal

from hanet.datasets.common.options import DatasetSection, Folder, Ingest, Share
from hanet.options import Seed


class PennActionIngest(Ingest):
    """Penn Action: the official split, with a share of its training clips for validation."""

    val_share: Share = 0.1
    seed: Seed


class PennAction(DatasetSection):
    """Penn Action, 2D; the download's folder has the archive, or is the unpacked `Penn_Action`."""

    estimates: ClassVar[tuple[str, ...]] = (*DatasetSection.estimates, "drawn")
    kind: Literal["penn_action"]
    download: Folder
    ingest: PennActionIngest
