"""What a run works on: its folder, environment and failures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Protocol

from pipeline.processes.processes import Processes
from pipeline.repository.graph import DVC
from pipeline.repository.shared_cache import SharedCache

LAST_LINES = 20
"""How much of a failed stage's output its error shows."""


class StageError(RuntimeError):
    """A stage ended with an error; the message has its last lines."""


class Pool(Protocol):
    """Where trainings run instead of here."""

    def run(self, name: str, work: Work) -> Any:
        """The state of a stage that ran in the pool; None where the pool does not take it."""
        ...


class Work:
    """What the stages of a run share: the tree they work in, their environment and how they are run."""

    # No dataclass: Prefect looks into those that are given to a task.
    def __init__(
        self,
        tree: Path,
        *,
        env: Mapping[str, str],
        processes: Processes,
        force: bool = False,
        timeout: float | None = None,
        pool: Pool | None = None,
        cache: SharedCache | None = None,
    ) -> None:
        self.pool = pool
        self.cache = cache
        self.tree = tree
        self.env = env
        self.processes = processes
        self.force = force
        self.timeout = timeout

    def bring_up_to_date(self, name: str, on_line: Callable[[str], None]) -> int:
        """DVC on one stage: it waits where other stages hold the repository, and decides whether to run.

        Returns DVC's exit code; every line that it prints goes to `on_line`.

        Raises
        ------
        StoppedError, TimeLimitError
            As `Processes.run`.
        """
        command = [
            *DVC, "--wait-for-lock", "repro", "--single-item", *(["--force"] if self.force else []), name
        ]  # fmt: skip
        with self.cache.in_use() if self.cache else nullcontext():
            return self.processes.run(
                command, cwd=self.tree, env=self.env, on_line=on_line, timeout=self.timeout
            )


def failure(name: str, why: str, last: Sequence[str]) -> str:
    """A failed stage's message."""
    return "\n".join([f"stage {name} failed: {why}. Its last lines:", *(f"  {line}" for line in last)])
