"""Descriptions of files to fetch, and of fetched files."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import httpx2

from hanet.download.credentials import Credentials, redact


@dataclass(frozen=True)
class RemoteFile:
    """A file that can be fetched automatically.

    Attributes:
        name: plain name of the saved file; its suffix determines the expected first bytes.
        urls: addresses in the order to try them: ``https://…``, ``http://…``, ``file://…``, or a local folder
            or file, used as a mirror.
        sha256: SHA-256 if known, 64 hexadecimal digits; where None, it is recorded on first use.
        size: bytes, if known.
        credentials: credentials for the host, if it needs any.
        help: one sentence on what the user can do where no address works.
    """

    name: str
    urls: tuple[str, ...]
    sha256: str | None = None
    size: int | None = None
    credentials: Credentials | None = None
    help: str = ""

    def __post_init__(self) -> None:
        check_description(self.name, self.sha256, self.size)
        if not self.urls:
            raise ValueError(f"{self.name}: urls is empty; name at least one address")
        for url in self.urls:
            # A rejected address may contain a password: it is shown redacted.
            scheme = url.partition("://")[0] if "://" in url else "file"
            if not url or scheme not in {"http", "https", "file"}:
                raise ValueError(
                    f"{self.name}: an address is https://, http://, file:// or a path, got {redact(url)!r}"
                )
            if is_remote(url) and not _is_plain(url):
                raise ValueError(
                    f"{self.name}: expected an address with a host and without user or password (set those "
                    f"in environment variables); got {redact(url)!r}"
                )


@dataclass(frozen=True)
class Fetched:
    """A verified file.

    Attributes:
        path: the file.
        sha256: its SHA-256.
        size: bytes.
        address: its source, redacted; None where it was already there.
    """

    path: Path
    sha256: str
    size: int
    address: str | None


@dataclass(frozen=True)
class Retries:
    """Number of attempts, and pauses between them, for lost connections and busy servers.

    Attributes:
        attempts: attempts per address.
        pause: mean seconds before the second attempt; doubled before each further one, with jitter.
        longest: longest pause in seconds; the address is abandoned where the server asks for a longer one.
    """

    attempts: int = 5
    pause: float = 1.0
    longest: float = 120.0

    def __post_init__(self) -> None:
        if self.attempts < 1 or self.pause < 0 or self.longest < 0:
            raise ValueError(f"expected attempts of at least 1 and pauses of at least 0 s, got {self}")

    def seconds(self, attempt: int) -> float:
        """Seconds to wait after a failed attempt (the first is 1): exponential, jittered by ±50 %."""
        return min(self.longest, self.pause * 2 ** (attempt - 1) * random.uniform(0.5, 1.5))


def check_description(name: str, sha256: str | None, size: int | None) -> None:
    """Check a file's name, SHA-256 and size.

    Raises:
        ValueError: a name with a folder, an invalid SHA-256 or size.
    """
    if not re.fullmatch(r"\w[\w .()+-]*", name) or name.endswith((".part", ".part.json")):
        raise ValueError(f"name must be a plain file name, without folders, got {name!r}")
    if sha256 is not None and not re.fullmatch(r"[0-9a-f]{64}", sha256):
        raise ValueError(f"{name}: sha256 must be 64 lower-case hexadecimal digits, got {sha256!r}")
    if size is not None and size < 1:
        raise ValueError(f"{name}: size must be at least 1 byte, got {size}")


def is_remote(url: str) -> bool:
    """True for an HTTP address."""
    return url.startswith(("http://", "https://"))


def local_path(url: str, name: str) -> Path:
    """The local file of a ``file://`` address or a path; for a folder, the file `name` in it."""
    path = Path(url2pathname(urlsplit(url).path) if url.startswith("file://") else url).expanduser()
    return path / name if path.is_dir() else path


def _is_plain(url: str) -> bool:
    try:
        parsed = httpx2.URL(url)
    except httpx2.InvalidURL:
        return False
    return bool(parsed.host) and not parsed.userinfo
