"""Run a program and see to its end: ``python supervise.py PROGRAM [ARGUMENT ...] < pipe``.

When standard input closes, which the kernel does if the process at its other end dies by whatever signal, or
when SIGTERM or SIGINT comes, everything that the program started is asked to end, and killed two seconds
later. The same befalls what the program leaves behind when it ends. Exits with the program's code, 128 + n
where signal n ended it.

On Linux orphans of the program become this process's children, so that none is out of sight, whatever session
it opened; elsewhere those whose parents live are found.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time

import psutil

GRACE = 2.0
"""Seconds between asking to end and killing."""

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36


def main(command: list[str]) -> int:
    """Run `command` until it ends or is stopped; return its exit code."""
    on_linux(PR_SET_CHILD_SUBREAPER, 1)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    program = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        # Should this process itself be killed, the program is too.
        preexec_fn=lambda: on_linux(PR_SET_PDEATHSIG, signal.SIGKILL),
    )
    threading.Thread(target=until_closed, args=(stop,), daemon=True).start()
    threading.Thread(target=lambda: (program.wait(), stop.set()), daemon=True).start()
    stop.wait()
    end_all()
    code = program.wait()
    return code if code >= 0 else 128 - code


def on_linux(option: int, value: int) -> None:
    """One call of prctl, where there is such a thing."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def until_closed(stop: threading.Event) -> None:
    """Set `stop` when nobody holds the other end of standard input any more."""
    while os.read(0, 4096):
        pass
    stop.set()


def end_all() -> None:
    """End every descendant: ask first, then kill, again and again until none is left."""
    deadline = time.monotonic() + GRACE
    asked: set[int] = set()
    while living := descendants():
        late = time.monotonic() > deadline
        for process in living:
            if late or process.pid not in asked:
                asked.add(process.pid)
                tell(process, signal.SIGKILL if late else signal.SIGTERM)
        time.sleep(0.05)


def descendants() -> list[psutil.Process]:
    """What this process started, and what that started, if it runs still."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def tell(process: psutil.Process, number: int) -> None:
    """Send a signal, if the process is there still."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process.send_signal(number)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
