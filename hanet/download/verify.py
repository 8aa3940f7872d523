"""Whether a file is what it should be: its kind, its size, its SHA-256; and room for it on the disk."""

from __future__ import annotations

import json
import re
import shutil
import threading
import zipfile
from pathlib import Path

from hanet.download.unpack import ArchiveError
from hanet.files.atomic import write_json
from hanet.files.hashing import file_hash

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
"""First bytes by suffix. Not here: ``.pkl`` (protocol 0 has no mark of its own), ``.txt`` and other text."""


def check_content(path: Path, name: str) -> None:
    """Refuse a file whose first bytes are not those of the kind that a name promises.

    Servers answer with a login or error page, status 200, where an archive was asked for. A zip file must
    have its end too: some servers announce no length, and a transfer cut off looks complete.

    Args:
        path: the file.
        name: the name it is to have; its suffix says what it should be.

    Raises:
        ArchiveError: a web page, an empty file, another kind of file, or a zip file cut off.
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
            f"{name} begins with {head[:8]!r}, which no {suffix} file does: it is damaged or another file; "
            "delete it and get it again"
        )
    if suffix in {".zip", ".npz", ".whl"} and not zipfile.is_zipfile(path):
        raise ArchiveError(
            f"{name} has no end of a {suffix} file: it was cut off; delete it and get it again"
        )


def is_web_page(head: bytes) -> bool:
    """True where a file's first bytes are those of an HTML page, comments and an XML declaration skipped."""
    text = re.sub(rb"<!--.*?-->|<\?xml[^>]*>", b"", head.removeprefix(b"\xef\xbb\xbf"), flags=re.DOTALL)
    return text.lstrip().lower().startswith((b"<!doctype html", b"<html", b"<head"))


class HashRecord:
    """SHA-256 by file name, noted on first use in a JSON file and held to from then on.

    Publishers of data sets rarely state hashes: the first file that came is the one everything later must
    equal. Commit the file, and everyone works on the same bytes. Safe between threads, not processes.
    """

    def __init__(self, path: Path) -> None:
        """Read the record; a missing file is an empty one.

        Raises:
            ArchiveError: the file holds anything but names with hashes.
        """
        self.path = path
        self._lock = threading.Lock()
        try:
            known = json.loads(path.read_text()) if path.exists() else {}
        except ValueError as error:
            raise ArchiveError(
                f"{path} is not JSON ({error}): mend or delete it; deleted, the files at hand are noted again"
            ) from error
        if not isinstance(known, dict) or not all(
            isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) for value in known.values()
        ):
            raise ArchiveError(
                f"{path}: expected file names with SHA-256 of 64 lower-case hexadecimal digits: mend or "
                "delete it; deleted, the files at hand are noted again"
            )
        self._known: dict[str, str] = known

    def known(self, name: str) -> str | None:
        """The SHA-256 noted for a name, or None."""
        return self._known.get(name)

    def check(self, name: str, got: str, pinned: str | None) -> None:
        """Hold a file's SHA-256 against the pinned one, else the noted one; note it where there is neither.

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
                    f"{name} has SHA-256 {got}, but {noted} was noted in {self.path} when it was first used: "
                    "the file changed, or came damaged. Get it again; where its publisher released it again, "
                    f"delete the line of {name} there and redo everything that was made from the old one"
                )
            if noted != got:
                self._known = {**self._known, name: got}
                write_json(self.path, self._known)


def require_room(folder: Path, needed: int, what: str) -> None:
    """Refuse what does not fit the disk of a folder, which need not exist yet.

    Args:
        folder: where something is to be written.
        needed: bytes it will take.
        what: what it is, for the message.

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
    """Hold a file against all that is known of it.

    Args:
        name: the name it has or is to get.
        path: the file.
        hashes: notes the SHA-256 where none is known.
        expected_sha256: SHA-256 it must have, or None.
        expected_size: bytes it must have, or None.

    Returns:
        Its SHA-256.

    Raises:
        ArchiveError: of another size, kind or SHA-256.
    """
    check_content(path, name)
    size = path.stat().st_size
    if expected_size is not None and size != expected_size:
        raise ArchiveError(f"{name} has {size} bytes, expected {expected_size}; get it again")
    digest = file_hash(path)
    hashes.check(name, digest, expected_sha256)
    return digest
