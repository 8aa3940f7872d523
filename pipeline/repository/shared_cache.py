"""DVC's cache as work trees share it: the files are the same ones, the list of runs is each tree's own.

DVC lists what stages made of what they read (`runs/` of its cache, the "run-cache") and holds no lock on that
list. A process that looks a stage up while another writes that stage's entry finds half of it, takes it as
corrupted and deletes it, and the writer fails (`StageCache._load_cache`, DVC 3.67). So each work tree has a
list of its own; entries go from one list to another whole, by a rename.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hanet.files.atomic import whole_file
from pipeline.repository.graph import dvc

FILES = "files"
RUNS = "runs"


@dataclass(frozen=True)
class SharedCache:
    """The cache of a work tree, which stands for that of the main tree."""

    tree: Path

    @property
    def own(self) -> Path:
        """What DVC takes for the cache in the work tree."""
        return self.tree / ".dvc" / "cache"

    @property
    def main(self) -> Path:
        """The main tree's cache, once settled."""
        return (self.own / FILES).readlink().parent

    def settle(self, main: Path) -> None:
        """Give the work tree the main tree's settings of DVC and a cache of its own on the same files."""
        local = main / ".dvc" / "config.local"  # credentials of remotes
        if local.exists():
            shutil.copy2(local, self.tree / ".dvc" / "config.local")
        files = (main / dvc(main, "cache", "dir").strip()).resolve() / FILES
        for folder in (files, self.own):
            folder.mkdir(parents=True, exist_ok=True)
        (self.own / FILES).unlink(missing_ok=True)
        (self.own / FILES).symlink_to(files)
        dvc(self.tree, "cache", "dir", "--local", str(self.own))

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Know what other trees' stages made until now; then have them know what this one's did."""
        copy_runs(self.main, self.own)
        yield
        copy_runs(self.own, self.main)


def copy_runs(source: Path, target: Path) -> None:
    """Copy the entries of a cache's list of runs that another's lacks; those half-written are left alone."""
    for entry in source.glob(f"{RUNS}/*/*/[!.]*"):
        copy = target / entry.relative_to(source)
        if copy.exists():
            continue
        with whole_file(copy, beside=target) as temporary:  # beside the copy DVC would take it for an entry
            shutil.copy2(entry, temporary)  # with its time: DVC takes the newest
