"""Atomic writing: a file or folder appears under its name whole or not at all.

It is written next to its target under a temporary name of its own, `.NAME.<32 hex digits>.tmp`, which DVC
ignores, and renamed when it is complete. A file is flushed to disk before that, so a power cut leaves the old
one or the new one too. A killed process leaves at most its temporary file, which no later writer reads.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4


@contextmanager
def whole_file(path: Path, *, beside: Path | None = None) -> Iterator[Path]:
    """A temporary path to write to; renamed to `path` when the block succeeds, else removed.

    Args:
        path: the file; missing folders are made, an older file is replaced.
        beside: where the temporary file lies, instead of the folder of `path`; on the same disk.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary(path if beside is None else beside / path.name)
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        if error.strerror and error.filename in (None, str(temporary)):  # a full disk names no file
            error.filename = str(path)
        raise
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def fresh_folder(path: Path) -> Iterator[Path]:
    """A temporary folder; renamed to `path` when the block succeeds, else removed.

    `path` is the old folder, no folder or the new one at any moment, never a part of one.
    """
    temporary, old = _temporary(path), _temporary(path)
    temporary.mkdir(parents=True)
    try:
        yield temporary
        if path.exists():
            path.rename(old)
        temporary.rename(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file as UTF-8, whole or not at all."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file, whole or not at all."""
    with whole_file(path) as temporary:
        temporary.write_bytes(content)


def write_json(path: Path, content: Any) -> None:
    """Write JSON with sorted keys, so that equal content is equal bytes."""
    write_text(path, json.dumps(content, indent=2, sort_keys=True, allow_nan=False) + "\n")


def remove_leftovers(path: Path) -> None:
    """Remove what killed writers of `path` left; only where no other writer can be running."""
    for temporary in path.parent.glob(f".{path.name}.*.tmp"):
        temporary.unlink()


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.{uuid4().hex}.tmp")
