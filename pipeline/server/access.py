"""Who may reach the Prefect server: clients that have its auth string, under known host names.

Anyone who can start a run can run code as this user. So every request needs the auth string, which
`make prefect` generates unless the environment has one. Requests under unknown host names are refused: a web
page can point its own host name at this machine (DNS rebinding), and its scripts then have the same origin.
"""

from __future__ import annotations

import os
import re
import secrets
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import Request, urlopen

from hanet.files.atomic import whole_file

AUTH = "PREFECT_API_AUTH_STRING"
"""Environment variable: the auth string that clients send."""
SERVER_AUTH = "PREFECT_SERVER_API_AUTH_STRING"
"""Environment variable: the auth string that the server expects."""
ALLOWED_HOSTS = "PREFECT_ALLOWED_HOSTS"
"""Environment variable: host names under which other machines reach the server, separated by commas."""
LOGIN_PATH = "/open"
"""Page that stores the auth string in the browser. The link has it after `#`, which browsers do not send."""

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_EVERY_ADDRESS = ("0.0.0.0", "::")
_is_strong = re.compile(r"[!-~]{16,}").fullmatch
_is_host = re.compile(r"[0-9A-Za-z.:_-]+").fullmatch


class AccessError(ValueError):
    """The settings would leave the server open, or unreachable."""


def choose_auth(environ: Mapping[str, str]) -> str:
    """Return the auth string of the environment, or a new one.

    Raises:
        AccessError: it is shorter than 16 characters, or the environment has two.
    """
    given = {value for name in (AUTH, SERVER_AUTH) if (value := environ.get(name))}
    if len(given) > 1:
        raise AccessError(f"{AUTH} and {SERVER_AUTH} differ; set one of them")
    auth = given.pop() if given else f"hanet:{secrets.token_urlsafe(32)}"
    if not _is_strong(auth):
        raise AccessError(
            f"expected at least 16 ASCII characters without spaces in {AUTH}, got {len(auth)}; "
            "unset it to have one generated"
        )
    return auth


def allowed_hosts(host: str, environ: Mapping[str, str]) -> list[str]:
    """Return the host names and addresses under which the server may be reached.

    Args:
        host: The address that the server listens on.
        environ: May name more hosts in `ALLOWED_HOSTS`.

    Raises:
        AccessError: a name is not a host name, or the server listens on every address and none is named.
    """
    named = [name.strip() for name in environ.get(ALLOWED_HOSTS, "").split(",") if name.strip()]
    for name in named:
        if not _is_host(name):
            raise AccessError(f"expected host names separated by commas in {ALLOWED_HOSTS}, got {name!r}")
    if host in _EVERY_ADDRESS and not named:
        raise AccessError(
            f"PREFECT_HOST={host} listens on every address; set {ALLOWED_HOSTS} to the names and addresses "
            "under which other machines reach this one"
        )
    return list(dict.fromkeys([*_LOOPBACK, *([] if host in _EVERY_ADDRESS else [host]), *named]))


def local_address(host: str, port: int) -> str:
    """Return the server's address as seen from this machine."""
    if host in _EVERY_ADDRESS:
        host = _LOOPBACK[0]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def login_link(address: str, auth: str) -> str:
    """Return the address that opens Prefect's pages with the auth string."""
    return f"{address}{LOGIN_PATH}#{quote(auth, safe=':')}"


def auth_file(main: Path) -> Path:
    """Return the file that has the auth string while `make prefect` runs; only this user can read it."""
    return Path(os.environ.get("PREFECT_HOME") or main / ".prefect") / "auth-string"


def write_auth(path: Path, auth: str) -> None:
    """Write the auth string, readable by this user only."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with whole_file(path) as temporary:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(auth + "\n")


def read_auth(main: Path) -> str | None:
    """Return the auth string of the environment, or else that of this tree's running `make prefect`."""
    if given := os.environ.get(AUTH):
        return given
    path = auth_file(main)
    return path.read_text().strip() if path.exists() else None


@contextmanager
def private_server() -> Iterator[None]:
    """Give the temporary server that Prefect starts if PREFECT_API_URL is unset an auth string of its own."""
    from prefect.settings import (
        PREFECT_API_AUTH_STRING,
        PREFECT_API_URL,
        PREFECT_SERVER_API_AUTH_STRING,
        temporary_settings,
    )

    if PREFECT_API_URL.value():
        yield
        return
    auth = choose_auth({})
    with temporary_settings({PREFECT_API_AUTH_STRING: auth, PREFECT_SERVER_API_AUTH_STRING: auth}):
        yield


def is_refused(api: str, auth: str) -> bool:
    """Return whether the server at an API address refuses an auth string; false if it does not answer."""
    token = b64encode(auth.encode()).decode()
    try:
        with urlopen(Request(f"{api}/admin/version", headers={"Authorization": f"Basic {token}"}), timeout=5):
            return False
    except HTTPError as error:
        return error.code == 401
    except (URLError, OSError):
        return False
