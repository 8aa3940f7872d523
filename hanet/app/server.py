"""The server of the page: this machine alone, and only the browser that has the link.

It listens on 127.0.0.1. Every address begins with a random token, which only the printed link has. Requests
under other host names are refused, because a page of another site can point its name at this machine (DNS
rebinding), and so are requests that come from a page of another origin.
"""

from __future__ import annotations

import json
import secrets
import shutil
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from html import escape
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from string import Template
from tempfile import TemporaryDirectory
from threading import Lock
from urllib.parse import quote

from hanet.app import work
from hanet.app.work import Body, Done
from hanet.extras import message
from hanet.formats.keypoint_sets import KEYPOINT_SETS
from hanet.formats.registry import FORMATS

HOST = "127.0.0.1"
KEPT = 8
"""Results that are kept; of more the oldest is removed."""
FIELDS = {
    "--fps": "“Frames per second”", "--skeleton": "“Skeleton”", "--image-size": "“Image size”",
    "--min-score": "“Least confidence”", "--max-gap": "“Longest gap”", "--format": "“Format”",
}  # fmt: skip
"""Names of the page's fields in place of a command's options, in messages."""
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-src 'self'; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""Sent with every answer. The page of a result has its own, stricter policy in the document."""
SANDBOX = "sandbox allow-scripts; frame-ancestors 'self'"
"""Policy of a result's page: an origin of its own, shown within the app's page only."""
ASSETS = {"app.css": "text/css; charset=utf-8", "app.js": "text/javascript; charset=utf-8"}


class App(ThreadingHTTPServer):
    """The server with its results.

    Args:
        folder: where uploads and results lie; removed by the caller.
        port: 0 for a free one.

    Attributes:
        token: first part of every address.

    Raises:
        ValueError: the port is taken.
    """

    daemon_threads = True

    def __init__(self, folder: Path, port: int = 0) -> None:
        try:
            super().__init__((HOST, port), _Handler)
        except OSError as error:
            raise ValueError(f"port {port} of {HOST}: {error.strerror}; give another --port") from error
        self.folder, self.token = folder, secrets.token_urlsafe(24)
        self.results: dict[str, Done] = {}
        self._busy = Lock()
        self._number = 0

    @property
    def origins(self) -> tuple[str, ...]:
        """The page's own origins."""
        return tuple(f"http://{host}:{self.server_port}" for host in (HOST, "localhost"))

    @property
    def link(self) -> str:
        """The address of the page."""
        return f"{self.origins[0]}/{self.token}/"

    @cached_property
    def page(self) -> bytes:
        """The app's page."""
        parts = {
            "accept": ",".join(work.endings()),
            "most_bytes": str(work.MOST_BYTES),
            "video": "a video of one person, by MediaPipe"
            if work.why_no_video() is None
            else "a video once the extra video is installed",
        }
        text = (files("hanet") / "app" / "assets" / "app.html").read_text(encoding="utf-8")
        parts = {name: escape(part) for name, part in parts.items()}
        formats = {name: entry.title for name, entry in FORMATS.items()}
        skeletons = {name: f"{name} ({len(joints)})" for name, joints in sorted(KEYPOINT_SETS.items())}
        return (
            Template(text)
            .substitute(parts, formats=_options(formats), skeletons=_options(skeletons))
            .encode()
        )

    def refine(self, body: Body) -> tuple[str, Done]:
        """Receive and refine one upload; returns its id and result.

        Raises:
            ValueError, OSError, ModuleNotFoundError: as `hanet.app.work` raises, without this folder's name.
        """
        with self._busy:  # one refinement at a time, each uses all memory that its file needs
            self._number += 1
            own = self.folder / str(self._number)
            (received := own / "received").mkdir(parents=True)
            try:
                done = work.refine(work.receive(body, received), received, own)
            except BaseException as error:
                shutil.rmtree(own, ignore_errors=True)
                if isinstance(error, ValueError | OSError | ModuleNotFoundError):
                    text = message(error).replace(f"{received}/", "").replace(f"{own}/", "")
                    raise ValueError(text) from error
                raise
            shutil.rmtree(received, ignore_errors=True)
            key = secrets.token_urlsafe(12)
            self.results[key] = done
            for old in list(self.results)[:-KEPT]:
                shutil.rmtree(self.results.pop(old).path.parent, ignore_errors=True)
            return key, done


def _options(texts: Mapping[str, str]) -> str:
    """Options of a select element: by value what is shown."""
    return "".join(
        f'<option value="{escape(value)}">{escape(text)}</option>' for value, text in texts.items()
    )


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "hanet"
    sys_version = ""
    timeout = 120

    @property
    def app(self) -> App:
        """The server."""
        assert isinstance(self.server, App)
        return self.server

    def do_GET(self) -> None:
        if (path := self._admitted()) is None:
            return
        kind, _, key = path.partition("/")
        done = self.app.results.get(key)
        if path == "":
            self._answer(HTTPStatus.OK, self.app.page, "text/html; charset=utf-8")
        elif path in ASSETS:
            self._answer(HTTPStatus.OK, (files("hanet") / "app" / "assets" / path).read_bytes(), ASSETS[path])
        elif kind == "view" and done is not None:
            policy = {"Content-Security-Policy": SANDBOX}
            self._answer(HTTPStatus.OK, done.page.read_bytes(), "text/html; charset=utf-8", policy)
        elif kind == "file" and done is not None:
            name = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(done.path.name, safe='')}"}
            self._answer(HTTPStatus.OK, done.path.read_bytes(), "application/octet-stream", name)
        else:
            self._refuse(HTTPStatus.NOT_FOUND, "nothing here")

    def do_POST(self) -> None:
        if (path := self._admitted()) is None:
            return
        if path != "refine":
            return self._refuse(HTTPStatus.NOT_FOUND, "nothing here")
        text = self.headers.get("Content-Length", "")
        if not text.isdecimal() or int(text) > work.MOST_BYTES:
            most = f"expected files of at most {work.MOST_BYTES >> 20} MB together"
            return self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, most)
        body = Body(self.rfile, int(text))
        try:
            key, done = self.app.refine(body)
        except ValueError as error:
            body.skip()
            said = str(error)
            for option, field in FIELDS.items():
                said = said.replace(f"give {option}", f"fill in {field}").replace(option, field)
            return self._refuse(HTTPStatus.UNPROCESSABLE_ENTITY, said)
        except Exception as error:
            traceback.print_exc()
            said = f"the program failed ({type(error).__name__}); the terminal shows where"
            return self._refuse(HTTPStatus.INTERNAL_SERVER_ERROR, said)
        result = {"id": key, "name": done.path.name, "notes": list(done.notes)}
        self._answer(HTTPStatus.OK, json.dumps(result).encode(), "application/json")

    def _admitted(self) -> str | None:
        """The address after the token; None where the request was refused."""
        own = self.app.origins
        if f"http://{self.headers.get('Host', '')}" not in own:
            return self._refuse(HTTPStatus.FORBIDDEN, "another host name than this page's")
        origin = self.headers.get("Origin")
        if (origin is not None and origin not in own) or self.headers.get("Sec-Fetch-Site") in (
            "cross-site",
            "same-site",
        ):
            return self._refuse(HTTPStatus.FORBIDDEN, "a request of another site's page")
        _, token, *rest = self.path.partition("?")[0].split("/", 2) if self.path.startswith("/") else ("", "")
        if not secrets.compare_digest(token.encode(), self.app.token.encode()) or not rest:
            return self._refuse(HTTPStatus.NOT_FOUND, "nothing here; open the link that hanet app printed")
        return rest[0]

    def _refuse(self, status: HTTPStatus, text: str) -> None:
        self.close_connection = True  # the rest of a request's body is not read
        self._answer(status, json.dumps({"error": text}).encode(), "application/json")

    def _answer(
        self, status: HTTPStatus, content: bytes, kind: str, more: Mapping[str, str] | None = None
    ) -> None:
        self.send_response(status)
        headers = {**HEADERS, "Content-Type": kind, "Content-Length": str(len(content)), **(more or {})}
        for name, value in headers.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing: addresses have the token."""


@contextmanager
def serving(port: int = 0) -> Iterator[App]:
    """A server whose folder is removed at the end; the caller runs `serve_forever`.

    Raises:
        ValueError: the port is taken.
    """
    with (
        TemporaryDirectory(prefix="hanet-app-", ignore_cleanup_errors=True) as name,
        App(Path(name), port) as app,
    ):
        yield app
