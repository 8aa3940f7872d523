"""Options of UI-PRMD: its ready pairs, and the raw release."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from hanet.datasets.common.options import DatasetSection, Folder, Ingest
from hanet.options import Section, three_splits


class SubjectsIngest(Section):
    """Splits by subject number."""

    splits: Annotated[dict[str, Annotated[list[int], Field(min_length=1)]], AfterValidator(three_splits)]


class AlignedIngest(SubjectsIngest, Ingest):
    """UI-PRMD as released: the Kinect is laid onto Vicon by a rotation an episode, or one of training's."""

    rotation: Literal["episode", "shared"] = "episode"


class UIPRMDRaw(DatasetSection):
    """UI-PRMD as released: pairs are made here."""

    estimates: ClassVar[tuple[str, ...]] = ("recorded",)
    kind: Literal["uiprmd_raw"]
    download: Folder
    ingest: AlignedIngest


class UIPRMD(DatasetSection):
    """Kinect v2 and Vicon pairs of UI-PRMD."""

    estimates: ClassVar[tuple[str, ...]] = ("recorded",)
    kind: Literal["uiprmd"]
    download: Folder
    ingest: SubjectsIngest
