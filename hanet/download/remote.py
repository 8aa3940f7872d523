"""Descriptions of files that are to be fetched, and what became of them."""

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
    """A file that can be fetched without a person's help.

    Attributes:
        name: plain file name it gets; its suffix says what its first bytes must be.
        urls: addresses in the order to try them: ``https://…``, ``http://…``, ``file://…``, or a local folder
            or file, which serves as a mirror.
        sha256: SHA-256 if known, 64 hexadecimal digits; None notes it on first use.
        size: bytes, if known.
        credentials: what the host asks for, if anything.
        help: what a user can do where no address works, in a sentence.
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
            # A refused address may hold a password: it is shown redacted.
            scheme = url.partition("://")[0] if "://" in url else "file"
            if not url or scheme not in {"http", "https", "file"}:
                raise ValueError(
                    f"{self.name}: an address is https://, http://, file:// or a path, got {redact(url)!r}"
                )
            if is_remote(url) and not _is_plain(url):
                raise ValueError(
                    f"{self.name}: an address needs a host and no user or password, which belong into "
                    f"environment variables; got {redact(url)!r}"
                )


@dataclass(frozen=True)
class Fetched:
    """A verified file.

    Attributes:
        path: where it is.
        sha256: its SHA-256.
        size: its bytes.
        address: where it came from, redacted; None where it was there already.
    """

    path: Path
    sha256: str
    size: int
    address: str | None


@dataclass(frozen=True)
class Retries:
    """How often and after how long a lost connection or a busy server is tried again.

    Attributes:
        attempts: tries per address.
        pause: seconds before the second try, on average; doubled before every further one, with jitter.
        longest: most seconds between two tries; a server that asks for a longer wait is given up.
    """

    attempts: int = 5
    pause: float = 1.0
    longest: float = 120.0

    def __post_init__(self) -> None:
        if self.attempts < 1 or self.pause < 0 or self.longest < 0:
            raise ValueError(f"expected attempts of at least 1 and pauses of at least 0 s, got {self}")

    def seconds(self, attempt: int) -> float:
        """How long to wait after a failed attempt (the first is 1): exponential, ± half of it at random."""
        return min(self.longest, self.pause * 2 ** (attempt - 1) * random.uniform(0.5, 1.5))


def check_description(name: str, sha256: str | None, size: int | None) -> None:
    """Refuse a file's description that cannot be meant.

    Raises:
        ValueError: a name with a folder in it, an invalid SHA-256 or size.
    """
    if not re.fullmatch(r"\w[\w .()+-]*", name) or name.endswith((".part", ".part.json")):
        raise ValueError(f"name must be a plain file name, without folders, got {name!r}")
    if sha256 is not None and not re.fullmatch(r"[0-9a-f]{64}", sha256):
        raise ValueError(f"{name}: sha256 must be 64 lower-case hexadecimal digits, got {sha256!r}")
    if size is not None and size < 1:
        raise ValueError(f"{name}: size must be at least 1 byte, got {size}")


def is_remote(url: str) -> bool:
    """True for an address of HTTP."""
    return url.startswith(("http://", "https://"))


def local_path(url: str, name: str) -> Path:
    """The file that a ``file://`` address or a path stands for: a folder for the file of that name in it."""
    path = Path(url2pathname(urlsplit(url).path) if url.startswith("file://") else url).expanduser()
    return path / name if path.is_dir() else path


def _is_plain(url: str) -> bool:
    try:
        parsed = httpx2.URL(url)
    except httpx2.InvalidURL:
        return False
    return bool(parsed.host) and not parsed.userinfo
