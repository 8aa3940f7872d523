"""A first look at a file or folder: enough to tell its format, bounded whatever its size."""

from __future__ import annotations

from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

from pydantic_core import from_json

HEAD = 1 << 18
"""Bytes of a file that are looked at."""
ENTRIES = 64
"""Files of a folder that are looked at."""
_BOM = b"\xef\xbb\xbf"


class Source:
    """The beginning of a file, or some names in a folder.

    Attributes:
        path: the file or folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def is_folder(self) -> bool:
        """Whether the path is a folder."""
        return self.path.is_dir()

    @cached_property
    def head(self) -> bytes:
        """The file's first bytes, at most `HEAD`; a folder has none."""
        if self.is_folder:
            return b""
        with self.path.open("rb") as file:
            return file.read(HEAD)

    @cached_property
    def json(self) -> Any:
        """The beginning of a JSON document, cut where the head ends; None if not JSON."""
        text = self.head.removeprefix(_BOM)
        if text.lstrip()[:1] not in (b"{", b"["):
            return None
        try:
            return from_json(text, allow_inf_nan=True, allow_partial=True)
        except (ValueError, RecursionError):
            return None

    @cached_property
    def files(self) -> list[Source]:
        """Some files of a folder, in order of their names; empty for a file."""
        if not self.is_folder:
            return []
        names = sorted(path for path in self.path.iterdir() if not path.name.startswith("."))
        return [Source(path) for path in islice((p for p in names if p.is_file()), ENTRIES)]

    @cached_property
    def folders(self) -> list[Source]:
        """Some folders of a folder, in order of their names; empty for a file."""
        if not self.is_folder:
            return []
        names = sorted(path for path in self.path.iterdir() if not path.name.startswith("."))
        return [Source(path) for path in islice((p for p in names if p.is_dir()), ENTRIES)]
