"""Reading that ends a process is an error here; whatever else happens is left to the real reading."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from hanet.files import tried
from hanet.files.tried import LibraryError, survives

FILE = Path("some.h5")


def test_a_signal_names_the_file() -> None:
    with pytest.raises(LibraryError, match=r"some\.h5: damaged, it ends its library \(SIGSEGV\); write or"):
        survives(FILE, lambda: os.kill(os.getpid(), signal.SIGSEGV))


def test_reading_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tried, "PATIENCE", 0.1)
    with pytest.raises(LibraryError, match=r"some\.h5: damaged, it takes too long"):
        survives(FILE, lambda: time.sleep(60))


def test_errors_are_not_its_business_and_nothing_changes_here(tmp_path: Path) -> None:
    seen: list[int] = []

    def read() -> None:
        seen.append(1)
        raise KeyboardInterrupt

    survives(FILE, read)
    assert seen == []


def test_a_system_without_fork(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "fork")
    survives(FILE, lambda: os.kill(os.getpid(), signal.SIGSEGV))
