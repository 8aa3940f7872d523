"""Extract selected members of an untrusted archive."""

from __future__ import annotations

import gzip
import io
import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, cast

from hanet.files.atomic import fresh_folder

CHUNK = 1 << 20
RATIO_FLOOR = 64 << 20
"""Bytes that every archive may unpack to, however small it is."""

_DAMAGED = (
    zipfile.BadZipFile,
    tarfile.TarError,
    gzip.BadGzipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,  # zipfile's exception for an unknown compression
    RuntimeError,  # and for an encrypted member
)


class ArchiveError(Exception):
    """An archive could not be found, fetched, verified or unpacked; the message says what to do."""


def extract(
    path: Path,
    members: Sequence[str],
    folder: Path,
    *,
    member_limit: int = 64 << 20,
    total_limit: int = 512 << 20,
    count_limit: int = 100_000,
    ratio_limit: int = 250,
) -> list[Path]:
    """Extract the members that match a pattern, under their own paths, into a new folder.

    `folder` appears complete or not at all: members are written to a temporary folder, which is moved into
    place at the end.

    Args:
        path: a zip file, also a ``.whl``, or a tar file, plain or compressed by gzip or xz.
        members: patterns as in `Archive`; each must match at least one file.
        folder: must be missing or empty.
        member_limit: maximum unpacked bytes of one member.
        total_limit: maximum unpacked bytes of all members.
        count_limit: maximum number of extracted members.
        ratio_limit: maximum ratio of unpacked to packed bytes past the first 64 MiB; skipped members of a tar
            file count too.

    Returns:
        The extracted files, sorted.

    Raises:
        ArchiveError: the archive is damaged, a pattern matches nothing, a matching member is a link or
            device, leads outside the folder, occurs twice or is too large, the limits are exceeded, or the
            folder is in use.
    """
    if folder.exists() and any(folder.iterdir()):
        raise ArchiveError(f"{folder} is not empty: delete it first, or extract to another folder")
    limits = _Limits(path, member_limit, total_limit, count_limit, ratio_limit)
    with fresh_folder(folder) as staged, _reporting_damage(path):
        written = _write_members(path, members, staged, limits)
    return sorted(folder / name for name in written)


def listing(path: Path, *, ratio_limit: int = 250) -> list[str]:
    """Names of an archive's files, links and devices, in order; reads a compressed tar file to its end.

    Raises:
        ArchiveError: the archive is damaged or exceeds the ratio limit.
    """
    limits = _Limits(path, ratio=ratio_limit)
    with _reporting_damage(path), _open_archive(path, limits) as members:
        return [member.name for member in members]


def matches(name: str, pattern: str) -> bool:
    """True where every path part matches; unlike in fnmatch, a ``*`` does not match a slash."""
    parts, wanted = name.split("/"), pattern.split("/")
    return len(parts) == len(wanted) and all(map(fnmatchcase, parts, wanted))


@contextmanager
def _reporting_damage(path: Path) -> Iterator[None]:
    try:
        yield
    except _DAMAGED as error:
        raise ArchiveError(
            f"{path} is damaged or not a zip or tar archive ({type(error).__name__}: {error}): delete it and "
            "fetch it again"
        ) from error


@dataclass
class _Limits:
    """Limits on what an archive unpacks to, and the totals so far."""

    path: Path
    member: int = 0
    total: int = 0
    count: int = 0
    ratio: int = 1
    written: int = 0

    @property
    def expanded(self) -> int:
        """Maximum unpacked bytes, given the archive's size."""
        return max(RATIO_FLOOR, self.ratio * self.path.stat().st_size)

    def refuse_bomb(self) -> ArchiveError:
        return ArchiveError(
            f"{self.path} unpacks to more than {self.expanded} bytes, too much for its own "
            f"{self.path.stat().st_size} bytes: it may be made to fill a disk. Raise ratio_limit only if you "
            "trust the archive"
        )


@dataclass(frozen=True)
class _Member:
    """A file, link or device in an archive (directories are left out)."""

    given_name: str
    regular: bool
    open: Callable[[], IO[bytes] | None]

    @property
    def name(self) -> str:
        """The name without a leading ``./``."""
        return str(PurePosixPath(self.given_name))


def _write_members(path: Path, patterns: Sequence[str], folder: Path, limits: _Limits) -> list[str]:
    """Write the matching members below `folder` and return their names."""
    written: set[str] = set()
    unmatched = set(patterns)
    with _open_archive(path, limits) as members:
        for member in members:
            matching = {pattern for pattern in patterns if matches(member.name, pattern)}
            if not matching:
                continue
            _check_name(path, member)
            if member.name in written:
                raise ArchiveError(
                    f"{path}: {member.name} occurs twice, expected it once; make an archive "
                    "that holds it once"
                )
            if len(written) == limits.count:
                raise ArchiveError(
                    f"{path}: more than {limits.count} members match; raise count_limit only if you trust "
                    "the archive"
                )
            _write(member, folder / member.name, limits)
            written.add(member.name)
            unmatched -= matching
    if unmatched:
        raise ArchiveError(
            f"{path} has no member that matches {', '.join(sorted(unmatched))}: check the patterns against "
            "the archive's listing"
        )
    return list(written)


@contextmanager
def _open_archive(path: Path, limits: _Limits) -> Iterator[Iterator[_Member]]:
    """The members of a zip or tar archive, in order."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as zipped:
            yield (
                _Member(info.filename, not _is_zip_link(info), partial(zipped.open, info))
                for info in zipped.infolist()
                if not info.is_dir()
            )
    else:
        with _decompressed(path) as raw:
            stream = _Bounded(raw, limits)
            tar = tarfile.open(fileobj=cast(IO[bytes], stream), mode="r:")  # noqa: SIM115 (owns no file)
            yield (
                _Member(info.name, info.isfile(), partial(tar.extractfile, info))
                for info in tar
                if not info.isdir()
            )
            while stream.read(CHUNK):  # to the end, where gzip stores its checksum
                pass


def _decompressed(path: Path) -> io.BufferedIOBase:
    """A tar file's uncompressed bytes, for any suffix."""
    with path.open("rb") as file:
        head = file.read(6)
    if head.startswith(b"\x1f\x8b"):
        return gzip.GzipFile(path)
    return lzma.LZMAFile(path) if head == b"\xfd7zXZ\x00" else path.open("rb")


class _Bounded:
    """A stream that enforces the limits, also on skipped members, which are decompressed too."""

    def __init__(self, stream: io.BufferedIOBase, limits: _Limits) -> None:
        self._stream = stream
        self._limits = limits
        self._end = limits.expanded

    def tell(self) -> int:
        return self._stream.tell()

    def read(self, size: int) -> bytes:
        if self.tell() + size > self._end:
            size = self._end - self.tell() + 1
        data = self._stream.read(size)
        if self.tell() > self._end:
            raise self._limits.refuse_bomb()
        return data

    def seek(self, position: int) -> int:
        if position > self._end:
            raise self._limits.refuse_bomb()
        return self._stream.seek(position)


def _is_zip_link(info: zipfile.ZipInfo) -> bool:
    kind = stat.S_IFMT(info.external_attr >> 16)  # 0 where the archive was not written on Unix
    return kind not in (0, stat.S_IFREG)


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


def _write(member: _Member, target: Path, limits: _Limits) -> None:
    """Copy a member to a file, counting the actual bytes: sizes in headers may be wrong."""
    source = member.open()
    assert source is not None  # only links, devices and directories have no content
    target.parent.mkdir(parents=True, exist_ok=True)
    limit = min(limits.member, limits.total - limits.written)
    size = 0
    with source, target.open("wb") as file:
        while chunk := source.read(CHUNK):
            size += len(chunk)
            if size > limit:
                raise ArchiveError(
                    f"{limits.path}: member {member.name!r} unpacks to more than the {limit} bytes left to "
                    "it; raise member_limit or total_limit only if you trust the archive"
                )
            if limits.written + size > limits.expanded:
                raise limits.refuse_bomb()
            file.write(chunk)
    limits.written += size
