"""Reading that a library in C may not survive, tried in a forked process first.

Damaged files can make such a library read or write foreign memory, which ends the process without a word. In
a fork that is an error like others, and costs some milliseconds. Where there is no fork (Windows) nothing is
tried.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

PATIENCE = 300.0
"""Seconds that reading may take."""


class LibraryError(ValueError):
    """The library did not survive the file, or did not come to an end."""


def survives(path: Path, read: Callable[[], object]) -> None:
    """Call `read` in a fork of this process, whatever it returns or raises.

    Args:
        path: the file that is read, for the message.
        read: what is tried; it must not write anything.

    Raises:
        LibraryError: it ended the fork by a signal, or took longer than `PATIENCE`.
    """
    if not hasattr(os, "fork"):
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a fork beside other threads, whose locks `read` must not need
        child = os.fork()
    if child == 0:
        try:
            import resource  # as little on Windows as `fork`

            faulthandler.disable()
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.setitimer(signal.ITIMER_REAL, PATIENCE)
            with suppress(BaseException):
                read()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        reason = signal.Signals(os.WTERMSIG(status))
        what = "takes too long to read" if reason is signal.SIGALRM else f"ends its library ({reason.name})"
        raise LibraryError(f"{path}: damaged, it {what}; write or copy it again")
