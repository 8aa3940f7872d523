"""DVC's cache, shared by work trees: one set of files, one run-cache per tree.

DVC's run-cache (`runs/` of its cache) maps what a stage read to what it made. DVC 3.67 takes no lock on
it (`StageCache._load_cache`): if a process looks up a stage while another writes its entry, it reads half
of it, deletes it as corrupted, and the writer fails. So every work tree has its own run-cache. Entries are
copied from and to the main tree's run-cache before and after each stage, each by one rename.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from pipeline.repository.command import dvc

FILES = "files"
RUN_CACHE = "runs"


@dataclass(frozen=True)
class SharedCache:
    """The DVC cache of a work tree, with the files of the main tree's cache."""

    tree: Path

    @property
    def path(self) -> Path:
        """The work tree's cache folder."""
        return self.tree / ".dvc" / "cache"

    @property
    def main(self) -> Path:
        """The main tree's cache folder; valid after `connect`."""
        return (self.path / FILES).readlink().parent

    def connect(self, main: Path) -> None:
        """Make the work tree's cache, link it to the main tree's files, and copy DVC's local settings."""
        local = main / ".dvc" / "config.local"  # credentials of remotes
        if local.exists():
            shutil.copy2(local, self.tree / ".dvc" / "config.local")
        files = (main / dvc(main, "cache", "dir").strip()).resolve() / FILES
        for folder in (files, self.path):
            folder.mkdir(parents=True, exist_ok=True)
        (self.path / FILES).unlink(missing_ok=True)
        (self.path / FILES).symlink_to(files)
        dvc(self.tree, "cache", "dir", "--local", str(self.path))

    @contextmanager
    def synced(self) -> Iterator[None]:
        """Copy new run-cache entries from the main tree before the block and to it after the block."""
        copy_entries(self.main, self.path)
        yield
        copy_entries(self.path, self.main)


def copy_entries(source: Path, target: Path) -> None:
    """Copy run-cache entries that `target` lacks; skip temporary files, whose names begin with a dot."""
    for entry in source.glob(f"{RUN_CACHE}/*/*/[!.]*"):
        copy = target / entry.relative_to(source)
        if copy.exists():
            continue
        temporary = target / f".{uuid4().hex}.tmp"  # DVC would read a temporary file next to the entries
        shutil.copy2(entry, temporary)  # with its time stamp: DVC takes the newest entry
        copy.parent.mkdir(parents=True, exist_ok=True)
        temporary.replace(copy)
