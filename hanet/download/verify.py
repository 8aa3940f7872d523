"""Verify a file's kind, size and SHA-256, and the free space on the disk."""

from __future__ import annotations

import re
import shutil
import threading
import zipfile
from pathlib import Path

from hanet.download.unpack import ArchiveError
from hanet.files.atomic import write_json
from hanet.files.hashing import file_hash
from hanet.files.json_text import read_json

_HEAD = 512
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_GZIP = (b"\x1f\x8b",)
_LEADING: dict[str, tuple[bytes, ...]] = {
    ".zip": _ZIP,
    ".npz": _ZIP,
    ".whl": _ZIP,
    ".gz": _GZIP,
    ".tgz": _GZIP,
    ".xz": (b"\xfd7zXZ\x00",),
    ".npy": (b"\x93NUMPY",),
    ".mat": (b"MATLAB 5.0", b"MATLAB 7.3", b"\x89HDF"),
    ".cdf": (b"\xcd\xf3\x00\x01", b"\xcd\xf2\x60\x02", b"\x00\x00\xff\xff"),
}
"""First bytes by suffix. Not checked: ``.pkl`` (protocol 0 has no magic number), ``.txt`` and other text."""


def check_content(path: Path, name: str) -> None:
    """Check a file's first bytes against the kind that its name implies.

    Some servers answer with a login or error page and status 200. A zip file's end is checked too: without an
    announced length a truncated transfer looks complete.

    Args:
        path: the file.
        name: its final name; the suffix gives the expected kind.

    Raises:
        ArchiveError: a web page, an empty file, another kind of file, or a truncated zip file.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD)
    suffix = Path(name).suffix.lower()
    if not head:
        raise ArchiveError(f"{name} is empty; get it again")
    if suffix not in {".html", ".htm"} and is_web_page(head):
        raise ArchiveError(
            f"{name} is a web page, not a {suffix or 'data'} file: most likely a login, licence or error "
            "page. Open the address in a browser, log in or accept the terms there"
        )
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    right = (
        head[257:262] == b"ustar"
        if suffix == ".tar"
        else text.startswith((b"{", b"["))
        if suffix == ".json"
        else head.startswith(_LEADING.get(suffix, (b"",)))
    )
    if not right:
        raise ArchiveError(
            f"{name} begins with {head[:8]!r}, expected the first bytes of a {suffix} file: it is damaged "
            "or another file; "
            "delete it and get it again"
        )
    if suffix in {".zip", ".npz", ".whl"} and not zipfile.is_zipfile(path):
        raise ArchiveError(
            f"{name} has no end of a {suffix} file: it was cut off; delete it and get it again"
        )


def is_web_page(head: bytes) -> bool:
    """True where a file begins like an HTML page, after comments and an XML declaration."""
    text = re.sub(rb"<!--.*?-->|<\?xml[^>]*>", b"", head.removeprefix(b"\xef\xbb\xbf"), flags=re.DOTALL)
    return text.lstrip().lower().startswith((b"<!doctype html", b"<html", b"<head"))


class HashRecord:
    """SHA-256 by file name, recorded in a JSON file on first use and enforced from then on.

    Publishers of data sets rarely state hashes, so later files must equal the first one. Commit the record,
    and everyone works on the same bytes. Thread-safe; not safe between processes.
    """

    def __init__(self, path: Path) -> None:
        """Read the record; a missing file counts as empty.

        Raises:
            ArchiveError: the file is not a mapping of names to hashes.
        """
        self.path = path
        self._lock = threading.Lock()
        try:
            remedy = "correct or delete it; after deletion the present files are recorded again"
            known = read_json(path, dict, remedy=remedy) if path.exists() else {}
        except ValueError as error:
            raise ArchiveError(str(error)) from error
        if not all(
            isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) for value in known.values()
        ):
            raise ArchiveError(
                f"{path}: expected file names with SHA-256 of 64 lower-case hexadecimal digits: correct or "
                "delete it; after deletion the present files are recorded again"
            )
        self._known: dict[str, str] = known

    def known(self, name: str) -> str | None:
        """The recorded SHA-256 of a name, or None."""
        return self._known.get(name)

    def check(self, name: str, got: str, pinned: str | None) -> None:
        """Check a file's SHA-256 against the pinned one, else the recorded one; record it where there is
        neither.

        Raises:
            ArchiveError: they differ; the message gives both.
        """
        with self._lock:
            noted = self._known.get(name)
            if pinned is not None and got != pinned:
                raise ArchiveError(
                    f"{name} has SHA-256 {got}, expected {pinned}; get it again, and change the expected "
                    "value only after finding out why the file differs"
                )
            if pinned is None and noted is not None and got != noted:
                raise ArchiveError(
                    f"{name} has SHA-256 {got}, but {noted} was recorded in {self.path} when it was first "
                    "used: "
                    "the file changed or is damaged. Get it again; where its publisher released it again, "
                    f"delete the line of {name} there and redo everything that was made from the old one"
                )
            if noted != got:
                self._known = {**self._known, name: got}
                write_json(self.path, self._known)


def require_room(folder: Path, needed: int, what: str) -> None:
    """Check free space on the disk of a folder, which need not exist yet.

    Args:
        folder: the target.
        needed: bytes needed.
        what: what is to be written, for the message.

    Raises:
        ArchiveError: fewer bytes are free.
    """
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    free = shutil.disk_usage(there).free
    if needed > free:
        raise ArchiveError(
            f"{folder} has {free / 1e6:.0f} MB free, {what} needs {needed / 1e6:.0f} MB more: make room or "
            "choose another folder"
        )


def verify(
    name: str, path: Path, hashes: HashRecord, *, expected_sha256: str | None, expected_size: int | None
) -> str:
    """Verify a file's size, kind and SHA-256.

    Args:
        name: its final name.
        path: the file.
        hashes: records the SHA-256 where none is known.
        expected_sha256: expected SHA-256, or None.
        expected_size: expected bytes, or None.

    Returns:
        Its SHA-256.

    Raises:
        ArchiveError: another size, kind or SHA-256.
    """
    check_content(path, name)
    size = path.stat().st_size
    if expected_size is not None and size != expected_size:
        raise ArchiveError(f"{name} has {size} bytes, expected {expected_size}; get it again")
    digest = file_hash(path)
    hashes.check(name, digest, expected_sha256)
    return digest
