"""Common code of stages: exit with the parent, headline, user errors, paths.

Only this module, `stages.publish` and `stages.tracking.model` import MLflow, and only where it is used:
importing it takes seconds. `stages.tracking.tables` gets a client.
"""

from __future__ import annotations

import ctypes
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from hanet.download.unpack import ArchiveError
from hanet.estimators.common.weight_files import WeightStore
from hanet.files.atomic import write_json
from hanet.poses.plausible import NoPosesError
from hanet.progress import console

DATA = Path("data")
RAW, POSES, PAIRS = DATA / "raw", DATA / "poses", DATA / "pairs"
MODELS, REFINED, REPORTS = DATA / "models", DATA / "refined", DATA / "reports"
RESOLVED = DATA / "resolved"
"""Folder of what determines each stage's result in addition to its data, see `stages.resolve`."""
FIGURES, RECEIPTS = DATA / "figures", DATA / "published"
HASHES = DATA / "hashes"
"""SHA-256 of publishers' files, recorded on first use: not an output of DVC, so that later runs are checked
against it.
"""
WEIGHTS = WeightStore(DATA / "weights", HASHES / "weights.json")
SCRATCH = DATA / "scratch"
TIMES = DATA / "scratch" / "times"
"""States of unfinished trainings: not an output of DVC, so that they survive a killed run."""

_PR_SET_PDEATHSIG = 1


def truth_path(experiment: str, split: str) -> Path:
    """The ground-truth cache of a split, in the folder of `detected_path`."""
    return PAIRS / experiment / f"gt-{split}.parquet"


def detected_path(experiment: str, split: str) -> Path:
    """The cache of an experiment's detected poses of a split."""
    return PAIRS / experiment / f"detected-{split}.parquet"


def kinds_path(experiment: str) -> Path:
    """What the simulated detector did to each test frame, where it is known."""
    return PAIRS / experiment / "kinds-test.parquet"


@contextmanager
def stage(*title: str) -> Iterator[None]:
    """Context of a stage's work: prints a headline, notes the time in `TIMES`, and applies `user_errors`."""
    die_with_parent()
    with user_errors():
        # Stages that compute without PyTorch are not made to wait for it.
        on = machine() if "torch" in sys.modules else f"Python {platform.python_version()}, commit {commit()}"
        console.print(f"[bold]{' '.join(title)}[/] on {on}")
        began = time.monotonic()
        yield
        seconds = round(time.monotonic() - began, 1)
        write_json(TIMES / f"{'-'.join(title).replace(' ', '-')}.json", {"of": title, "seconds": seconds})


@contextmanager
def user_errors() -> Iterator[None]:
    """Print errors that a user can correct as one line, without a traceback (exit 2; 1 without poses)."""
    try:
        yield
    except (ValueError, OSError, ArchiveError) as error:
        Console(stderr=True, soft_wrap=True, highlight=False).print(f"Error: {error}", markup=False)
        raise SystemExit(1 if isinstance(error, NoPosesError) else 2) from None


def die_with_parent() -> None:
    """On Linux, exit when the parent process exits, e.g. a killed `dvc repro`.

    DVC leaves the commands of its stages running when it is killed; an orphan could then write into the
    output of the next run.
    """
    if sys.platform == "linux":
        parent = os.getppid()
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # the parent exited before the request was in place
            os.kill(os.getpid(), signal.SIGKILL)


def machine() -> str:
    """Description of this machine: device, threads, PyTorch, Python, commit."""
    from hanet.models.device import hardware  # imports PyTorch, which takes seconds

    return f"{hardware()}, Python {platform.python_version()}, commit {commit()}"


def commit() -> str:
    """The work tree's commit; ``-dirty`` where tracked files differ, ``unknown`` outside git.

    Files that the pipeline itself writes (dvc.lock, data/) do not count: they differ during every run.
    """

    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], capture_output=True, text=True, check=True).stdout.strip()

    try:
        changed = git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!dvc.lock", ":!data")
        return git("rev-parse", "--short", "HEAD") + ("-dirty" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
