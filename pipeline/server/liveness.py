"""Which flow runs have a living process: each process holds a lock on a file of its run.

The kernel releases the lock when the process exits, by whatever signal, so no time stamp or process id is
needed.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from pipeline.processes.children import SHUTDOWN_TIMEOUT
from pipeline.processes.locks import try_lock
from pipeline.repository.environment import RUNS

_held: list[TextIO] = []
"""Lock files of this process, open until it exits."""


def lock_path(main: Path, flow_run: str) -> Path:
    """Return the file that a flow run's process locks."""
    return main / RUNS / f"{flow_run}.alive"


def hold_lock(main: Path, flow_run: str) -> None:
    """Lock a flow run's file until this process exits; a sweep removes the file.

    The lock outlasts the flow function, because Prefect reports the run's end after that. A process that is
    killed or loses its network in between would leave the run Running forever.
    """
    path = lock_path(main, flow_run)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    file = temporary.open("w")
    file.write(f"process {os.getpid()} on {socket.gethostname()}")
    file.flush()
    try_lock(file)
    temporary.rename(path)  # only now, so the file is never seen unlocked
    _held.append(file)


def dead_runs(main: Path) -> Iterator[tuple[str, str]]:
    """Yield flow runs whose process has exited, each with a description of it; most ended normally."""
    for path in sorted((main / RUNS).glob("*.alive")):
        with path.open() as file:
            if try_lock(file):
                yield path.stem, file.read()


@contextmanager
def exit_with_worker() -> Iterator[None]:
    """Send this process SIGTERM, then SIGKILL, when the worker that started it exits within the block.

    Does nothing in a run that no worker started.
    """
    if "PREFECT__FLOW_RUN_ID" not in os.environ:
        yield
        return
    done = threading.Event()
    worker = os.getppid()

    def watch() -> None:
        while os.getppid() == worker:
            if done.wait(0.5):
                return
        os.kill(os.getpid(), signal.SIGTERM)
        if not done.wait(SHUTDOWN_TIMEOUT):
            os.kill(os.getpid(), signal.SIGKILL)
        # The block has ended, but reporting that may hang if the server is gone too.
        time.sleep(SHUTDOWN_TIMEOUT)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        done.set()
