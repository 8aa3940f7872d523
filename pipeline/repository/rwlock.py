"""The file in which DVC notes who reads and writes what: ``python -m pipeline.repository.rwlock``.

DVC empties `.dvc/tmp/rwlock` and then writes it again, many times in a run. If it is killed in between, every
later command ends with "Unable to read RWLock-file". What the file notes of a killed program is void anyway.
"""

from __future__ import annotations

import json
from pathlib import Path

from pipeline.processes.locks import locked

FILE = Path(".dvc/tmp/rwlock")
GUARD = "rwlock.lock"
"""Held by DVC (and by `mend`) while it changes the file; the kernel releases it if DVC is killed."""


def mend(tree: Path) -> bool:
    """Remove a tree's damaged file; return whether there was one. A DVC that runs is not disturbed."""
    path = tree / FILE
    if _whole(path):
        return False
    with locked(path.with_name(GUARD)):
        if _whole(path):  # DVC was writing it
            return False
        path.unlink()
    return True


def _whole(path: Path) -> bool:
    try:
        return isinstance(json.loads(path.read_bytes()), dict)
    except FileNotFoundError:
        return True
    except ValueError:
        return False


if __name__ == "__main__":
    mend(Path())
