"""Run a program and terminate its whole process tree: ``python supervise.py PROGRAM [ARGUMENT ...] < pipe``.

The tree is terminated when the program exits, on SIGTERM or SIGINT, and when standard input reaches end of
file; the kernel closes that pipe when the process at its other end dies, by whatever signal. Every descendant
gets SIGTERM and, two seconds later, SIGKILL. Exits with the program's code, or 128 + n after signal n.

On Linux this process adopts orphaned descendants, so it finds them in any session. On other systems it finds
only descendants whose parents are alive.
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
"""Seconds between SIGTERM and SIGKILL."""

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36


def main(command: list[str]) -> int:
    """Run `command` until it exits or is stopped; return its exit code."""
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    program = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        # If this process is killed, the kernel kills the program.
        preexec_fn=lambda: prctl(PR_SET_PDEATHSIG, signal.SIGKILL),
    )
    threading.Thread(target=set_at_eof, args=(stop,), daemon=True).start()
    threading.Thread(target=lambda: (program.wait(), stop.set()), daemon=True).start()
    stop.wait()
    terminate_descendants()
    code = program.wait()
    return code if code >= 0 else 128 - code


def prctl(option: int, value: int) -> None:
    """Call Linux's prctl; do nothing on other systems."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def set_at_eof(stop: threading.Event) -> None:
    """Set `stop` when standard input reaches end of file."""
    while os.read(0, 4096):
        pass
    stop.set()


def terminate_descendants() -> None:
    """Send SIGTERM to every descendant, then SIGKILL, until none is left."""
    deadline = time.monotonic() + GRACE
    signalled: set[int] = set()
    while running := descendants():
        late = time.monotonic() > deadline
        for process in running:
            if late or process.pid not in signalled:
                signalled.add(process.pid)
                send_signal(process, signal.SIGKILL if late else signal.SIGTERM)
        time.sleep(0.05)


def descendants() -> list[psutil.Process]:
    """Running children of this process, their children, and so on."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def send_signal(process: psutil.Process, number: int) -> None:
    """Send a signal; ignore a process that has exited."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process.send_signal(number)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
