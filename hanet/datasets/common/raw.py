"""The raw folder of a data set: hashes of the files from which its poses are read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from hanet.files.atomic import write_json
from hanet.files.hashing import file_hash
from hanet.files.json_text import read_json

ARCHIVES = "archives.json"
"""File in the raw folder with the SHA-256 of the archives by name."""


def note_archives(raw: Path, hashes: Mapping[str, str]) -> None:
    """Write the SHA-256 of the archives from which the raw files were unpacked, by name."""
    write_json(raw / ARCHIVES, dict(hashes))


def source_hashes(raw: Path) -> dict[str, str]:
    """SHA-256 by name of the archives of the raw files, or of every raw file."""
    archives = raw / ARCHIVES
    if archives.is_file():
        return read_json(archives, dict, remedy="run the download again")
    return {str(p.relative_to(raw)): file_hash(p) for p in sorted(raw.rglob("*")) if p.is_file()}
