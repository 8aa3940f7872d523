"""Files of estimators' weights: by a path, or fetched from an address."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from rich.console import Console

from hanet.download.fetch import fetch
from hanet.download.remote import RemoteFile, is_remote
from hanet.files.hashing import file_hash
from hanet.progress import console


def obtain(
    where: str, *, folder: Path, record: Path, sha256: str | None = None, console: Console | None = None
) -> Path:
    """The file at a path, or fetched from an address into `folder`.

    Args:
        where: a path, or ``https://…``; the last part of an address is the file's name.
        folder: where fetched files lie, and are found again.
        record: JSON file with the SHA-256 of files fetched before, which they are held to.
        sha256: what the file must have; None takes any.
        console: where to show the progress of a transfer.

    Raises:
        FileNotFoundError: no such path.
        ArchiveError: an address that does not give the file, or gives another than before.
        ValueError: a file of another SHA-256.
    """
    if is_remote(where):
        name = unquote(urlsplit(where).path).rpartition("/")[2] or "weights"
        advice = "`hanet estimators` says where weights come from"
        file = RemoteFile(name=name, urls=(where,), sha256=sha256, help=advice)
        return fetch([file], folder, record=record, console=console)[0].path
    path = Path(where).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file of weights; `hanet estimators` says how to get it")
    if sha256 is not None and (found := file_hash(path)) != sha256:
        raise ValueError(
            f"{path} has SHA-256 {found}, expected {sha256}; name another file or correct sha256"
        )
    return path


@dataclass(frozen=True)
class WeightStore:
    """Where files of weights are found again.

    Attributes:
        folder: of fetched files.
        record: JSON file with the SHA-256 of files fetched before.
    """

    folder: Path
    record: Path

    def find(self, where: str, sha256: str | None = None) -> Path:
        """The absolute path of a file, by its path or address; errors as of `obtain`."""
        return obtain(where, folder=self.folder, record=self.record, sha256=sha256, console=console).resolve()
