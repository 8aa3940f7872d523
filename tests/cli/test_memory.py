"""Memory that tracks leave free goes back to the system while a command runs."""

from __future__ import annotations

import ctypes
import re
from pathlib import Path

import pytest

from hanet.cli.memory import FRAMES, trimmed
from tests.support.cache_files import make

BLOCK, COUNT = 100_000, 1_000
"""Bytes of a block, below the size from which the C library asks the system for each one."""


def resident() -> int:
    found = re.search(r"VmRSS:\s*(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return 1024 * int(found[1])


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="needs glibc")
@pytest.mark.parametrize("frames", [FRAMES, FRAMES // 10])
def test_free_blocks_between_used_ones_go_back(frames: int):
    before = resident()
    blocks: list[bytearray] = []
    used: list[bytearray] = []
    for _ in range(COUNT):
        blocks.append(bytearray(b"x" * BLOCK))
        used.append(bytearray(b"x" * 500))
    tracks = trimmed([make(frames=frames)] * (FRAMES // frames) + [make()])
    next(tracks)
    blocks.clear()
    fragmented = resident() - before
    if fragmented <= 0.8 * BLOCK * COUNT:
        pytest.skip("this process had free memory before, so what was used here cannot be seen")
    assert sum(len(track) for track in tracks) <= FRAMES
    assert resident() - before < 0.3 * BLOCK * COUNT
    assert len(used) == COUNT
