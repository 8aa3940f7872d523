"""Archives fetched from a package index on the loopback, extracted from archives made here."""

from __future__ import annotations

import base64
import hashlib
import logging
import os
import shutil
import threading
from collections import namedtuple
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from rich.progress import Progress

from hanet.download.package_index import pip_settings
from hanet.download.packages import Archive, ArchiveError, PackageIndex, fetch

FILENAME = "clips-1.0-cp39-cp39-win_amd64.whl"  # a platform these tests do not run on
PAYLOAD = os.urandom(300_000)
ARCHIVE = Archive("clips==1.0", FILENAME, hashlib.sha256(PAYLOAD).hexdigest(), ("a",), "MIT", "made here")


class Index(ThreadingHTTPServer):
    """A simple index with one project, whose behaviour a test sets."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.payload = PAYLOAD
        self.ranges = True
        self.send_at_most: list[int] = []  # for each file request in turn, bytes before the line drops
        self.statuses: list[int] = []  # for each file request in turn, a status to answer instead
        self.index_statuses: list[int] = []
        self.content_range = ""  # overrides the right answer
        self.length = True
        self.password = ""
        self.asked: list[str | None] = []  # Range header of every file request

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/simple"

    def package_index(self) -> PackageIndex:
        return PackageIndex((self.url,), timeout=5.0)


class Handler(BaseHTTPRequestHandler):
    server: Index

    def do_GET(self) -> None:
        index = self.server
        path = self.path.removeprefix("http://clips.invalid")  # as a proxy is asked
        wanted = "Basic " + base64.b64encode(f"user:{index.password}".encode()).decode()
        if index.password and self.headers.get("Authorization") != wanted:
            self.answer(401, b"")
        elif path == "/simple/clips/":
            status = index.index_statuses.pop(0) if index.index_statuses else 200
            page = f'<a href="/files/{FILENAME}">{FILENAME}</a> <a href="/files/clips-1.0.tar.gz">sdist</a>'
            self.answer(status, page.encode())
        elif path == f"/files/{FILENAME}":
            self.file()
        else:
            self.answer(404, b"")

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def file(self) -> None:
        index = self.server
        asked = self.headers.get("Range")
        index.asked.append(asked)
        if index.statuses and (status := index.statuses.pop(0)) != 200:
            return self.answer(status, b"")
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and index.ranges else 0
        if start >= len(index.payload):
            return self.answer(416, b"")
        body = index.payload[start:]
        self.send_response(206 if start else 200)
        if start:
            right = f"bytes {start}-{len(index.payload) - 1}/{len(index.payload)}"
            self.send_header("Content-Range", index.content_range or right)
        if index.length:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: index.send_at_most.pop(0)] if index.send_at_most else body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def index() -> Iterator[Index]:
    server = Index()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def _no_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the machine that runs the tests reaches them."""
    for name in list(os.environ):
        if name.startswith("PIP_") or name.lower().endswith("_proxy") or name.endswith("CA_BUNDLE"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("NETRC", os.devnull)


def test_fetches_a_wheel_of_another_platform(index: Index, tmp_path: Path) -> None:
    path = fetch(ARCHIVE, tmp_path / "new", index=index.package_index())
    assert path == tmp_path / "new" / FILENAME
    assert path.read_bytes() == PAYLOAD
    assert [p.name for p in path.parent.iterdir()] == [FILENAME]


def test_a_verified_file_is_not_fetched_again(index: Index, tmp_path: Path) -> None:
    (tmp_path / FILENAME).write_bytes(PAYLOAD)
    nowhere = PackageIndex(())
    assert fetch(ARCHIVE, tmp_path, index=nowhere) == tmp_path / FILENAME


def test_a_complete_part_is_verified_and_renamed(tmp_path: Path) -> None:
    (tmp_path / f"{FILENAME}.part").write_bytes(PAYLOAD)
    assert fetch(ARCHIVE, tmp_path, index=PackageIndex(())).read_bytes() == PAYLOAD
    assert not (tmp_path / f"{FILENAME}.part").exists()


def test_a_changed_file_under_the_name_is_replaced(index: Index, tmp_path: Path) -> None:
    (tmp_path / FILENAME).write_bytes(b"changed")
    assert fetch(ARCHIVE, tmp_path, index=index.package_index()).read_bytes() == PAYLOAD


def test_resumes_where_the_line_dropped(index: Index, tmp_path: Path) -> None:
    index.send_at_most = [100_000, 150_000]
    assert fetch(ARCHIVE, tmp_path, index=index.package_index(), pause=0.0).read_bytes() == PAYLOAD
    assert index.asked == [None, "bytes=100000-", "bytes=250000-"]


def test_resumes_what_an_earlier_call_left(index: Index, tmp_path: Path) -> None:
    index.send_at_most = [100_000]
    with pytest.raises(ArchiveError, match=r"could not be fetched in 1 attempts.*Run again to continue"):
        fetch(ARCHIVE, tmp_path, index=index.package_index(), attempts=1)
    assert (tmp_path / f"{FILENAME}.part").read_bytes() == PAYLOAD[:100_000]
    assert fetch(ARCHIVE, tmp_path, index=index.package_index()).read_bytes() == PAYLOAD
    assert index.asked == [None, "bytes=100000-"]


def test_an_index_that_ignores_ranges_starts_over(index: Index, tmp_path: Path) -> None:
    index.ranges = False
    index.send_at_most = [100_000]
    assert fetch(ARCHIVE, tmp_path, index=index.package_index(), pause=0.0).read_bytes() == PAYLOAD
    assert index.asked == [None, "bytes=100000-"]


def test_a_wrong_range_is_dropped(index: Index, tmp_path: Path) -> None:
    index.send_at_most = [100_000]
    index.content_range = "bytes 5-299999/300000"
    assert fetch(ARCHIVE, tmp_path, index=index.package_index(), pause=0.0).read_bytes() == PAYLOAD
    assert index.asked == [None, "bytes=100000-", None]


def test_a_part_longer_than_the_file_is_dropped(index: Index, tmp_path: Path) -> None:
    (tmp_path / f"{FILENAME}.part").write_bytes(bytes(len(PAYLOAD) + 1))
    assert fetch(ARCHIVE, tmp_path, index=index.package_index(), pause=0.0).read_bytes() == PAYLOAD
    assert index.asked == ["bytes=300001-", None]


def test_a_part_of_another_file_is_fetched_afresh(index: Index, tmp_path: Path) -> None:
    (tmp_path / f"{FILENAME}.part").write_bytes(bytes(1000))
    assert fetch(ARCHIVE, tmp_path, index=index.package_index()).read_bytes() == PAYLOAD
    assert index.asked == ["bytes=1000-", None]


def test_always_truncated_gives_up(index: Index, tmp_path: Path) -> None:
    index.ranges = False
    index.send_at_most = [10, 10, 10]
    with pytest.raises(ArchiveError, match=r"in 3 attempts; the last one: RemoteProtocolError"):
        fetch(ARCHIVE, tmp_path, index=index.package_index(), attempts=3, pause=0.0)
    assert not (tmp_path / FILENAME).exists()


@pytest.mark.parametrize("where", ["statuses", "index_statuses"])
def test_a_busy_server_is_asked_again(index: Index, tmp_path: Path, where: str) -> None:
    setattr(index, where, [500, 200])
    assert fetch(ARCHIVE, tmp_path, index=index.package_index(), pause=0.0).read_bytes() == PAYLOAD


def test_waits_longer_each_time(index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    index.statuses = [503, 429, 500]
    fetch(ARCHIVE, tmp_path, index=index.package_index(), pause=0.5)
    assert slept == [0.5, 1.0, 2.0]


def test_a_refused_file_is_not_asked_again(index: Index, tmp_path: Path) -> None:
    index.statuses = [404]
    with pytest.raises(ArchiveError, match=rf"/files/{FILENAME}: the server answered 404"):
        fetch(ARCHIVE, tmp_path, index=index.package_index())
    assert index.asked == [None]


def test_a_changed_file_is_refused_and_deleted(index: Index, tmp_path: Path) -> None:
    index.payload = b"another file"
    got = hashlib.sha256(index.payload).hexdigest()
    with pytest.raises(
        ArchiveError, match=rf"{FILENAME} has SHA-256 {got}, expected {ARCHIVE.sha256}"
    ) as error:
        fetch(ARCHIVE, tmp_path, index=index.package_index())
    assert "try another index" in str(error.value)
    assert list(tmp_path.iterdir()) == []
    assert index.asked == [None]


def test_without_a_length_the_hash_decides(index: Index, tmp_path: Path) -> None:
    index.length = False
    assert fetch(ARCHIVE, tmp_path / "a", index=index.package_index()).read_bytes() == PAYLOAD
    index.send_at_most = [1000]
    with pytest.raises(ArchiveError, match="has SHA-256"):
        fetch(ARCHIVE, tmp_path / "b", index=index.package_index())


def test_an_absent_file_names_what_is_offered(index: Index, tmp_path: Path) -> None:
    absent = Archive("clips==1.0", "clips-1.0-py3-none-any.whl", ARCHIVE.sha256, ("a",), "MIT", "")
    with pytest.raises(
        ArchiveError, match=rf"offers clips-1.0-py3-none-any.whl.*they offer {FILENAME}, clips-1"
    ):
        fetch(absent, tmp_path, index=index.package_index())


def test_a_dead_index_does_not_hide_a_living_one(index: Index, tmp_path: Path) -> None:
    dead = "http://user:secret@127.0.0.1:9/simple"  # the discard port: nothing listens
    both = PackageIndex((dead, index.url), timeout=5.0)
    assert fetch(ARCHIVE, tmp_path / "a", index=both).read_bytes() == PAYLOAD
    with pytest.raises(ArchiveError, match="in 2 attempts; the last one: ConnectError"):
        fetch(ARCHIVE, tmp_path / "b", index=PackageIndex((dead,), timeout=5.0), attempts=2, pause=0.0)


def test_a_full_disk_is_told_before_writing(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")(10, 10, 1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(ArchiveError, match=r"0 MB free, clips-1.0-.* needs 0 MB more: make room"):
        fetch(ARCHIVE, tmp_path, index=index.package_index())
    assert list(tmp_path.iterdir()) == []


def test_files_and_folders_serve_as_an_index(tmp_path: Path) -> None:
    links = tmp_path / "links with space"
    links.mkdir()
    (links / FILENAME).write_bytes(PAYLOAD)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / f"{FILENAME}.part").write_bytes(PAYLOAD[:1000])
    index = PackageIndex((), find_links=(links.as_uri(), (tmp_path / "absent").as_uri()))
    assert fetch(ARCHIVE, tmp_path / "out", index=index).read_bytes() == PAYLOAD


def test_progress_counts_bytes(index: Index, tmp_path: Path) -> None:
    index.send_at_most = [100_000]
    progress = Progress(disable=True)
    fetch(ARCHIVE, tmp_path, index=index.package_index(), progress=progress, pause=0.0)
    (task,) = progress.tasks
    assert (task.description, task.completed, task.total) == (FILENAME, 300_000, 300_000)


def test_attempts_must_be_positive(index: Index, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="attempts must be at least 1, got 0"):
        fetch(ARCHIVE, tmp_path, index=index.package_index(), attempts=0)


def test_pips_configuration_is_honoured(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """PIP_INDEX_URL with credentials; the password reaches the server and nothing else."""
    index.password = "hunter2"
    monkeypatch.setenv("PIP_INDEX_URL", index.url.replace("://", "://user:hunter2@"))
    with caplog.at_level(logging.DEBUG):
        assert fetch(ARCHIVE, tmp_path, attempts=1).read_bytes() == PAYLOAD
    assert "hunter2" not in caplog.text
    assert "127.0.0.1" in caplog.text  # the log did hear of it


def test_errors_hide_credentials(index: Index, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    url = index.url.replace("://", "://user:hunter2@")
    assert "hunter2" not in repr(PackageIndex((url,), find_links=(url,), proxy=url))
    index.index_statuses = [500]
    with caplog.at_level(logging.DEBUG), pytest.raises(ArchiveError) as error:
        fetch(ARCHIVE, tmp_path, index=PackageIndex((url,)), attempts=1)
    assert "HTTPStatusError: 127.0.0.1 answered 500" in str(error.value)
    assert "hunter2" not in caplog.text + str(error.value) + repr(error.value.__cause__)


def test_a_proxy_leads_to_the_index(index: Index, tmp_path: Path) -> None:
    url, proxy = "http://clips.invalid/simple", f"http://127.0.0.1:{index.server_port}"
    trusting = PackageIndex((url,), trusted_hosts=("clips.invalid",), proxy=proxy)
    assert fetch(ARCHIVE, tmp_path / "a", index=trusting, attempts=1).read_bytes() == PAYLOAD
    # Plain HTTP to another host than this one takes trusted-host, as with pip.
    with pytest.raises(ArchiveError, match="they offer nothing"):
        fetch(ARCHIVE, tmp_path / "b", index=PackageIndex((url,), proxy=proxy), attempts=1)


def test_wrong_credentials(index: Index, tmp_path: Path) -> None:
    index.password = "hunter2"
    with pytest.raises(ArchiveError, match=r"none of the 1 .* they offer nothing"):
        fetch(ARCHIVE, tmp_path, index=index.package_index())


def test_pip_settings_merge_files_and_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "pip.conf"
    links = tmp_path / "links"
    file.write_text(
        f"[global]\nindex-url = https://one.invalid/simple\nextra-index-url =\n  https://two.invalid/simple\n"
        f"  https://three.invalid/simple\nfind-links = {links}\ntrusted-host = a.invalid b.invalid:8080\n"
        "proxy = http://proxy.invalid:3128\ntimeout = 7\n"
        "[install]\nindex-url = https://four.invalid/simple\n[wheel]\nindex-url = https://never.invalid\n"
    )
    monkeypatch.setenv("PIP_CONFIG_FILE", str(file))
    monkeypatch.setenv("PIP_QUIET", "1")
    monkeypatch.setenv("PIP_TIMEOUT", "9")
    monkeypatch.setenv("PIP_PROXY", "")
    index = PackageIndex.from_pip()
    assert index.index_urls == (
        "https://four.invalid/simple",
        "https://two.invalid/simple",
        "https://three.invalid/simple",
    )
    assert index.find_links == (links.as_uri(),)
    assert index.trusted_hosts == ("a.invalid", "b.invalid:8080")
    assert index.proxy == "http://proxy.invalid:3128"  # pip, too, ignores an empty variable
    assert index.timeout == 9.0
    with index.client() as client:
        assert client.timeout.read == 9.0
        assert ("*", "b.invalid", "8080") in client.iter_secure_origins()


def test_without_settings_there_is_one_index_and_offline_none(monkeypatch: pytest.MonkeyPatch) -> None:
    # Machine-wide files are read even where PIP_CONFIG_FILE is empty on some platforms: fake the listing.
    settings: dict[str, str] = {}
    monkeypatch.setattr("hanet.download.package_index.pip_settings", lambda: settings)
    index = PackageIndex.from_pip()
    assert len(index.index_urls) == 1
    assert index.index_urls[0].startswith("https://")
    assert (index.find_links, index.trusted_hosts, index.ca_bundle, index.timeout) == ((), (), None, 15.0)
    settings["extra-index-url"] = "https://extra.invalid/simple"
    assert PackageIndex.from_pip().index_urls == (*index.index_urls, "https://extra.invalid/simple")
    settings["no-index"] = "true"
    assert PackageIndex.from_pip().index_urls == ()


def test_broken_pip_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "pip.conf"
    file.write_text("https://user:hunter2@host.invalid\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(file))
    with pytest.raises(ArchiveError, match="pip config list` failed with status") as error:
        pip_settings()
    assert "hunter2" not in str(error.value)


def test_certificates(tmp_path: Path) -> None:
    import certifi

    for bundle in (certifi.where(), str(tmp_path)):
        with PackageIndex((), ca_bundle=bundle).client() as client:
            assert client.follow_redirects
    with pytest.raises(FileNotFoundError):
        PackageIndex((), ca_bundle=str(tmp_path / "absent.pem")).client()
    with pytest.raises(FileNotFoundError):
        PackageIndex((), client_cert=str(tmp_path / "absent.pem")).client()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"requirement": "clips"}, "requirement must pin one version"),
        ({"requirement": "clips>=1"}, "requirement must pin one version"),
        ({"filename": "../clips.whl"}, "filename must be a plain"),
        ({"filename": "clips.exe"}, "filename must be a plain"),
        ({"sha256": "abc"}, "sha256 must be 64 lower-case hexadecimal digits, got 'abc'"),
        ({"members": ()}, "members is empty"),
    ],
)
def test_an_archive_checks_its_pin(change: dict, message: str) -> None:
    good = {"requirement": "clips==1.0", "filename": FILENAME, "sha256": "0" * 64, "members": ("a",)}
    with pytest.raises(ValueError, match=message):
        Archive(**{**good, **change}, licence="MIT", source="")
