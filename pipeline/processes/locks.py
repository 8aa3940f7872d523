"""File locks that the kernel releases when their last holder exits, by whatever signal."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

POLL = 0.2
"""Seconds between two attempts to take a lock."""


def try_lock(file: IO[str]) -> bool:
    """Take the exclusive lock on an open file if it is free; return whether it is held now."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def locked(path: Path, on_wait: Callable[[str], None] = lambda holder: None) -> Iterator[int]:
    """Hold a lock file; yield its descriptor.

    A program that inherits the descriptor holds the lock too.

    Args:
        path: The lock file. It is created, and names its holder.
        on_wait: Called once with the holder if the lock is not free.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        waiting = False
        while not try_lock(file):
            if not waiting:
                file.seek(0)
                on_wait(file.read().strip() or "another run")
                waiting = True
            time.sleep(POLL)
        file.seek(0)
        file.truncate()
        file.write(f"process {os.getpid()}")
        file.flush()
        yield file.fileno()
