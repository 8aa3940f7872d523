"""Options of released pose files."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from hanet.datasets.common.options import DatasetSection, Folder
from hanet.datasets.pose_files.layouts import Layout
from hanet.options import Names, Section, Seed


class ReleasedFiles(Folder):
    """Download: the four files of a release (ground truth and detected, train and test) below `folder`.

    Data set and estimator are named as in the files' names; the files' paths are in
    `hanet.datasets.pose_files.layouts`. `sha256` is by a file's path below the folder.
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
    """Releases have only train and test; these options select train's validation sequences.

    `val` is a share, or names as in the files (`*` matches any characters): all tracks of a name stay
    together. `leak` is the reason why a leak into the test split is allowed; without it a release that leaks
    is refused.
    """

    val: HeldOut | Names
    leak: str | None = Field(default=None, min_length=1)


class Released(DatasetSection):
    """An estimator's poses, released by others with their ground truth."""

    estimates: ClassVar[tuple[str, ...]] = ("released",)
    kind: Literal["released"]
    download: ReleasedFiles
    ingest: ReleasedIngest

    @property
    def carried(self) -> str | None:
        """The estimator of the release."""
        return self.download.estimator
