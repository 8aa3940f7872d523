"""A server on the loopback that fails in every way servers fail."""

from __future__ import annotations

import hashlib
import io
import os
import threading
import zipfile
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from hanet.download.fetch import Fetched, RemoteFile, Retries, fetch


def zipped(size: int = 300_000) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.bin", os.urandom(size))
    return buffer.getvalue()


PAYLOAD = zipped()
DIGEST = hashlib.sha256(PAYLOAD).hexdigest()
QUICK = Retries(attempts=4, pause=0.001)
LOGIN = b"\n<!-- page --><!DOCTYPE html><html><form>Log in</form></html>"


@dataclass
class Page:
    """One address of a server: what it holds and, for each GET in turn, how it misbehaves."""

    body: bytes = PAYLOAD
    etag: str | None = '"one"'
    modified: str | None = None
    ranges: bool = True
    if_range: bool = True
    length: bool = True
    kind: str = "application/octet-stream"
    head: int = 200
    script: list[dict] = field(default_factory=list)


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.pages: dict[str, Page] = {}
        self.asked: list[tuple[str, str, dict[str, str]]] = []  # method, path, headers
        self.released = threading.Event()

    def handle_error(self, request: object, client_address: object) -> None:
        """The client went away."""

    def url(self, name: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.server_port}/{name}"

    def gets(self, header: str) -> list[str | None]:
        return [headers.get(header) for method, _, headers in self.asked if method == "GET"]


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_HEAD(self) -> None:
        self.answer(head=True)

    def do_GET(self) -> None:
        self.answer(head=False)

    def answer(self, *, head: bool) -> None:
        self.server.asked.append((self.command, self.path, dict(self.headers)))
        page = self.server.pages.get(self.path.partition("?")[0].removeprefix("/"))
        if page is None:
            return self.refuse(404, {})
        act = {"status": page.head} if head and page.head != 200 else {}
        act = page.script.pop(0) if page.script and not head else act
        if "status" in act:
            return self.refuse(act["status"], act.get("headers", {}))
        body, start = act.get("body", page.body), 0
        asked = self.headers.get("Range")
        etag = act.get("etag", page.etag)
        confirmed = self.headers.get("If-Range") in (None, etag, page.modified) or not page.if_range
        if asked and page.ranges and confirmed:
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            if start >= len(body):
                return self.refuse(416, {"Content-Range": f"bytes */{len(body)}"})
        self.send_response(206 if start else 200)
        if start:
            right = f"bytes {start}-{len(body) - 1}/{len(body)}"
            self.send_header("Content-Range", act.get("content_range", right))
        for name, value in (("ETag", etag), ("Last-Modified", page.modified), ("Content-Type", page.kind)):
            if value:
                self.send_header(name, value)
        if page.length:
            self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        if head:
            return None
        rest = body[start:]
        self.wfile.write(rest[: act.get("drop", act.get("stall", len(rest)))])
        if "stall" in act:
            self.wfile.flush()
            self.server.released.wait(20)
            self.wfile.write(rest[act["stall"] :])

    def refuse(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


def one(server: Server, folder: Path, file: RemoteFile | None = None, **options) -> Fetched:
    """Fetch ``a.zip`` of a server, or another file."""
    file = file or RemoteFile("a.zip", (server.url("a.zip"),))
    options = {"retries": QUICK, "timeout": 5.0, **options}
    (result,) = fetch([file], folder / "raw", record=folder / "sha256.json", **options)
    return result


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())
