"""Credentials from the environment, and addresses with secrets removed."""

from __future__ import annotations

import base64
import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx2

from hanet.download.unpack import ArchiveError

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True)
class Credentials:
    """The environment variables that hold credentials, and the one host to which they are sent.

    ``<environment>_TOKEN`` is sent as ``Authorization: Bearer …``, or bare in another `header`; otherwise
    ``<environment>_USER`` and ``<environment>_PASSWORD`` are sent as basic authentication. The values are
    read for each request and not stored.

    Attributes:
        environment: prefix of the variables' names, e.g. ``HANET_HUMAN36M``.
        host: host the credentials are for, ``example.org`` or ``example.org:8443``; they are not sent to
            other hosts (also after a redirect), nor over plain HTTP except to this machine.
        header: header that carries the token.
    """

    environment: str
    host: str
    header: str = "Authorization"

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Z][A-Z0-9_]*", self.environment):
            raise ValueError(
                "environment must be a prefix of variables such as HANET_HUMAN36M, in capitals, got "
                f"{self.environment!r}"
            )
        if not re.fullmatch(r"[\w.-]+(:\d+)?", self.host):
            raise ValueError(f"host must be like example.org or example.org:8443, got {self.host!r}")
        if not re.fullmatch(r"[A-Za-z0-9-]+", self.header):
            raise ValueError(f"header must be the name of an HTTP header, got {self.header!r}")

    @property
    def variables(self) -> str:
        """The names of the variables to set, as text."""
        return f"{self.environment}_USER and {self.environment}_PASSWORD, or {self.environment}_TOKEN"

    def credential(self) -> tuple[str, str]:
        """The header to send and its value.

        Raises:
            ArchiveError: the variables are not set, or a token has characters that a header cannot have (the
                message does not quote it).
        """
        token = os.environ.get(f"{self.environment}_TOKEN", "")
        user = os.environ.get(f"{self.environment}_USER", "")
        password = os.environ.get(f"{self.environment}_PASSWORD", "")
        if token:
            if not re.fullmatch(r"[\x21-\x7e]+", token):
                raise ArchiveError(
                    f"{self.environment}_TOKEN holds a space, a line break or a character outside ASCII: set "
                    "it to the token alone"
                )
            return self.header, f"Bearer {token}" if self.header.lower() == "authorization" else token
        if user and password:
            return "Authorization", "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        raise ArchiveError(f"{self.host} needs credentials: set the environment variables {self.variables}")

    def guard(self, request: httpx2.Request) -> None:
        """Add the credentials to requests to their host, and remove them from all others.

        A request hook of an httpx2 client: it sees every request of a chain of redirects.
        """
        for name in (self.header, "Authorization"):  # basic authentication has a header of its own
            request.headers.pop(name, None)
        safe = request.url.scheme == "https" or request.url.host in _LOOPBACK
        if safe and request.url.netloc.decode("ascii") == self.host.lower():
            name, value = self.credential()
            request.headers[name] = value


def redact(address: str) -> str:
    """Remove user, password, query and fragment from an address, for messages and logs.

    Signed addresses carry their secret in the query.
    """
    return re.sub(r"^(\w+://)[^/]*@", r"\1", re.sub(r"[?#].*", "?…", address, flags=re.DOTALL))


class _Redacting(logging.Filter):
    """Logging filter that removes queries, which may contain signatures, from addresses."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(redact(str(a)) if isinstance(a, httpx2.URL) else a for a in record.args)
        return True


@contextmanager
def redacted_logs() -> Iterator[None]:
    """Keep queries of addresses out of httpx2's log within the block."""
    redacting, logger = _Redacting(), logging.getLogger("httpx2")
    logger.addFilter(redacting)
    try:
        yield
    finally:
        logger.removeFilter(redacting)
