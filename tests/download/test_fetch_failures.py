"""Stalls, server errors, refusals, and a full disk."""

from __future__ import annotations

import time
from collections import namedtuple
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import httpx2
import pytest

from hanet.download import verify
from hanet.download.fetch import RemoteFile, Retries, fetch
from hanet.download.transfer import retry_after
from hanet.download.unpack import ArchiveError
from tests.support.failing_server import DIGEST, LOGIN, Page, Server, names, one, zipped

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
    [(401, "needs credentials"), (403, "needs an account"), (404, "is not there"), (418, "refuses the file")],
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
    with pytest.raises(ArchiveError, match=r"begins with b'PK.*expected the first bytes of a \.gz file"):
        one(server, tmp_path, file)


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
