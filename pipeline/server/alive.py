"""How one tells a run that works from one whose process is gone: a file that the living hold locked.

The kernel lets go of the lock when the process ends, by whatever signal, so no clock and no process id is
asked.
"""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from pipeline.processes.processes import PATIENCE
from pipeline.repository.work_trees import RUNS


def sign(main: Path, flow_run: str) -> Path:
    """The file that a flow run's process holds locked."""
    return main / RUNS / f"{flow_run}.alive"


_held: list[TextIO] = []
"""The signs that this process gives."""


def show_life(main: Path, flow_run: str) -> None:
    """Give the sign of life of a flow run for as long as this process lives; a sweep removes it.

    Not only for as long as the flow runs: Prefect tells the server of its end after that, and a process that
    is killed in between, or has no network then, would leave the run standing as running.
    """
    path = sign(main, flow_run)
    path.parent.mkdir(parents=True, exist_ok=True)
    unlocked = path.with_suffix(".tmp")
    handle = unlocked.open("w")
    handle.write(f"process {os.getpid()} on {socket.gethostname()}")
    handle.flush()
    fcntl.flock(handle, fcntl.LOCK_EX)
    unlocked.rename(path)  # under its name it is never seen unlocked
    _held.append(handle)


def dead(main: Path) -> Iterator[tuple[str, str]]:
    """Flow runs whose process is gone, each with what it was; most ended before."""
    for path in sorted((main / RUNS).glob("*.alive")):
        with path.open() as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield path.stem, handle.read()


@contextmanager
def ends_with_worker() -> Iterator[None]:
    """In a run that a worker started: end as on SIGTERM when the worker is gone, else by force."""
    if "PREFECT__FLOW_RUN_ID" not in os.environ:
        yield
        return
    over = threading.Event()
    worker = os.getppid()

    def watch() -> None:
        while os.getppid() == worker:
            if over.wait(0.5):
                return
        os.kill(os.getpid(), signal.SIGTERM)
        if not over.wait(PATIENCE):
            os.kill(os.getpid(), signal.SIGKILL)
        # Reporting the end may hang, where the server is gone too; nothing runs any more.
        time.sleep(PATIENCE)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        over.set()
