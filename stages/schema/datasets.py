"""The sections of params.yaml for data sets that their publishers offer, and the union of all data sets."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, model_validator

from hanet.data import aist_files, human36m, sources
from hanet.data.leakage import Declaration, Kind
from hanet.data.sources import DatasetSource
from stages.schema.local_data import BODIES, UIPRMD, Clips, Folder, MocapIngest, Released, SubjectsIngest
from stages.schema.section import SPLITS, Names, Section, Seed, once

Share = Annotated[float, Field(gt=0, lt=1)]
"""Part of the training clips that is held out for validation."""


# --- download


class Remote(Section):
    """Download: the publisher's files, from mirrors first, then from the publisher.

    A mirror is a local folder or the address of a folder. `sha256` pins files; others are noted on first use.
    `login` is a host that asks for credentials, which come from the environment alone.
    """

    mirrors: tuple[str, ...] = ()
    sha256: dict[str, str] = Field(default_factory=dict)
    login: str | None = None


class Masks(Remote):
    """Download: Sub-JHMDB's files, with the puppet masks or without."""

    puppet_masks: bool = True


# --- ingest


class DeclaredLeak(Section):
    """A leak between two splits that is known and allowed, stated with every number."""

    splits: tuple[str, str]
    kinds: Annotated[list[Kind], Field(min_length=1), AfterValidator(once)]
    reason: str = Field(min_length=1)

    def declaration(self) -> Declaration:
        """For the guard."""
        return Declaration(self.splits, tuple(self.kinds), self.reason)


class Ingest(Section):
    """What all have: leaks that are allowed, and how many clips of each split to take, to try things out."""

    declared: tuple[DeclaredLeak, ...] = ()
    limit: int | None = Field(default=None, ge=1)


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


class PoseTrackIngest(Ingest):
    """PoseTrack: tests on the official validation videos; validates on videos held out of training."""

    val_share: Share = 0.1
    seed: Seed


class PoseTrack17Ingest(PoseTrackIngest):
    """The same; 2017's labels do not say how large images are, and keypoints are refined as shares of that.

    `image_size` (width, height) stands for all videos: it is a scale alone: PCK and mAP measure in pixels.
    """

    image_size: tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]] = (1280, 720)


class Human36MIngest(Ingest):
    """Human3.6M: the official subjects, `validation` held out of training."""

    validation: Names
    cameras: Names = Field(default=list(human36m.CAMERAS))
    stride: int = Field(default=1, ge=1)


class Pw3dIngest(Ingest):
    """3DPW: the official splits."""

    skeleton: Literal["lsp14", "smpl24"] = "lsp14"


class AistIngest(Ingest):
    """AIST++: the official splits."""

    skeleton: Literal["lsp14", "coco17"] = "coco17"
    cameras: Names = Field(default=list(aist_files.CAMERAS))
    stride: int = Field(default=1, ge=1)
    optimised: bool = True


def _with_source(value: dict[str, list[int]]) -> dict[str, list[int]]:
    if set(value) - {"source"} != set(SPLITS):
        raise ValueError(
            f"expected the splits {', '.join(SPLITS)}, and source where an estimator is trained, got "
            f"{', '.join(value)}"
        )
    once([subject for subjects in value.values() for subject in subjects])
    return value


class CmuIngest(MocapIngest, Ingest):
    """CMU motion capture: trials of some subjects.

    `rates` are frames a second of trials and subjects that were not recorded at 120.
    """

    rates: dict[str, float] = Field(default_factory=dict)
    splits: Annotated[dict[str, Annotated[list[int], Field(min_length=1)]], AfterValidator(_with_source)]


class AlignedIngest(SubjectsIngest, Ingest):
    """UI-PRMD as released: the Kinect is laid onto Vicon by a rotation an episode, or one of training's."""

    rotation: Literal["episode", "shared"] = "episode"


# --- data sets


class SubJhmdb(Section):
    """Sub-JHMDB, 2D."""

    source: ClassVar[DatasetSource] = sources.SUB_JHMDB
    kind: Literal["sub_jhmdb"]
    download: Masks
    ingest: JhmdbIngest

    @model_validator(mode="after")
    def _masks(self) -> SubJhmdb:
        if self.ingest.boxes == "mask" and not self.download.puppet_masks:
            raise ValueError("ingest.boxes: mask needs download.puppet_masks: true")
        return self


class PoseTrack17(Section):
    """PoseTrack 2017, 2D."""

    source: ClassVar[DatasetSource] = sources.POSETRACK2017
    kind: Literal["posetrack17"]
    download: Folder
    ingest: PoseTrack17Ingest


class PoseTrack18(Section):
    """PoseTrack 2018, 2D."""

    source: ClassVar[DatasetSource] = sources.POSETRACK2018
    kind: Literal["posetrack18"]
    download: Folder
    ingest: PoseTrackIngest


class Human36M(Section):
    """Human3.6M, 3D in four calibrated cameras."""

    source: ClassVar[DatasetSource] = sources.HUMAN36M
    estimates: ClassVar[tuple[str, ...]] = ("fcn", "keypoints")
    kind: Literal["human36m"]
    download: Folder
    ingest: Human36MIngest


class Pw3d(Section):
    """3DPW, 3D in a moving camera, and SMPL."""

    source: ClassVar[DatasetSource] = sources.PW3D
    estimates: ClassVar[tuple[str, ...]] = (*BODIES, "regressor")
    kind: Literal["pw3d"]
    download: Folder
    ingest: Pw3dIngest


class Aist(Section):
    """AIST++, 3D in nine calibrated cameras."""

    source: ClassVar[DatasetSource] = sources.AISTPP
    estimates: ClassVar[tuple[str, ...]] = ("fcn", *BODIES, "regressor")
    kind: Literal["aist"]
    download: Remote
    ingest: AistIngest


class Cmu(Section):
    """CMU motion capture, 3D in virtual cameras."""

    source: ClassVar[DatasetSource] = sources.CMU
    estimates: ClassVar[tuple[str, ...]] = ("fcn", "regressor")
    kind: Literal["cmu"]
    download: Remote
    ingest: CmuIngest


class UIPRMDRaw(Section):
    """UI-PRMD as released: pairs are made here."""

    source: ClassVar[DatasetSource] = sources.UIPRMD
    estimates: ClassVar[tuple[str, ...]] = ("recorded",)
    kind: Literal["uiprmd_raw"]
    download: Folder
    ingest: AlignedIngest


PublishedDataset = SubJhmdb | PoseTrack17 | PoseTrack18 | Human36M | Pw3d | Aist | Cmu | UIPRMDRaw
AnyDataset = Clips | UIPRMD | Released | PublishedDataset
Dataset = Annotated[AnyDataset, Field(discriminator="kind")]
