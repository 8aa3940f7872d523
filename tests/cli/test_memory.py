"""Memory that tracks leave free goes back to the system while a command runs."""

from __future__ import annotations

import ctypes
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from hanet.cli.memory import FRAMES, trimmed
from tests.support.cache_files import make
from tests.support.paths import ROOT

BLOCK, COUNT = 100_000, 1_000
"""Bytes of a block, below the size from which the C library asks the system for each one."""


def resident() -> int:
    found = re.search(r"VmRSS:\s*(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return 1024 * int(found[1])


def check(frames: int) -> None:
    """Fragment the heap, let tracks pass, and see its free pages gone."""
    blocks: list[bytearray] = []
    used: list[bytearray] = []
    for _ in range(COUNT):
        blocks.append(bytearray(b"x" * BLOCK))
        used.append(bytearray(b"x" * 500))
    tracks = trimmed([make(frames=frames)] * (FRAMES // frames) + [make()])
    next(tracks)
    full = resident()
    blocks.clear()
    assert full - resident() < 0.2 * BLOCK * COUNT  # the heap keeps what is free below what is used
    assert sum(len(track) for track in tracks) <= FRAMES
    assert full - resident() > 0.7 * BLOCK * COUNT
    assert len(used) == COUNT


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="needs glibc")
@pytest.mark.parametrize("frames", [FRAMES, FRAMES // 10])
def test_free_blocks_between_used_ones_go_back(frames: int):
    """In a process of its own: what other tests freed would be used again, and nothing be seen."""
    program = f"from tests.cli.test_memory import check; check({frames})"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
