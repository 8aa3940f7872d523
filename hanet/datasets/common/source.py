"""Where a data set comes from: publisher, terms, files, and what a user has to do for them.

Facts only, nothing is fetched or decided here: `hanet.download.fetch` takes the remote files and
`hanet.download.by_hand` the manual ones. Hashes and sizes that no publisher states are None and recorded on
first use. Terms are summarised to help plan; the text on the publisher's own page is binding.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from hanet.download.by_hand import ManualFile
from hanet.download.remote import RemoteFile


@dataclass(frozen=True)
class DatasetSource:
    """A data set as its publisher offers it.

    Attributes:
        title: full name.
        home_page: the publisher's page.
        terms: what the licence allows, in short.
        access: ``open``; ``agreement``, where terms are to be accepted first; ``account``, where one has to
            register.
        citation: key of the reference.
        reference: the paper.
        remote: files that can be fetched.
        manual: files that the user has to get.
        environment: variable that may name the user's folder of manual files; empty where there are none.
        published: what there is of it, by its publisher and paper.
        contents: what is unpacked of an archive, by its name: patterns as for
            `hanet.download.unpack.unpack`; a file that is not named is used as it is.
    """

    title: str
    home_page: str
    terms: str
    access: Literal["open", "agreement", "account"]
    citation: str
    reference: str
    remote: tuple[RemoteFile, ...] = ()
    manual: tuple[ManualFile, ...] = ()
    environment: str = ""
    published: str = ""
    contents: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def files(self) -> tuple[RemoteFile | ManualFile, ...]:
        """All files, those to be fetched first."""
        return (*self.remote, *self.manual)

    def __post_init__(self) -> None:
        if not self.remote and not self.manual:
            raise ValueError(f"{self.title}: names no file")
        if bool(self.manual) != bool(self.environment):
            raise ValueError(
                f"{self.title}: environment names the folder of manual files: give both or neither"
            )
        if unknown := sorted(set(self.contents) - {file.name for file in self.files}):
            raise ValueError(f"{self.title}: contents of files that it has not: {', '.join(unknown)}")
