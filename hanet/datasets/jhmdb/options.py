"""Options of Sub-JHMDB."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import model_validator

from hanet.datasets.common.options import DatasetSection, Ingest, Remote, Share
from hanet.options import Seed


class Masks(Remote):
    """Download: Sub-JHMDB's files, with the puppet masks or without."""

    puppet_masks: bool = True


class JhmdbIngest(Ingest):
    """Sub-JHMDB: one of the three official splits, or all three pooled as published, which leaks."""

    protocol: Literal["three_split", "pooled"]
    split: Literal[1, 2, 3] | None = None
    boxes: Literal["mask", "joints"] = "mask"
    val_share: Share = 0.1
    seed: Seed

    @model_validator(mode="after")
    def _split(self) -> JhmdbIngest:
        if (self.protocol == "three_split") != (self.split is not None):
            raise ValueError("split (1, 2 or 3) belongs to protocol: three_split, and is left out otherwise")
        return self


class SubJhmdb(DatasetSection):
    """Sub-JHMDB, 2D."""

    estimates: ClassVar[tuple[str, ...]] = (*DatasetSection.estimates, "drawn")
    kind: Literal["sub_jhmdb"]
    download: Masks
    ingest: JhmdbIngest

    @model_validator(mode="after")
    def _masks(self) -> SubJhmdb:
        if self.ingest.boxes == "mask" and not self.download.puppet_masks:
            raise ValueError("ingest.boxes: mask needs download.puppet_masks: true")
        return self
