"""Git work trees for runs with changed parameters, on the main tree's DVC cache."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from pipeline.processes.locks import locked, try_lock
from pipeline.repository.command import dvc
from pipeline.repository.environment import RESULTS, RUNS
from pipeline.repository.git import git
from pipeline.repository.shared_cache import SharedCache

GIT_LOCK = RUNS / "git.lock"
"""Held while git's list of work trees changes."""


class WorkTree:
    """A git work tree for one revision and one list of overrides; equal settings use the same folder.

    An interrupted run leaves its checkpoints there; the next run with the same settings resumes from them.
    """

    def __init__(self, main: Path, *, revision: str, overrides: Sequence[str]) -> None:
        """Choose the folder; `open` makes it.

        Raises:
            GitError: the revision does not exist.
        """
        self.main = main
        self.commit = git(main, "rev-parse", "--verify", f"{revision or 'HEAD'}^{{commit}}")
        digest = hashlib.sha256(json.dumps([self.commit, list(overrides)]).encode()).hexdigest()[:12]
        self.path = main / RUNS / digest
        self.lock = main / RUNS / f"{digest}.lock"
        self.cache = SharedCache(self.path)

    def open(self) -> None:
        """Check the revision out, unless an interrupted run left the folder."""
        ready = self.path / ".dvc" / "tmp" / "ready"
        if ready.exists():
            self.cache.connect(self.main)
            return
        with locked(self.main / GIT_LOCK):
            shutil.rmtree(self.path, ignore_errors=True)
            git(self.main, "worktree", "prune")
            git(self.main, "worktree", "add", "--detach", str(self.path), self.commit)
        self.cache.connect(self.main)
        lock = self.main / "dvc.lock"  # results of the main tree that are not committed yet
        if lock.exists() and self.commit == git(self.main, "rev-parse", "HEAD"):
            shutil.copy2(lock, self.path / "dvc.lock")
        ready.parent.mkdir(parents=True, exist_ok=True)
        ready.touch()

    def remove(self) -> None:
        """Remove the folder; only what is in DVC's cache stays."""
        with locked(self.main / GIT_LOCK):
            git(self.main, "worktree", "remove", "--force", "--force", str(self.path))

    def save(self, name: str, stages: Iterable[str]) -> None:
        """Save the parameters and the outputs of `stages` as a DVC experiment (`dvc exp apply NAME`)."""
        with locked(self.main / GIT_LOCK), self.cache.synced():
            dvc(self.path, "exp", "save", "--force", "--name", name, *stages)


def remove_old(main: Path, *, days: float) -> list[Path]:
    """Remove results and unlocked work trees that have not changed for `days`; return their folders."""
    oldest = time.time() - days * 86400
    removed = [folder for folder in (main / RESULTS).glob("*/") if folder.stat().st_mtime < oldest]
    for folder in removed:
        shutil.rmtree(folder, ignore_errors=True)
    for lock in sorted((main / RUNS).glob("*.lock")):
        folder = lock.with_suffix("")
        if not folder.is_dir() or lock.stat().st_mtime > oldest:
            continue
        with lock.open("a") as file:
            if try_lock(file):
                git(main, "worktree", "remove", "--force", "--force", str(folder))
                removed.append(folder)
    return removed
