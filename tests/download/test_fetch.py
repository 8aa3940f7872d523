"""What comes is noted and verified; what was cut short is continued."""

from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rich.console import Console

from hanet.download.fetch import Fetched, RemoteFile, fetch
from hanet.download.unpack import ArchiveError
from tests.support.failing_server import DIGEST, PAYLOAD, QUICK, Page, Server, names, one, zipped

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
    both = f"has SHA-256 {got}, but {DIGEST} was recorded in .*delete the line of a.zip"
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
        "import sys; from pathlib import Path; from hanet.download.fetch import RemoteFile, fetch; "
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
