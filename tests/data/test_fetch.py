"""Files fetched from servers on the loopback that fail in every way servers fail."""

from __future__ import annotations

import hashlib
import io
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections import namedtuple
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx2
import pytest
from rich.console import Console

from hanet.data import verify
from hanet.data.credentials import Credentials
from hanet.data.fetch import Fetched, RemoteFile, Retries, fetch
from hanet.data.transfer import retry_after
from hanet.data.unpack import ArchiveError


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


@pytest.fixture
def servers() -> Iterator[tuple[Server, Server]]:
    both = Server(), Server()
    threads = [threading.Thread(target=one.serve_forever, args=(0.01,), daemon=True) for one in both]
    for thread in threads:
        thread.start()
    yield both
    for server, thread in zip(both, threads, strict=True):
        server.released.set()
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def server(servers: tuple[Server, Server]) -> Server:
    servers[0].pages["a.zip"] = Page()
    return servers[0]


@pytest.fixture(autouse=True)
def _no_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy and no credentials of the machine that runs the tests reach them."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name.startswith("HANET_"):
            monkeypatch.delenv(name)


def one(server: Server, folder: Path, file: RemoteFile | None = None, **options) -> Fetched:
    """Fetch ``a.zip`` of a server, or another file."""
    file = file or RemoteFile("a.zip", (server.url("a.zip"),))
    options = {"retries": QUICK, "timeout": 5.0, **options}
    (result,) = fetch([file], folder / "raw", record=folder / "sha256.json", **options)
    return result


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# --- what comes, and what is noted of it


def test_a_file_is_fetched_noted_and_not_fetched_again(server: Server, tmp_path: Path) -> None:
    result = one(server, tmp_path)
    target = tmp_path / "raw" / "a.zip"
    assert result == Fetched(target, DIGEST, len(PAYLOAD), server.url("a.zip"))
    assert target.read_bytes() == PAYLOAD
    assert names(target.parent) == ["a.zip"]
    assert json.loads((tmp_path / "sha256.json").read_text()) == {"a.zip": DIGEST}
    assert names(tmp_path) == ["raw", "sha256.json"]
    asked = len(server.asked)
    assert one(server, tmp_path) == Fetched(target, DIGEST, len(PAYLOAD), None)
    assert len(server.asked) == asked


def test_a_file_that_changes_after_first_use_is_refused(server: Server, tmp_path: Path) -> None:
    one(server, tmp_path)
    target = tmp_path / "raw" / "a.zip"
    other = zipped()
    target.write_bytes(other)
    got = hashlib.sha256(other).hexdigest()
    both = f"has SHA-256 {got}, but {DIGEST} was noted in .*delete the line of a.zip"
    with pytest.raises(ArchiveError, match=both):
        one(server, tmp_path)
    assert target.read_bytes() == other
    target.unlink()
    server.pages["a.zip"].body = other
    with pytest.raises(ArchiveError, match=both):
        one(server, tmp_path)
    assert names(target.parent) == []


def test_a_pinned_sha256_or_size_that_differs(server: Server, tmp_path: Path) -> None:
    pinned = RemoteFile("a.zip", (server.url("a.zip"),), sha256="0" * 64)
    with pytest.raises(ArchiveError, match=f"a.zip has SHA-256 {DIGEST}, expected {'0' * 64}; get it again"):
        one(server, tmp_path, pinned)
    sized = RemoteFile("a.zip", (server.url("a.zip"),), size=len(PAYLOAD) + 1)
    with pytest.raises(ArchiveError, match=f"has {len(PAYLOAD)} bytes, expected {len(PAYLOAD) + 1}"):
        one(server, tmp_path, sized)
    assert names(tmp_path / "raw") == []
    assert not (tmp_path / "sha256.json").exists()


def test_progress_is_shown(server: Server, tmp_path: Path) -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=120)
    one(server, tmp_path, console=console)
    assert isinstance(console.file, io.StringIO)
    assert "a.zip" in console.file.getvalue()
    assert f"{len(PAYLOAD) / 1000:.1f}/{len(PAYLOAD) / 1000:.1f} kB" in console.file.getvalue()


# --- continuing


def test_continues_where_the_line_dropped(server: Server, tmp_path: Path) -> None:
    server.pages["a.zip"].script = [{"drop": 100_000}, {"drop": 150_000}]
    assert one(server, tmp_path).sha256 == DIGEST
    assert server.gets("Range") == [None, "bytes=100000-", "bytes=250000-"]
    assert server.gets("If-Range") == [None, '"one"', '"one"']
    assert server.gets("Accept-Encoding") == ["identity"] * 3


def test_continues_by_date_where_the_etag_is_weak(server: Server, tmp_path: Path) -> None:
    date = "Wed, 21 Oct 2015 07:28:00 GMT"
    server.pages["a.zip"].etag, server.pages["a.zip"].modified = 'W/"one"', date
    server.pages["a.zip"].script = [{"drop": 100_000}]
    assert one(server, tmp_path).sha256 == DIGEST
    assert server.gets("If-Range") == [None, date]


@pytest.mark.parametrize("if_range", [True, False])
def test_a_file_that_changed_between_ranges_is_fetched_afresh(
    server: Server, if_range: bool, tmp_path: Path
) -> None:
    server.pages["a.zip"].etag = '"two"'
    server.pages["a.zip"].if_range = if_range  # some servers pass over If-Range
    server.pages["a.zip"].script = [{"drop": 100_000, "body": zipped(), "etag": '"one"'}]
    assert one(server, tmp_path).sha256 == DIGEST
    assert server.gets("Range") == [None, "bytes=100000-"] + ([] if if_range else [None])


def test_a_cut_that_no_length_tells(server: Server, tmp_path: Path) -> None:
    server.pages["a.zip"] = Page(length=False, script=[{"drop": 100_000}])
    with pytest.raises(ArchiveError, match=r"a\.zip has no end of a \.zip file: it was cut off"):
        one(server, tmp_path)
    assert one(server, tmp_path).sha256 == DIGEST


def test_a_server_without_ranges_or_validators(server: Server, tmp_path: Path) -> None:
    server.pages["a.zip"].ranges = False
    server.pages["a.zip"].script = [{"drop": 100_000}]
    assert one(server, tmp_path).sha256 == DIGEST
    (tmp_path / "raw" / "a.zip").unlink()
    (tmp_path / "sha256.json").unlink()
    server.asked.clear()
    server.pages["a.zip"] = Page(etag=None, script=[{"drop": 100_000}])
    assert one(server, tmp_path).sha256 == DIGEST
    assert server.gets("Range") == [None, None]  # nothing vouches for the part


def test_a_known_sha256_vouches_for_a_part_without_validator(server: Server, tmp_path: Path) -> None:
    server.pages["a.zip"] = Page(etag=None, script=[{"drop": 100_000}])
    assert one(server, tmp_path, RemoteFile("a.zip", (server.url("a.zip"),), sha256=DIGEST)).sha256 == DIGEST
    assert server.gets("Range") == [None, "bytes=100000-"]


def test_a_part_of_another_file_is_noticed_by_the_sha256(server: Server, tmp_path: Path) -> None:
    part = tmp_path / "raw" / "a.zip.part"
    part.parent.mkdir()
    part.write_bytes(os.urandom(100_000))
    assert one(server, tmp_path, RemoteFile("a.zip", (server.url("a.zip"),), sha256=DIGEST)).sha256 == DIGEST
    assert server.gets("Range") == ["bytes=100000-", None]


@pytest.mark.parametrize("wrong", ["bytes 0-9/10", "bytes 100000-100009/300000", "", "items 3"])
def test_a_wrong_range_is_not_taken(server: Server, wrong: str, tmp_path: Path) -> None:
    server.pages["a.zip"].script = [{"drop": 100_000}, {"content_range": wrong}]
    assert one(server, tmp_path).sha256 == DIGEST
    assert server.gets("Range") == [None, "bytes=100000-", None]


def test_a_complete_part_is_asked_about_and_renamed(server: Server, tmp_path: Path) -> None:
    part = tmp_path / "raw" / "a.zip.part"
    part.parent.mkdir()
    part.write_bytes(PAYLOAD)
    notes = {"address": server.url("a.zip"), "validator": '"one"'}
    part.with_name("a.zip.part.json").write_text(json.dumps(notes))
    assert one(server, tmp_path).sha256 == DIGEST
    assert server.gets("Range") == [f"bytes={len(PAYLOAD)}-"]
    assert names(part.parent) == ["a.zip"]


def test_a_complete_part_of_known_sha256_needs_no_server(tmp_path: Path) -> None:
    part = tmp_path / "raw" / "a.zip.part"
    part.parent.mkdir()
    part.write_bytes(PAYLOAD)
    file = RemoteFile("a.zip", ("http://127.0.0.1:1/a.zip",), sha256=DIGEST, size=len(PAYLOAD))
    result = fetch([file], part.parent, record=tmp_path / "sha256.json", retries=QUICK)
    assert result[0].sha256 == DIGEST


def test_a_part_longer_than_the_file_is_dropped(server: Server, tmp_path: Path) -> None:
    part = tmp_path / "raw" / "a.zip.part"
    part.parent.mkdir()
    part.write_bytes(PAYLOAD + b"more")
    notes = {"address": server.url("a.zip"), "validator": '"one"'}
    part.with_name("a.zip.part.json").write_text(json.dumps(notes))
    assert one(server, tmp_path).sha256 == DIGEST


@pytest.mark.parametrize("notes", ["{", "[]", "{}", '{"address": "elsewhere", "validator": "\\"one\\""}'])
def test_a_part_with_useless_notes_is_fetched_afresh(server: Server, notes: str, tmp_path: Path) -> None:
    part = tmp_path / "raw" / "a.zip.part"
    part.parent.mkdir()
    part.write_bytes(os.urandom(1000))
    part.with_name("a.zip.part.json").write_text(notes)
    assert one(server, tmp_path).sha256 == DIGEST
    assert server.gets("Range") == [None]


def test_a_killed_download_is_continued(server: Server, tmp_path: Path) -> None:
    server.pages["a.zip"].script = [{"stall": 120_000}]
    program = (
        "import sys; from pathlib import Path; from hanet.data.fetch import RemoteFile, fetch; "
        "fetch([RemoteFile('a.zip', (sys.argv[1],))], Path(sys.argv[2]), record=Path(sys.argv[3]))"
    )
    raw, record = tmp_path / "raw", tmp_path / "sha256.json"
    process = subprocess.Popen([sys.executable, "-c", program, server.url("a.zip"), str(raw), str(record)])
    part, deadline = raw / "a.zip.part", time.monotonic() + 60
    while not part.exists() or part.stat().st_size < 100_000:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    size = part.stat().st_size
    assert names(raw) == ["a.zip.part", "a.zip.part.json"]
    assert one(server, tmp_path).sha256 == DIGEST
    assert server.gets("Range") == [None, f"bytes={size}-"]
    assert names(raw) == ["a.zip"]


# --- trying again


def test_stalls_and_server_errors_are_tried_again(
    server: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server.pages["a.zip"].script = [{"status": 500}, {"stall": 50_000}, {"status": 503}]
    assert one(server, tmp_path, timeout=0.2).sha256 == DIGEST
    assert server.gets("Range") == [None, None, "bytes=50000-", "bytes=50000-"]
    assert "a.zip: attempt 1 of 4: HTTPStatusError: 127.0.0.1 answered 500" in caplog.text
    assert "attempt 2 of 4: ReadTimeout" in caplog.text


def test_truncation_is_noticed_and_given_up_in_the_end(server: Server, tmp_path: Path) -> None:
    server.pages["a.zip"].script = [{"drop": 1000} for _ in range(4)]
    with pytest.raises(
        ArchiveError, match=r"not fetched in 4 attempts; the last one: RemoteProtocolError.*Run"
    ):
        one(server, tmp_path)
    part = tmp_path / "raw" / "a.zip.part"
    assert part.stat().st_size == 4000
    assert one(server, tmp_path).sha256 == DIGEST  # the next run goes on from there
    assert server.gets("Range")[-1] == "bytes=4000-"


def test_nobody_listens(tmp_path: Path) -> None:
    file = RemoteFile("a.zip", ("http://127.0.0.1:1/a.zip",))
    with pytest.raises(ArchiveError, match=r"not fetched in one attempt; the last one: ConnectError"):
        fetch([file], tmp_path, record=tmp_path / "sha256.json", retries=Retries(attempts=1))


def test_the_wait_that_a_server_asks_for(server: Server, tmp_path: Path) -> None:
    server.pages["a.zip"].script = [{"status": 429, "headers": {"Retry-After": "1"}}]
    before = time.monotonic()
    assert one(server, tmp_path).sha256 == DIGEST
    assert time.monotonic() - before >= 1
    (tmp_path / "raw" / "a.zip").unlink()
    server.pages["a.zip"].script = [{"status": 503, "headers": {"Retry-After": "3600"}}]
    with pytest.raises(ArchiveError, match=r"in one attempt; .*The server asks to wait 3600 s\. Run again"):
        one(server, tmp_path)


def test_retry_after_in_every_form() -> None:
    def error(value: str | None) -> httpx2.HTTPStatusError:
        headers = {} if value is None else {"Retry-After": value}
        request = httpx2.Request("GET", "http://a.invalid")
        return httpx2.HTTPStatusError(
            "", request=request, response=httpx2.Response(503, headers=headers, request=request)
        )

    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=30))
    assert retry_after(error("7")) == 7
    assert 25 < (retry_after(error(soon)) or 0) <= 30
    assert retry_after(error("Wed, 21 Oct 2015 07:28:00 -0000")) == 0
    assert retry_after(error("soon")) is None
    assert retry_after(error(None)) is None
    assert retry_after(httpx2.ReadTimeout("")) is None


def test_pauses_grow_with_jitter_up_to_the_longest() -> None:
    retries = Retries(attempts=9, pause=1.0, longest=20.0)
    for attempt, middle in enumerate((1.0, 2.0, 4.0, 8.0), 1):
        waits = [retries.seconds(attempt) for _ in range(50)]
        assert all(middle / 2 <= wait <= middle * 1.5 for wait in waits)
        assert len(set(waits)) > 1
    assert retries.seconds(9) == 20
    with pytest.raises(ValueError, match="attempts of at least 1"):
        Retries(attempts=0)


# --- refusals


@pytest.mark.parametrize(
    ("status", "why"),
    [(401, "wants credentials"), (403, "wants an account"), (404, "is not there"), (418, "refuses the file")],
)
def test_refusals_are_final_and_say_what_to_do(server: Server, status: int, why: str, tmp_path: Path) -> None:
    server.pages["a.zip"].script = [{"status": status}]
    file = RemoteFile("a.zip", (server.url("a.zip?token=secret"),), help="See the page.")
    with pytest.raises(
        ArchiveError, match=rf"answered {status} .*{why}.*; See the page; .*put it at .*a\.zip"
    ) as e:
        one(server, tmp_path, file)
    assert server.gets("Range") == [None]
    assert "secret" not in str(e.value)


def test_a_login_page_is_not_taken_for_the_file(server: Server, tmp_path: Path) -> None:
    server.pages["a.zip"] = Page(LOGIN, kind="text/html; charset=utf-8")
    with pytest.raises(
        ArchiveError, match=r"answered with a web page instead of a\.zip, most likely a login"
    ):
        one(server, tmp_path)
    server.pages["a.zip"] = Page(LOGIN)  # called binary
    with pytest.raises(ArchiveError, match=r"a\.zip is a web page, not a \.zip file"):
        one(server, tmp_path)
    assert names(tmp_path / "raw") == []
    server.pages["a.html"] = Page(LOGIN, kind="text/html")
    assert one(server, tmp_path, RemoteFile("a.html", (server.url("a.html"),))).size == len(LOGIN)


def test_another_kind_of_file(server: Server, tmp_path: Path) -> None:
    file = RemoteFile("a.tar.gz", (server.url("a.zip"),))
    with pytest.raises(ArchiveError, match=r"begins with b'PK.*which no \.gz file does"):
        one(server, tmp_path, file)


# --- many files and mirrors


def test_one_failure_loses_no_other_file(server: Server, tmp_path: Path) -> None:
    files = []
    for name in "abcdef":
        body = zipped(1000)
        server.pages[f"{name}.zip"] = Page(body)
        files.append(RemoteFile(f"{name}.zip", (server.url(f"{name}.zip"),)))
    server.pages["b.zip"].script = [{"status": 403}]
    del server.pages["e.zip"]
    raw, record = tmp_path / "raw", tmp_path / "sha256.json"
    with pytest.raises(ArchiveError, match=r"2 of 6 files(.|\n)*b\.zip: .*403(.|\n)*e\.zip: .*404"):
        fetch(files, raw, record=record, workers=3, retries=QUICK)
    assert names(raw) == ["a.zip", "c.zip", "d.zip", "f.zip"]
    assert sorted(json.loads(record.read_text())) == names(raw)
    server.pages["e.zip"] = Page(zipped(1000))
    results = fetch(files, raw, record=record, workers=3, retries=QUICK)
    assert [result.path.name for result in results] == [file.name for file in files]
    assert [result.address is None for result in results] == [True, False, True, True, False, True]


def test_files_are_fetched_at_the_same_time(server: Server, tmp_path: Path) -> None:
    """Neither transfer goes on before both have begun."""
    files = []
    for name in ("a.zip", "b.zip"):
        server.pages[name] = Page(script=[{"stall": 10}])
        files.append(RemoteFile(name, (server.url(name),)))
    barrier = threading.Thread(target=lambda: _when(lambda: len(server.gets("Range")) == 2, server.released))
    barrier.start()
    results = fetch(files, tmp_path / "raw", record=tmp_path / "sha256.json", workers=2, retries=QUICK)
    barrier.join()
    assert [result.sha256 for result in results] == [DIGEST] * 2


def _when(condition, event: threading.Event) -> None:
    deadline = time.monotonic() + 8
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.005)
    if condition():
        event.set()


def test_mirrors_in_turn(servers: tuple[Server, Server], server: Server, tmp_path: Path) -> None:
    urls = (servers[1].url("a.zip"), server.url("a.zip"))
    assert one(server, tmp_path, RemoteFile("a.zip", urls)).address == urls[1]
    server.pages.clear()
    (tmp_path / "raw" / "a.zip").unlink()
    with pytest.raises(ArchiveError, match=r"404 .*\. Next address: .*404 "):
        one(server, tmp_path, RemoteFile("a.zip", urls))


@pytest.mark.parametrize("form", ["folder", "file", "file://", "folder://"])
def test_local_mirrors(form: str, tmp_path: Path) -> None:
    mirror = tmp_path / "my mirror"
    mirror.mkdir()
    (mirror / "a.zip").write_bytes(PAYLOAD)
    path = mirror if form.startswith("folder") else mirror / "a.zip"
    address = path.as_uri() if form.endswith("://") else str(path)
    file = RemoteFile("a.zip", ("/nowhere/at/all", address))
    (result,) = fetch([file], tmp_path / "raw", record=tmp_path / "sha256.json")
    assert result == Fetched(tmp_path / "raw" / "a.zip", DIGEST, len(PAYLOAD), address)
    assert names(tmp_path / "raw") == ["a.zip"]


def test_a_damaged_mirror_gives_way_to_the_next(server: Server, tmp_path: Path) -> None:
    (tmp_path / "mirror").mkdir()
    (tmp_path / "mirror" / "a.zip").write_bytes(b"damaged")
    urls = (str(tmp_path / "mirror"), server.url("a.zip"))
    assert one(server, tmp_path, RemoteFile("a.zip", urls)).address == urls[1]


def test_an_interrupt_ends_the_whole(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An interrupt while files are on their way: they stop at once, and their parts stay."""
    server.pages["a.zip"].script = [{"status": 503, "headers": {"Retry-After": "100"}}]

    def interrupted(futures: list) -> None:
        _when(lambda: server.gets("Range"), threading.Event())
        raise KeyboardInterrupt

    monkeypatch.setattr("hanet.data.fetch.wait", interrupted)
    before = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        one(server, tmp_path)
    assert time.monotonic() - before < 20

    server.pages["a.zip"].script = [{"stall": 100_000}]
    server.asked.clear()
    threading.Timer(0.3, server.released.set).start()
    with pytest.raises(KeyboardInterrupt):
        one(server, tmp_path)


def test_a_fault_of_ours_is_not_told_as_a_server_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hanet.data.fetch.transfer", lambda *args, **options: 1 / 0)
    file = RemoteFile("a.zip", ("http://127.0.0.1:1/a.zip",))
    with pytest.raises(ZeroDivisionError):
        fetch([file], tmp_path, record=tmp_path / "sha256.json")


# --- room


@pytest.fixture
def nearly_full(monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(verify.shutil, "disk_usage", lambda path: usage(10**9, 0, 500_000))


@pytest.mark.usefixtures("nearly_full")
def test_no_room_is_noticed_before_a_byte_is_written(server: Server, tmp_path: Path) -> None:
    server.pages["b.zip"] = Page()
    files = [RemoteFile(name, (server.url(name),)) for name in ("a.zip", "b.zip")]
    with pytest.raises(
        ArchiveError, match=r"raw has 0 MB free, what is to be fetched and unpacked needs 1 MB more"
    ):
        fetch(files, tmp_path / "raw", record=tmp_path / "sha256.json")
    assert names(tmp_path) == []
    assert server.gets("Range") == []
    assert one(server, tmp_path).sha256 == DIGEST  # one of them fits
    with pytest.raises(ArchiveError, match="raw has 0 MB free"):
        one(server, tmp_path, unpacked_bytes=500_001)


@pytest.mark.usefixtures("nearly_full")
def test_a_part_needs_no_room_again(server: Server, tmp_path: Path) -> None:
    file = RemoteFile("a.zip", (server.url("a.zip"),), size=600_000)
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "a.zip.part").write_bytes(bytes(100_000))
    with pytest.raises(ArchiveError, match="has 300"):  # gets as far as the size of what came
        one(server, tmp_path, file)


@pytest.mark.usefixtures("nearly_full")
def test_a_size_that_only_the_answer_tells(server: Server, tmp_path: Path) -> None:
    server.pages["a.zip"] = Page(zipped(600_000), head=405)
    with pytest.raises(ArchiveError, match=r"raw has 0 MB free, a\.zip needs 1 MB more"):
        one(server, tmp_path)
    assert names(tmp_path / "raw") == []


# --- credentials

SECRET = "s3cr3t-w0rd"


def test_credentials_do_not_follow_a_redirect(
    servers: tuple[Server, Server],
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    elsewhere = servers[1].url("a.zip", host="localhost") + "?signature=abc"
    servers[1].pages["a.zip"] = Page()
    monkeypatch.setenv("HANET_TEST_TOKEN", SECRET)
    for header in ("Authorization", "PRIVATE-TOKEN"):
        server.pages["a.zip"].script = [{"status": 302, "headers": {"Location": elsewhere}}]
        server.asked.clear()
        servers[1].asked.clear()
        host = f"127.0.0.1:{server.server_port}"
        file = RemoteFile(
            "a.zip", (server.url("a.zip?key=xyz"),), credentials=Credentials("HANET_TEST", host, header)
        )
        result = one(server, tmp_path, file)
        assert result.address == server.url("a.zip?…")
        assert all(SECRET in asked[2][header] for asked in server.asked)
        assert len(servers[1].asked) == 1
        assert SECRET not in str(servers[1].asked)
        result.path.unlink()
    assert "xyz" not in caplog.text
    assert "HTTP Request" in caplog.text
    assert SECRET not in caplog.text


def test_user_and_password_reach_only_their_host(
    servers: tuple[Server, Server], server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HANET_TEST_USER", "me")
    monkeypatch.setenv("HANET_TEST_PASSWORD", SECRET)
    credentials = Credentials("HANET_TEST", f"127.0.0.1:{server.server_port}")
    urls = (servers[1].url("a.zip"), server.url("a.zip"))
    one(server, tmp_path, RemoteFile("a.zip", urls, credentials=credentials))
    assert set(servers[1].gets("Authorization")) == {None}
    assert server.gets("Authorization") == ["Basic bWU6czNjcjN0LXcwcmQ="]


def test_refused_credentials_are_named_and_not_shown(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = RemoteFile(
        "a.zip",
        (server.url("a.zip"),),
        credentials=Credentials("HANET_TEST", f"127.0.0.1:{server.server_port}"),
    )
    with pytest.raises(
        ArchiveError, match="wants credentials: set the environment variables HANET_TEST_USER and"
    ):
        one(server, tmp_path, file)
    assert server.asked == []
    monkeypatch.setenv("HANET_TEST_TOKEN", SECRET)
    server.pages["a.zip"].script = [{"status": 401}]
    with pytest.raises(
        ArchiveError, match=r"401 .*check the environment variables HANET_TEST_USER and"
    ) as caught:
        one(server, tmp_path, file)
    assert SECRET not in str(caught.value)
    monkeypatch.setenv("HANET_TEST_TOKEN", f"{SECRET}\n")
    with pytest.raises(ArchiveError, match="HANET_TEST_TOKEN holds a space, a line break") as caught:
        one(server, tmp_path, file)
    assert SECRET not in str(caught.value)


# --- descriptions


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "../a.zip"}, "plain file name"),
        ({"name": "a.zip.part"}, "plain file name"),
        ({"name": ""}, "plain file name"),
        ({"urls": ()}, "name at least one address"),
        ({"urls": ("ftp://a.invalid/x",)}, "https://, http://, file:// or a path, got 'ftp://a.invalid/x'"),
        ({"urls": ("",)}, "file:// or a path, got ''"),
        ({"urls": ("https:///x",)}, "needs a host"),
        ({"urls": ("https://me:pw?secret@a.invalid/x",)}, "needs a host.*got 'https://me:pw?…'"),
        ({"urls": ("https://me:secret@a.invalid/x?q",)}, "no user or password.*got 'https://a.invalid/x?…'"),
        ({"sha256": "ABC"}, "64 lower-case hexadecimal digits, got 'ABC'"),
        ({"size": 0}, "size must be at least 1 byte"),
    ],
)
def test_descriptions_that_cannot_be_meant(changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message.replace("?", r"\?")) as caught:
        RemoteFile(**{"name": "a.zip", "urls": ("https://a.invalid/a.zip",), **changes})
    assert "secret" not in str(caught.value)


def test_two_files_of_one_name_and_no_worker(tmp_path: Path) -> None:
    file = RemoteFile("a.zip", ("https://a.invalid/a.zip",))
    for files, workers in (([file, file], 4), ([file], 0)):
        with pytest.raises(ValueError, match="different names and at least one worker"):
            fetch(files, tmp_path, record=tmp_path / "sha256.json", workers=workers)
