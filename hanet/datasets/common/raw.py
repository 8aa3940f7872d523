"""The raw folder of a data set: which files its poses stand on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from hanet.files.atomic import write_json
from hanet.files.hashing import file_hash

ARCHIVES = "archives.json"
"""In the raw folder of a data set that came in archives: their SHA-256 by name."""


def note_archives(raw: Path, hashes: Mapping[str, str]) -> None:
    """Write down the SHA-256 of the archives that the raw files were unpacked from, by name."""
    write_json(raw / ARCHIVES, dict(hashes))


def source_hashes(raw: Path) -> dict[str, str]:
    """SHA-256 of the archives that the raw files came in, or of every raw file, by name."""
    archives = raw / ARCHIVES
    if archives.is_file():
        return json.loads(archives.read_text())
    return {str(p.relative_to(raw)): file_hash(p) for p in sorted(raw.rglob("*")) if p.is_file()}
