"""Commands that cross the network: tried again, waited for, given up."""

from __future__ import annotations

import http.server
import os
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from pipeline.node import network
from pipeline.node.network import Network, NetworkError, server_reachable
from pipeline.processes.children import Children, StoppedError


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "RETRY_DELAY", 0.01)
    monkeypatch.setattr(network, "POLL", 0.01)
    monkeypatch.setattr(network, "DVC", (sys.executable, "-c"))


def counting(path: Path, fails: int) -> str:
    """A program that fails so often, then succeeds; it counts its tries."""
    return (
        f"import sys, pathlib; p = pathlib.Path({str(path)!r}); n = len(p.read_text()) if p.exists() else 0\n"
        f"p.write_text('x' * (n + 1)); print('try', n + 1); sys.exit(1 if n < {fails} else 0)"
    )


def run(path: Path, program: str, answers: Any = lambda: True) -> list[str]:
    told: list[str] = []
    with Children() as children:
        crossing = Network(children, os.environ, told.append, reachable=answers)
        crossing._run([sys.executable, "-c", program], path, None)
    return told


def test_a_failure_is_tried_again(tmp_path: Path) -> None:
    told = run(tmp_path, counting(tmp_path / "n", 2))
    assert (tmp_path / "n").read_text() == "xxx"
    assert [line.rpartition(": ")[2] for line in told] == ["try 1", "try 2"]


def test_failures_while_the_network_is_there_are_counted(tmp_path: Path) -> None:
    with pytest.raises(NetworkError, match=r"failed 4 times. Its last lines:\n  try 4"):
        run(tmp_path, counting(tmp_path / "n", 99))
    assert (tmp_path / "n").read_text() == "xxxx"


def test_failures_while_it_is_away_are_not(tmp_path: Path) -> None:
    """Nine failures, each while the server does not answer at first."""
    replies = iter([False, False, True] * 20)
    told = run(tmp_path, counting(tmp_path / "n", 9), lambda: next(replies))
    assert (tmp_path / "n").read_text() == "x" * 10
    assert sum("waiting for the network" in line for line in told) == 9
    assert sum("is back" in line for line in told) == 9


def test_waiting_ends_with_the_run() -> None:
    with Children() as children:
        crossing = Network(children, os.environ, lambda _: None, reachable=lambda: False)
        threading.Timer(0.3, children.stop).start()
        with pytest.raises(StoppedError):
            crossing.wait_until_reachable()


def test_git_is_not_waited_for_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "GIT_TIMEOUT", 0.3)
    monkeypatch.setattr(network, "MAX_TRIES", 1)
    with Children() as children, pytest.raises(NetworkError, match="failed 1 times"):
        Network(children, os.environ, print, reachable=lambda: True).git(
            tmp_path, "-c", "alias.s=!sleep 64", "s"
        )


@pytest.mark.parametrize(("status", "expected"), [(200, True), (401, True), (None, False)])
def test_whether_prefect_answers(status: int | None, expected: bool) -> None:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert self.path == "/api/health"
            self.send_response(status or 500)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/api"
        if status is None:
            server.shutdown()
            server.server_close()
        with temporary_settings({PREFECT_API_URL: address}):
            assert server_reachable() is expected
        if status is not None:
            server.shutdown()


def test_without_a_server_nothing_is_waited_for() -> None:
    with temporary_settings({PREFECT_API_URL: None}):
        assert server_reachable()
