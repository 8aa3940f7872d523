"""Many files, mirrors, credentials, and descriptions that cannot be meant."""

from __future__ import annotations

import json
import logging
import threading
import time
from pathlib import Path

import pytest

from hanet.download.credentials import Credentials
from hanet.download.fetch import Fetched, RemoteFile, fetch
from hanet.download.unpack import ArchiveError
from tests.support.failing_server import DIGEST, PAYLOAD, QUICK, Page, Server, names, one, zipped

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

    monkeypatch.setattr("hanet.download.fetch.wait", interrupted)
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
    monkeypatch.setattr("hanet.download.fetch.transfer", lambda *args, **options: 1 / 0)
    file = RemoteFile("a.zip", ("http://127.0.0.1:1/a.zip",))
    with pytest.raises(ZeroDivisionError):
        fetch([file], tmp_path, record=tmp_path / "sha256.json")


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
        ArchiveError, match="needs credentials: set the environment variables HANET_TEST_USER and"
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
        ({"urls": ("https:///x",)}, "address with a host"),
        ({"urls": ("https://me:pw?secret@a.invalid/x",)}, "address with a host.*got 'https://me:pw?…'"),
        (
            {"urls": ("https://me:secret@a.invalid/x?q",)},
            "without user or password.*got 'https://a.invalid/x?…'",
        ),
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
