"""DVC's command line in this Python environment."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

DVC = (sys.executable, "-m", "dvc")


class DVCError(RuntimeError):
    """A DVC command failed; the message has the end of what it printed."""


def dvc(tree: Path, *arguments: str, env: Mapping[str, str] | None = None) -> str:
    """Run a DVC command in a work tree and return its standard output.

    Raises:
        DVCError: the command failed.
    """
    done = subprocess.run([*DVC, *arguments], cwd=tree, env=env, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise DVCError(f"dvc {' '.join(arguments)} failed in {tree}: {done.stderr.strip()[-2000:]}")
    return done.stdout
