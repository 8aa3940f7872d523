"""A data set's publisher, terms and files, and the steps that a user must take to get them.

`hanet.download.fetch` fetches the remote files and `hanet.download.by_hand` copies the manual ones. Hashes
and sizes that no publisher states are None and recorded on first use. Terms are summarised for planning; the
publisher's own text is binding.
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
        terms: summary of what the licence allows.
        access: ``open``; ``agreement`` where terms must be accepted first; ``account`` where registration is
            needed.
        citation: key of the reference.
        reference: the paper.
        remote: files to fetch.
        manual: files that the user must get.
        environment: variable that may name the user's folder of manual files; empty without manual files.
        published: size and contents, as stated by its publisher and paper.
        contents: what to unpack, by name of the archive: patterns as for `hanet.download.contents.unpack`; a
            file without an entry is used as it is.
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
        """All files, remote ones first."""
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
