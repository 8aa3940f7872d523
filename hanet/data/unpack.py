"""Chosen members of an archive, extracted without trusting it."""

from __future__ import annotations

import gzip
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO

CHUNK = 1 << 20


class ArchiveError(Exception):
    """An archive could not be found, fetched, verified or unpacked; the message says what to do."""


def extract(
    path: Path,
    members: Sequence[str],
    folder: Path,
    *,
    member_limit: int = 64 << 20,
    total_limit: int = 512 << 20,
) -> list[Path]:
    """Extract the members that match a pattern, under their own paths, into a new folder.

    `folder` appears complete or not at all: members are written beside it and moved into place at the end.

    Args:
        path: a ``.whl``, ``.zip`` or ``.tar.gz`` file.
        members: patterns as in `Archive`; each must match at least one file.
        folder: must not exist, or be empty.
        member_limit: most bytes that one member may unpack to.
        total_limit: most bytes that all members may unpack to.

    Returns:
        The extracted files, sorted.

    Raises:
        ArchiveError: the archive is damaged, a pattern matches nothing, a matching member is a link or
            device, leads outside the folder, comes twice or is too large, or the folder is in use.
    """
    if folder.exists() and any(folder.iterdir()):
        raise ArchiveError(f"{folder} is not empty: delete it first, or extract to another folder")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as beside:
        staged = Path(beside) / folder.name
        staged.mkdir()
        try:
            written = _write_members(path, members, staged, member_limit, total_limit)
        except (
            zipfile.BadZipFile,
            tarfile.TarError,
            gzip.BadGzipFile,
            zlib.error,
            EOFError,
            NotImplementedError,  # zipfile's word for an unknown compression
            RuntimeError,  # and for an encrypted member
        ) as error:
            raise ArchiveError(
                f"{path} is damaged or not a .whl, .zip or .tar.gz archive "
                f"({type(error).__name__}: {error}): delete it and fetch it again"
            ) from error
        staged.replace(folder)
    return sorted(folder / name for name in written)


@dataclass(frozen=True)
class _Member:
    """A file, link or device in an archive (directories are left out)."""

    name: str
    regular: bool
    open: Callable[[], IO[bytes] | None]


def _write_members(
    path: Path, patterns: Sequence[str], folder: Path, member_limit: int, total_limit: int
) -> list[str]:
    """Write the matching members under `folder` and return their names."""
    written: dict[str, int] = {}
    unmatched = set(patterns)
    with _open_archive(path) as members:
        for member in members:
            matching = {pattern for pattern in patterns if _matches(member.name, pattern)}
            if not matching:
                continue
            _check_name(path, member)
            if member.name in written:
                raise ArchiveError(f"{path}: {member.name} comes twice; which one is meant cannot be known")
            limit = min(member_limit, total_limit - sum(written.values()))
            written[member.name] = _write(path, member, folder / member.name, limit)
            unmatched -= matching
    if unmatched:
        raise ArchiveError(
            f"{path} holds nothing that matches {', '.join(sorted(unmatched))}: check the patterns against "
            "the archive's listing"
        )
    return list(written)


@contextmanager
def _open_archive(path: Path) -> Iterator[Iterator[_Member]]:
    """The members of a zip or gzipped tar archive, in their order."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as zipped:
            yield (
                _Member(info.filename, not _is_zip_link(info), partial(zipped.open, info))
                for info in zipped.infolist()
                if not info.is_dir()
            )
    else:
        with gzip.open(path) as stream, tarfile.open(fileobj=stream, mode="r:") as tar:
            yield (
                _Member(info.name, info.isfile(), partial(tar.extractfile, info))
                for info in tar
                if not info.isdir()
            )
            while stream.read(CHUNK):  # to the very end, where gzip keeps its checksum
                pass


def _is_zip_link(info: zipfile.ZipInfo) -> bool:
    kind = stat.S_IFMT(info.external_attr >> 16)  # 0 where the archive was not written on Unix
    return kind not in (0, stat.S_IFREG)


def _matches(name: str, pattern: str) -> bool:
    """True where every path part matches: unlike fnmatch, a ``*`` does not reach over a slash."""
    parts, wanted = name.split("/"), pattern.split("/")
    return len(parts) == len(wanted) and all(map(fnmatchcase, parts, wanted))


def _check_name(path: Path, member: _Member) -> None:
    pure = PurePosixPath(member.name)
    if pure.is_absolute() or ".." in pure.parts or "\\" in member.name or ":" in member.name:
        raise ArchiveError(
            f"{path}: member {member.name!r} leads outside the folder; do not trust this archive"
        )
    if not member.regular:
        raise ArchiveError(
            f"{path}: member {member.name!r} is a link or device, only plain files are extracted"
        )


def _write(path: Path, member: _Member, target: Path, limit: int) -> int:
    """Copy a member to a file, counting real bytes: sizes in headers may lie."""
    source = member.open()
    assert source is not None  # only links, devices and directories have no content
    target.parent.mkdir(parents=True, exist_ok=True)
    size = 0
    with source, target.open("wb") as file:
        while chunk := source.read(CHUNK):
            size += len(chunk)
            if size > limit:
                raise ArchiveError(
                    f"{path}: member {member.name!r} unpacks to more than the {limit} bytes left to it; "
                    "raise member_limit or total_limit only if you trust the archive"
                )
            file.write(chunk)
    return size
