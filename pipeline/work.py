"""What the stages of a run share: folder, environment, and how a stage is run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Protocol

from pipeline.processes.children import Children
from pipeline.repository.command import DVC
from pipeline.repository.rwlock import mend
from pipeline.repository.shared_cache import SharedCache

LAST_LINES = 20
"""How many lines of a failed stage's output its error shows."""


class StageError(RuntimeError):
    """A stage failed; the message has its last lines."""


class Pool(Protocol):
    """Runs stages elsewhere."""

    def run(self, name: str, work: Work) -> Any:
        """Return the state of a stage that ran in the pool; None if the pool does not accept it."""
        ...


class Work:
    """The tree that a run's stages work in, their environment and options."""

    # Not a dataclass: Prefect visits the fields of dataclasses that are passed to tasks.
    def __init__(
        self,
        tree: Path,
        *,
        env: Mapping[str, str],
        children: Children,
        force: bool = False,
        timeout: float | None = None,
        pool: Pool | None = None,
        cache: SharedCache | None = None,
    ) -> None:
        """Describe the work.

        Args:
            tree: Where the stages run.
            env: Their environment.
            children: Runs their programs.
            force: Run stages also if DVC finds them up to date.
            timeout: Time limit of one stage, seconds.
            pool: Runs some of the stages elsewhere.
            cache: The tree's DVC cache, if it is not the main tree.
        """
        self.tree = tree
        self.env = env
        self.children = children
        self.force = force
        self.timeout = timeout
        self.pool = pool
        self.cache = cache

    def repro(self, name: str, on_line: Callable[[str], None]) -> int:
        """Run `dvc repro` on one stage; DVC decides whether to run it, and waits for its own locks.

        Every line that DVC prints goes to `on_line`. Returns DVC's exit code.

        Raises:
            StoppedError: the run is stopping.
            TimeLimitError: the stage exceeded `timeout`.
        """
        force = ["--force"] if self.force else []
        command = [*DVC, "--wait-for-lock", "repro", "--single-item", *force, name]
        with self.cache.synced() if self.cache else nullcontext():
            mend(self.tree)
            return self.children.run(
                command, cwd=self.tree, env=self.env, on_line=on_line, timeout=self.timeout
            )


def failure_message(name: str, reason: str, last: Sequence[str]) -> str:
    """Return the error message of a failed stage."""
    return "\n".join([f"stage {name} failed: {reason}. Its last lines:", *(f"  {line}" for line in last)])
