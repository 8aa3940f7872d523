"""Waiting for what other processes do."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import psutil


def until(true: Callable[[], Any], seconds: float = 180.0, what: str = "", *, pause: float = 0.5) -> float:
    """Wait until it is true; returns the seconds that took.

    It asks ten times a second at first, then less often, at last every `pause` seconds: most questions go to
    a server or read all processes, which costs processor time that the tests wait for.
    """
    began = time.monotonic()
    while not true():
        waited = time.monotonic() - began
        assert waited < seconds, f"waited {seconds:g} s in vain{what and f': {what}'}"
        time.sleep(min(max(0.1, waited / 10), pause))
    return time.monotonic() - began


def ended(processes: list[psutil.Process]) -> bool:
    """Whether none of them runs any more."""
    return not any(runs(process) for process in processes)


def runs(process: psutil.Process) -> bool:
    """Whether a process is at work, not gone and no zombie."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:  # between the two questions
        return False


def command(process: psutil.Process) -> list[str]:
    """A process's command line; nothing of one that ended meanwhile."""
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []
