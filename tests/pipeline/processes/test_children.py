"""Programs end with the process that started them, however it ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from pipeline.processes.children import Children, StoppedError, TimeLimitError
from pipeline.processes.locks import locked
from pipeline.repository.environment import absolute_uri
from pipeline.server.liveness import dead_runs, lock_path
from tests.support.paths import ROOT
from tests.support.waiting import command, ended, until

# A child in a session of its own that is deaf to SIGTERM: out of reach of a signal to the group.
STUBBORN = "setsid sh -c 'trap \"\" TERM; sleep 61; sleep 62' & echo up; wait"


def below(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True)


def test_lines_and_code_come_through(tmp_path: Path) -> None:
    lines: list[str] = []
    with Children() as children:
        code = children.run(
            ["sh", "-c", "echo one; echo two >&2; exit 3"], cwd=tmp_path, env=os.environ, on_line=lines.append
        )
    assert (lines, code) == (["one", "two"], 3)
    with pytest.raises(StoppedError), children:
        children.run(["true"], cwd=tmp_path, env=os.environ, on_line=lines.append)


def test_code_of_a_signal(tmp_path: Path) -> None:
    with Children() as children:
        assert children.run(["sh", "-c", "kill -9 $$"], cwd=tmp_path, env=os.environ, on_line=print) == 137


def test_stop_ends_the_stubborn_too(tmp_path: Path) -> None:
    others = below(os.getpid())  # of earlier tests in this process, such as a resource tracker
    up = threading.Event()
    result: list[BaseException] = []

    def work() -> None:
        try:
            children.run(["sh", "-c", STUBBORN], cwd=tmp_path, env=os.environ, on_line=lambda _: up.set())
        except StoppedError as error:
            result.append(error)

    with Children() as children:
        thread = threading.Thread(target=work)
        thread.start()
        assert up.wait(20)
        until(lambda: any("sleep" in command(p) for p in below(os.getpid())))
        family = [process for process in below(os.getpid()) if process not in others]
    thread.join(10)
    assert len(result) == 1
    assert children.stopped
    assert ended(family)


def test_time_limit(tmp_path: Path) -> None:
    began = time.monotonic()
    with Children() as children, pytest.raises(TimeLimitError, match=r"time limit of 0\.5 s"):
        children.run(["sleep", "63"], cwd=tmp_path, env=os.environ, on_line=print, timeout=0.5)
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_outlives_a_killed_starter(tmp_path: Path, number: int) -> None:
    program = (
        "import os; from pathlib import Path; from pipeline.processes.children import Children\n"
        f"Children().run(['sh', '-c', {STUBBORN!r}], cwd=Path('.'), env=os.environ, on_line=print)"
    )
    starter = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, start_new_session=True)
    until(lambda: any("sleep" in command(p) for p in below(starter.pid)))
    family = below(starter.pid)
    assert len(family) >= 3
    starter.send_signal(number)
    starter.wait()
    assert until(lambda: ended(family)) < 10


def test_lock_is_let_go_when_the_last_program_ends(tmp_path: Path) -> None:
    told: list[str] = []
    with locked(tmp_path / "a.lock"):
        thread = threading.Thread(target=lambda: locked(tmp_path / "a.lock", told.append).__enter__())
        thread.start()
        until(lambda: bool(told))
    thread.join(10)
    assert not thread.is_alive()
    assert told == [f"process {os.getpid()}"]


def test_a_run_shows_life_until_its_process_ends(tmp_path: Path) -> None:
    """Longer than its flow runs: the server is told of the end after that."""
    program = (
        "from pathlib import Path; from pipeline.server.liveness import hold_lock\n"
        "hold_lock(Path(), 'run'); input()"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([sys.executable, "-c", program], cwd=tmp_path, env=env, stdin=subprocess.PIPE)
    until(lock_path(tmp_path, "run").exists)
    assert list(dead_runs(tmp_path)) == []
    process.communicate()
    assert list(dead_runs(tmp_path)) == [("run", f"process {process.pid} on {socket.gethostname()}")]


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        (None, "sqlite:////main/mlflow.db"),
        ("sqlite:///other.db", "sqlite:////main/other.db"),
        ("sqlite:////abs/other.db", "sqlite:////abs/other.db"),
        ("http://127.0.0.1:5000", "http://127.0.0.1:5000"),
    ],
)
def test_mlflow_address_is_absolute(uri: str | None, expected: str) -> None:
    assert absolute_uri(uri, Path("/main")) == expected
