"""Estimators' weight files, given by path or fetched from an address."""

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
    """Return the file at a path, or fetch it from an address into `folder`.

    Args:
        where: a path, or ``https://…``; the last part of an address is the file's name.
        folder: folder of fetched files.
        record: JSON file with the recorded SHA-256 of fetched files.
        sha256: expected SHA-256; None accepts any.
        console: shows the progress of a transfer.

    Raises:
        FileNotFoundError: no such path.
        ArchiveError: the address does not deliver the file, or another than before.
        ValueError: a file with another SHA-256.
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
    """Local store of weight files.

    Attributes:
        folder: of fetched files.
        record: JSON file with the recorded SHA-256 of fetched files.
    """

    folder: Path
    record: Path

    def find(self, where: str, sha256: str | None = None) -> Path:
        """The absolute path of a file, by its path or address; raises as `obtain`."""
        return obtain(where, folder=self.folder, record=self.record, sha256=sha256, console=console).resolve()
