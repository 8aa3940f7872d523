"""Git commands, and the tree that a folder belongs to."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path


class GitError(RuntimeError):
    """A git command failed; the message has what it printed."""


def git(tree: Path, *arguments: str, env: Mapping[str, str] | None = None) -> str:
    """Run a git command in a tree and return its output, stripped.

    Raises:
        GitError: the command failed.
    """
    done = subprocess.run(["git", *arguments], cwd=tree, env=env, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise GitError(f"git {' '.join(arguments)} failed in {tree}: {done.stderr.strip()}")
    return done.stdout.strip()


def main_tree(folder: Path) -> Path:
    """Return the top folder of the git tree that contains `folder`."""
    return Path(git(folder, "rev-parse", "--show-toplevel"))


def this_clone() -> dict[str, str]:
    """Pull step of a deployment (prefect.yaml): run in the clone that this file is in, on any worker."""
    return {"directory": str(main_tree(Path(__file__).parent))}
