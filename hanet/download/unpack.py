"""Chosen members of an archive, extracted without trusting it."""

from __future__ import annotations

import glob
import gzip
import io
import lzma
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
from typing import IO, cast

from hanet.files.atomic import fresh_folder

CHUNK = 1 << 20
RATIO_FLOOR = 64 << 20
"""Bytes that any archive may unpack to: what is no more than this is no bomb, however small its archive."""

_DAMAGED = (
    zipfile.BadZipFile,
    tarfile.TarError,
    gzip.BadGzipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,  # zipfile's word for an unknown compression
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

    `folder` appears complete or not at all: members are written beside it and moved into place at the end.

    Args:
        path: a zip file, also a ``.whl``, or a tar file, plain or compressed by gzip or xz.
        members: patterns as in `Archive`; each must match at least one file.
        folder: must not exist, or be empty.
        member_limit: most bytes that one member may unpack to.
        total_limit: most bytes that all members may unpack to.
        count_limit: most members that may be extracted.
        ratio_limit: most bytes that a byte of the archive may unpack to, on average, past the first 64 MiB;
            of a tar file, members that are passed over count too.

    Returns:
        The extracted files, sorted.

    Raises:
        ArchiveError: the archive is damaged, a pattern matches nothing, a matching member is a link or
            device, leads outside the folder, comes twice or is too large, the members are too many or unpack
            to too much, or the folder is in use.
    """
    if folder.exists() and any(folder.iterdir()):
        raise ArchiveError(f"{folder} is not empty: delete it first, or extract to another folder")
    limits = _Limits(path, member_limit, total_limit, count_limit, ratio_limit)
    with fresh_folder(folder) as staged, _reporting_damage(path):
        written = _write_members(path, members, staged, limits)
    return sorted(folder / name for name in written)


def listing(path: Path, *, ratio_limit: int = 250) -> list[str]:
    """Names of an archive's files, links and devices, in its order; a compressed tar file is read to its end.

    Raises:
        ArchiveError: the archive is damaged, or unpacks to too much for its size.
    """
    limits = _Limits(path, ratio=ratio_limit)
    with _reporting_damage(path), _open_archive(path, limits) as members:
        return [member.name for member in members]


def matches(name: str, pattern: str) -> bool:
    """True where every path part matches: unlike fnmatch, a ``*`` does not reach over a slash."""
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
    """What an archive may unpack to, and what it has so far."""

    path: Path
    member: int = 0
    total: int = 0
    count: int = 0
    ratio: int = 1
    written: int = 0

    @property
    def expanded(self) -> int:
        """Most bytes that the archive's own size allows for."""
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
        """Without the ``./`` that some archives begin every name with."""
        return str(PurePosixPath(self.given_name))


def _write_members(path: Path, patterns: Sequence[str], folder: Path, limits: _Limits) -> list[str]:
    """Write the matching members under `folder` and return their names."""
    written: set[str] = set()
    unmatched = set(patterns)
    with _open_archive(path, limits) as members:
        for member in members:
            matching = {pattern for pattern in patterns if matches(member.name, pattern)}
            if not matching:
                continue
            _check_name(path, member)
            if member.name in written:
                raise ArchiveError(f"{path}: {member.name} comes twice; which one is meant cannot be known")
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
            f"{path} holds nothing that matches {', '.join(sorted(unmatched))}: check the patterns against "
            "the archive's listing"
        )
    return list(written)


@contextmanager
def _open_archive(path: Path, limits: _Limits) -> Iterator[Iterator[_Member]]:
    """The members of a zip or tar archive, in their order."""
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
            while stream.read(CHUNK):  # to the very end, where gzip keeps its checksum
                pass


def _decompressed(path: Path) -> io.BufferedIOBase:
    """A tar file's own bytes, whatever the suffix says."""
    with path.open("rb") as file:
        head = file.read(6)
    if head.startswith(b"\x1f\x8b"):
        return gzip.GzipFile(path)
    return lzma.LZMAFile(path) if head == b"\xfd7zXZ\x00" else path.open("rb")


class _Bounded:
    """A stream that refuses to give more bytes than its limits allow: what is skipped is unpacked too."""

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
    """Copy a member to a file, counting real bytes: sizes in headers may lie."""
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


_MEMBER_LIMIT, _TOTAL_LIMIT = 1 << 30, 1 << 36


def unpack(path: Path, members: Sequence[str], folder: Path) -> list[Path]:
    """Unpack a publisher's archive into a folder that others may have been unpacked into.

    Archives differ in the folders above what they hold, between releases and mirrors too. A pattern matches
    the last parts of a member's path; the folders above must be the same for all, and are dropped.

    Args:
        path: the archive.
        members: patterns of the last parts; each must match at least one file.
        folder: made where missing.

    Returns:
        The files and folders that are new directly in `folder`, sorted.

    Raises:
        ArchiveError: as `extract`, no or different folders above, or a name that `folder` has already.
    """
    above = _above(path, members)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".unpacked.", suffix=".tmp", dir=folder) as beside:
        staged = Path(beside) / "all"
        patterns = [f"{glob.escape(above)}/{pattern}" if above else pattern for pattern in members]
        extract(path, patterns, staged, member_limit=_MEMBER_LIMIT, total_limit=_TOTAL_LIMIT)
        found = sorted((staged / above).iterdir())
        if there := [one.name for one in found if (folder / one.name).exists()]:
            raise ArchiveError(f"{path}: {folder} has {', '.join(there)} already; unpack it elsewhere")
        return [one.rename(folder / one.name) for one in found]


def _above(path: Path, members: Sequence[str]) -> str:
    """The folders above what matches in an archive."""
    names = [PurePosixPath(name) for name in listing(path)]
    found: set[str] = set()
    for pattern in members:
        length = len(PurePosixPath(pattern).parts)
        tops = {
            "/".join(name.parts[:-length])
            for name in names
            if "__MACOSX" not in name.parts and matches("/".join(name.parts[-length:]), pattern)
        }
        if not tops:
            raise ArchiveError(
                f"{path} holds nothing that matches {pattern}, but {len(names)} other files, such as "
                f"{', '.join(map(str, names[:3])) or 'none'}; is it the archive that is asked for?"
            )
        found |= tops
    if len(found) > 1:
        raise ArchiveError(
            f"{path}: the wanted files lie below several folders ({', '.join(sorted(found))}); make an "
            "archive that holds it once"
        )
    return found.pop()
