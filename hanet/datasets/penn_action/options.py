"""Options of Penn Action."""

from __future__ import annotations

from typing import ClassVar, Literal

from hanet.datasets.common.copied import RemoteOrFolder
from hanet.datasets.common.options import DatasetSection, Ingest, Share
from hanet.options import Seed


class PennActionIngest(Ingest):
    """Penn Action: the official split, with a share of its training clips for validation."""

    val_share: Share = 0.1
    seed: Seed


class PennAction(DatasetSection):
    """Penn Action, 2D."""

    estimates: ClassVar[tuple[str, ...]] = (*DatasetSection.estimates, "drawn")
    kind: Literal["penn_action"]
    download: RemoteOrFolder
    ingest: PennActionIngest
