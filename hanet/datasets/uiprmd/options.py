"""Options of UI-PRMD: its ready pairs, and the raw release."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from hanet.datasets.common.options import DatasetSection, Folder, Ingest
from hanet.datasets.uiprmd.pair_hashes import PAIRS_SHA256
from hanet.options import Section, three_splits


class SubjectsIngest(Section):
    """Splits by subject number."""

    splits: Annotated[dict[str, Annotated[list[int], Field(min_length=1)]], AfterValidator(three_splits)]


class AlignedIngest(SubjectsIngest, Ingest):
    """UI-PRMD as released: the Kinect is aligned to Vicon by one rotation per episode, or one for all, fitted
    on training.
    """

    rotation: Literal["episode", "shared"] = "episode"


class UIPRMDRaw(DatasetSection):
    """UI-PRMD as released; the pipeline makes the pairs."""

    estimates: ClassVar[tuple[str, ...]] = ("recorded",)
    kind: Literal["uiprmd_raw"]
    download: Folder
    ingest: AlignedIngest


class Pairs(Folder):
    """Download: ready pairs, pinned by default."""

    sha256: dict[str, str] = Field(default_factory=lambda: dict(PAIRS_SHA256))


class UIPRMD(DatasetSection):
    """Kinect v2 and Vicon pairs of UI-PRMD."""

    estimates: ClassVar[tuple[str, ...]] = ("recorded",)
    kind: Literal["uiprmd"]
    download: Pairs
    ingest: SubjectsIngest
