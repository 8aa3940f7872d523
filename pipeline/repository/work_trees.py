"""Where a run works: in the main tree, one at a time, or in a git work tree of its own on the same cache."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from hanet.files.hashing import json_hash
from pipeline.repository.graph import dvc
from pipeline.repository.shared_cache import SharedCache

RUNS = Path(".dvc") / "tmp" / "runs"
"""Below the main tree: what runs keep here, ignored by git and DVC."""
RESULTS = RUNS / "results"
"""What runs leave to look at, a folder each."""
RESULTS_URL = "HANET_RESULTS_URL"
"""Environment variable: where `RESULTS` is served; links lead to files where it is unset."""
SQLITE = "sqlite:///"


class GitError(RuntimeError):
    """A git command failed; the message says why."""


def git(tree: Path, *arguments: str, env: Mapping[str, str] | None = None) -> str:
    """What a git command prints in a tree."""
    done = subprocess.run(["git", *arguments], cwd=tree, env=env, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise GitError(f"git {' '.join(arguments)} failed in {tree}: {done.stderr.strip()}")
    return done.stdout.strip()


@contextmanager
def locked(path: Path, waiting: Callable[[str], None] = lambda holder: None) -> Iterator[int]:
    """Hold a lock file; yields its descriptor. `waiting` is told who holds it, once, if one must wait.

    The kernel lets go of it when the last process that has the descriptor ends, by whatever signal.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as handle:
        told = False
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not told:
                    handle.seek(0)
                    waiting(handle.read().strip() or "another run")
                    told = True
                time.sleep(0.2)
        handle.seek(0)
        handle.truncate()
        handle.write(f"process {os.getpid()}")
        handle.flush()
        yield handle.fileno()


def environment(main: Path) -> dict[str, str]:
    """This process's environment for stages: our Python first, absolute MLflow address, no usage reports."""
    return {
        **os.environ,
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath))),
        "PYTHONUNBUFFERED": "1",
        "DVC_NO_ANALYTICS": "1",
        "DO_NOT_TRACK": "1",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_TRACKING_URI": absolute(os.environ.get("MLFLOW_TRACKING_URI"), main),
    }


def absolute(uri: str | None, main: Path) -> str:
    """An MLflow address that means the same in every work tree; the main tree's mlflow.db by default."""
    if not uri:
        return f"{SQLITE}{main / 'mlflow.db'}"
    return f"{SQLITE}{main / uri.removeprefix(SQLITE)}" if uri.startswith(SQLITE) else uri


def main_tree(folder: Path) -> Path:
    """The top of the tree that a folder is in."""
    return Path(git(folder, "rev-parse", "--show-toplevel"))


def this_clone() -> dict[str, str]:
    """Pull step of a deployment (prefect.yaml) whose worker may be on any machine: the tree of this code."""
    return {"directory": str(main_tree(Path(__file__).parent))}


class WorkTree:
    """A git work tree for one set of changes: the same revision and overrides lead to the same folder.

    So a run that was interrupted leaves its trainings' states there, and the next one of the same settings
    goes on from them.
    """

    def __init__(self, main: Path, *, revision: str, overrides: Sequence[str]) -> None:
        self.main = main
        self.commit = git(main, "rev-parse", f"{revision or 'HEAD'}^{{commit}}")
        digest = json_hash([self.commit, list(overrides)])[:12]
        self.path = main / RUNS / digest
        self.lock = main / RUNS / f"{digest}.lock"
        self.cache = SharedCache(self.path)

    def open(self) -> None:
        """Check the revision out, unless an interrupted run left it."""
        ready = self.path / ".dvc" / "tmp" / "ready"
        if ready.exists():
            self.cache.settle(self.main)
            return
        with locked(self.main / RUNS / "git.lock"):  # git's list of work trees is shared
            shutil.rmtree(self.path, ignore_errors=True)
            git(self.main, "worktree", "prune")
            git(self.main, "worktree", "add", "--detach", str(self.path), self.commit)
        self.cache.settle(self.main)
        lock = self.main / "dvc.lock"  # results of the main tree that are not committed yet
        if lock.exists() and self.commit == git(self.main, "rev-parse", "HEAD"):
            shutil.copy2(lock, self.path / "dvc.lock")
        ready.parent.mkdir(parents=True, exist_ok=True)
        ready.touch()

    def close(self) -> None:
        """Remove the folder; what it holds is in DVC's cache or lost."""
        with locked(self.main / RUNS / "git.lock"):
            git(self.main, "worktree", "remove", "--force", "--force", str(self.path))

    def save(self, name: str, stages: Iterable[str]) -> None:
        """Save parameters and what `stages` made as a DVC experiment (`dvc exp apply NAME`)."""
        with locked(self.main / RUNS / "git.lock"), self.cache.in_use():
            dvc(self.path, "exp", "save", "--force", "--name", name, *stages)


def remove_old(main: Path, *, days: float) -> list[Path]:
    """Remove results and work trees that nobody touched for `days`; return their folders."""
    begin = time.time() - days * 86400
    removed = [folder for folder in (main / RESULTS).glob("*/") if folder.stat().st_mtime < begin]
    for folder in removed:
        shutil.rmtree(folder, ignore_errors=True)
    for lock in sorted((main / RUNS).glob("*.lock")):
        folder = lock.with_suffix("")
        if not folder.is_dir() or lock.stat().st_mtime > begin:
            continue
        with lock.open("a") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:  # at work
                continue
            git(main, "worktree", "remove", "--force", "--force", str(folder))
            removed.append(folder)
    return removed
