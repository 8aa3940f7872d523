"""Who may reach the Prefect server: its settings, without a server."""

from __future__ import annotations

import asyncio
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from prefect.settings import (
    PREFECT_API_AUTH_STRING,
    PREFECT_API_URL,
    PREFECT_SERVER_API_AUTH_STRING,
    temporary_settings,
)
from prefect.workers.process import ProcessJobConfiguration

from pipeline.server import access, serve
from pipeline.server.access import ALLOWED_HOSTS, AUTH, SERVER_AUTH, AccessError
from pipeline.server.pools import TEMPLATE

GIVEN = "user:0123456789abcdef"


def test_an_auth_string_is_generated_unless_one_is_given() -> None:
    one, two = access.choose_auth({}), access.choose_auth({})
    assert one != two
    assert len(one) >= 40
    assert access.choose_auth({AUTH: GIVEN}) == GIVEN
    assert access.choose_auth({SERVER_AUTH: GIVEN, AUTH: ""}) == GIVEN


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({AUTH: GIVEN, SERVER_AUTH: GIVEN + "!"}, "differ; set one of them"),
        ({AUTH: "admin:pass"}, r"at least 16 ASCII characters without spaces in \w+, got 10"),
        ({AUTH: "user:0123456789 abcdef"}, "without spaces"),
        ({AUTH: "user:0123456789äbcdef"}, "ASCII"),
    ],
)
def test_a_weak_auth_string_is_refused(environ: dict[str, str], message: str) -> None:
    with pytest.raises(AccessError, match=message):
        access.choose_auth(environ)


@pytest.mark.parametrize(
    ("host", "named", "expected"),
    [
        ("127.0.0.1", "", ["127.0.0.1", "localhost", "::1"]),
        ("10.0.0.1", "", ["127.0.0.1", "localhost", "::1", "10.0.0.1"]),
        ("0.0.0.0", "head, head.lan", ["127.0.0.1", "localhost", "::1", "head", "head.lan"]),
    ],
)
def test_hosts_that_are_allowed(host: str, named: str, expected: list[str]) -> None:
    assert access.allowed_hosts(host, {ALLOWED_HOSTS: named}) == expected


@pytest.mark.parametrize(
    ("host", "named", "message"),
    [
        ("0.0.0.0", "", "listens on every address; set PREFECT_ALLOWED_HOSTS"),
        ("::", " , ", "listens on every address"),
        ("127.0.0.1", "*", "expected host names separated by commas in PREFECT_ALLOWED_HOSTS, got '\\*'"),
        ("127.0.0.1", "http://head", "expected host names"),
    ],
)
def test_hosts_that_would_leave_it_open_or_unreachable(host: str, named: str, message: str) -> None:
    with pytest.raises(AccessError, match=message):
        access.allowed_hosts(host, {ALLOWED_HOSTS: named})


def test_addresses() -> None:
    assert access.local_address("127.0.0.1", 4200) == "http://127.0.0.1:4200"
    assert access.local_address("0.0.0.0", 4200) == "http://127.0.0.1:4200"
    assert access.local_address("fd00::1", 4200) == "http://[fd00::1]:4200"
    assert access.login_link("http://h:1", "a:b#c%") == "http://h:1/open#a:b%23c%25"


def test_the_file_of_the_auth_string_is_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (AUTH, "PREFECT_HOME"):
        monkeypatch.delenv(name, raising=False)
    assert access.read_auth(tmp_path) is None
    path = access.auth_file(tmp_path)
    access.write_auth(path, "old")
    access.write_auth(path, GIVEN)
    assert access.read_auth(tmp_path) == GIVEN
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    monkeypatch.setenv(AUTH, "of:the-environment")
    assert access.read_auth(tmp_path) == "of:the-environment"


def test_serve_refuses_weak_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(serve, "main_tree", lambda _: tmp_path)
    monkeypatch.setattr(serve, "is_free", lambda _: True)
    monkeypatch.setenv(AUTH, "short")
    assert serve.main() == 2
    assert "Error: expected at least 16 ASCII characters" in capsys.readouterr().err


@contextmanager
def answering(status: int) -> Iterator[tuple[str, list[str | None]]]:
    """A server that answers with one status; yields its API address and the credentials it gets."""
    seen: list[str | None] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.headers["Authorization"])
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/api", seen
        server.shutdown()


@pytest.mark.parametrize(("status", "refused"), [(200, False), (401, True), (503, False)])
def test_whether_a_server_refuses_an_auth_string(status: int, refused: bool) -> None:
    with answering(status) as (api, seen):
        assert access.is_refused(api, "a:b") is refused
    assert seen == ["Basic YTpi"]
    assert not access.is_refused(api, "a:b")  # nothing answers there now


def test_a_temporary_server_has_an_auth_string_of_its_own() -> None:
    seen = []
    for url in (None, None, "http://127.0.0.1:1/api"):
        with (
            temporary_settings({PREFECT_API_URL: url, PREFECT_API_AUTH_STRING: None}),
            access.private_server(),
        ):
            seen.append((PREFECT_API_AUTH_STRING.value(), PREFECT_SERVER_API_AUTH_STRING.value()))
    (one, one_too), (two, _), of_a_server = seen
    assert one == one_too != two
    assert len(one) >= 40
    assert of_a_server == (None, None)


def test_a_run_cannot_change_what_a_worker_runs() -> None:
    wanted = {
        "command": "touch X",
        "env": {"PATH": "/tmp/evil"},
        "env.LD_PRELOAD": "x.so",
        "working_dir": "/tmp/evil",
    }
    job = asyncio.run(ProcessJobConfiguration.from_template_and_values(TEMPLATE, wanted, client=object()))
    assert (job.command, job.env, job.working_dir) == (None, {}, None)
