"""What `make node` asks for and keeps at work, without a server."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from pipeline.node import worker
from pipeline.node.train import NodeFolders
from pipeline.repository.git import this_clone
from tests.support.graph_of_shell import shell, write_project


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    return write_project(tmp_path / "clone")


def test_it_says_what_a_clone_lacks(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (worker.API, worker.AUTH):
        monkeypatch.delenv(name, raising=False)
    assert [line.partition(":")[0] for line in worker.missing(clone)] == [
        "PREFECT_API_URL",
        "PREFECT_API_AUTH_STRING",
        "git's remote 'origin', the same as the head's",
        "DVC's default remote, the same as the head's",
    ]
    monkeypatch.setenv(worker.API, "http://127.0.0.1:1/api")
    monkeypatch.setenv(worker.AUTH, "hanet:of-the-head")
    shell(clone, "git", "remote", "add", "origin", "nowhere")
    shell(clone, sys.executable, "-m", "dvc", "remote", "add", "--default", "storage", "nowhere")
    assert worker.missing(clone) == []
    monkeypatch.setattr(
        worker, "is_refused", lambda api, auth: (api, auth) == ("http://127.0.0.1:1/api", "hanet:of-the-head")
    )
    [line] = worker.missing(clone)
    assert (
        line == "the auth string of the server at http://127.0.0.1:1/api; "
        "it refuses the one in PREFECT_API_AUTH_STRING"
    )


def test_a_clone_that_lacks_something_is_refused(
    clone: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.chdir(clone)
    monkeypatch.setattr(sys, "argv", ["node", "--cpu"])
    assert worker.main() == 2
    assert "this clone is not ready to be a node" in capsys.readouterr().err


def test_a_machine_without_a_gpu_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(worker, "missing", lambda _: [])
    monkeypatch.setattr(sys, "argv", ["node"])
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert worker.main() == 2
    assert "--cpu" in capsys.readouterr().err


@pytest.mark.parametrize(("named", "expected"), [("", []), ("0", ["0"]), ("2, 0", ["2", "0"])])
def test_gpus_that_are_named(monkeypatch: pytest.MonkeyPatch, named: str, expected: list[str]) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", named)
    assert worker.gpus() == expected


def test_each_gpu_has_its_tree(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(clone)
    trees = []
    for gpu in ("0", "1", ""):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", gpu)
        trees.append(NodeFolders.here().tree.name)
    assert trees == ["node-0", "node-1", "node-cpu"]


def test_a_worker_that_ends_is_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(worker, "RESTART_DELAY", 0.2)
    monkeypatch.setattr("pipeline.server.sweep.sweep", lambda _: 1 / 0)  # as without a server
    program = "import os; print('gpu', os.environ['CUDA_VISIBLE_DEVICES'], flush=True)"
    monkeypatch.setattr(worker, "worker_command", lambda *_: [sys.executable, "-c", program])
    stop = threading.Event()
    working = threading.Thread(target=worker.run_workers, args=(tmp_path, ["0", "1"], stop))
    working.start()
    printed = ""
    deadline = time.monotonic() + 60
    while printed.count("gpu 0") < 2 or printed.count("gpu 1") < 2:
        assert time.monotonic() < deadline
        time.sleep(0.2)
        printed += capfd.readouterr().out
    stop.set()
    working.join(30)
    assert not working.is_alive()


def test_the_clone_of_this_code() -> None:
    top = subprocess.run(
        ["git", "rev-parse", "--show-toplevel"], cwd=Path(__file__).parent, check=True, capture_output=True
    )
    assert this_clone() == {"directory": top.stdout.decode().strip()}
