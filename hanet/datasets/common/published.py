"""The raw files of a published data set: fetch them or copy them from the user's folder, verify, unpack."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from hanet.datasets.common.options import Folder, Remote
from hanet.datasets.common.raw import note_archives
from hanet.datasets.common.source import DatasetSource
from hanet.download import by_hand, fetch
from hanet.download.by_hand import ManualFile
from hanet.download.contents import unpack
from hanet.download.credentials import Credentials
from hanet.download.remote import Fetched, RemoteFile, is_remote
from hanet.download.unpack import ArchiveError
from hanet.progress import console

LOGIN = "HANET_MIRROR"
"""Prefix of the environment variables with a mirror's credentials."""

File = TypeVar("File", RemoteFile, ManualFile)


def collect(
    source: DatasetSource,
    download: Remote | Folder,
    raw: Path,
    *,
    dataset: str,
    archives: Path,
    record: Path,
    without: Collection[str] = (),
) -> None:
    """Put the publisher's files, unpacked, into `raw`, with their hashes, which provenance refers to.

    Args:
        source: the publisher's files, addresses and terms.
        download: mirrors and hashes of files to fetch, or the folder of the user's files.
        raw: the folder for the raw files.
        dataset: its name in params.yaml, for error messages.
        archives: the folder for the archives, where an interrupted download resumes.
        record: JSON file with the recorded SHA-256; see `hanet.download.verify.HashRecord`.
        without: names of files to leave out.

    Raises:
        ArchiveError: missing or wrong files, with what to do.
        ValueError: a hash for an unknown file.
    """
    if isinstance(download, Folder):
        fetched = by_hand.collect(
            pinned(source.manual, download.sha256, dataset),
            by_hand.user_folder(download.folder, source.environment),
            archives,
            record=record,
            setting=f"datasets.{dataset}.download.folder in params.yaml, or {source.environment}",
        )
    else:
        files = [mirrored(file, download) for file in pinned(source.remote, download.sha256, dataset)]
        wanted = [file for file in files if file.name not in without]
        fetched = fetch.fetch(wanted, archives, record=record, console=console)
    for one in fetched:
        try:
            _place(one, source.contents.get(one.path.name, ()), raw)
        except ArchiveError as error:
            raise ArchiveError(
                f"{error}. If it is the wrong file, delete {one.path} and its entry in {record}, and get the "
                "right one"
            ) from error
        console.print(f"  {one.path.name}: {one.size} bytes, SHA-256 {one.sha256[:12]}…")
    note_archives(raw, {one.path.name: one.sha256 for one in fetched})
    console.print(f"  {source.title}. {source.terms}")


def _place(file: Fetched, members: Sequence[str], raw: Path) -> None:
    if members:
        unpack(file.path, members, raw)
    else:
        shutil.copyfile(file.path, raw / file.path.name)


def pinned(files: Sequence[File], sha256: dict[str, str], dataset: str) -> list[File]:
    """The files with the hashes from params.yaml; ValueError for a hash of an unknown file."""
    if unknown := sorted(set(sha256) - {file.name for file in files}):
        raise ValueError(
            f"datasets.{dataset}.download.sha256: {', '.join(unknown)} is no file of it; the files are "
            f"{', '.join(file.name for file in files)}"
        )
    return [replace(file, sha256=sha256.get(file.name, file.sha256)) for file in files]


def mirrored(file: RemoteFile, download: Remote) -> RemoteFile:
    """The file with the mirrors' addresses before the publisher's."""
    mirrors = [
        f"{mirror.rstrip('/')}/{quote(file.name)}" if is_remote(mirror) else mirror
        for mirror in download.mirrors
    ]
    login = Credentials(LOGIN, download.login) if download.login else file.credentials
    return replace(file, urls=(*mirrors, *file.urls), credentials=login)
