"""One stage of the graph as a Prefect task."""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from prefect import task
from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.states import Cancelled, Completed, Failed

from pipeline.processes.processes import StoppedError, TimeLimitError
from pipeline.repository import overrides
from pipeline.work import LAST_LINES, StageError, Work, failure

NETWORK = ("download",)
"""Stages that try again when they fail: those that fetch something."""

NOT_RUN = "NotRun"
"""Name of the state of a stage that was not tried, since others that it needs did not end well."""

_EPOCH = re.compile(r"^\s*epoch (\d+):")
_OUTCOMES = {"didn't change, skipping": "Unchanged", "is cached - skipping run": "Cached"}


@task(task_run_name="{name}", cache_policy=NO_CACHE, persist_result=False)
def run_stage(name: str, work: Work, *, unmet: Sequence[str] = ()) -> State[Any]:
    """Let DVC bring a stage up to date, showing what it prints.

    Returns the state Completed, named Unchanged or Cached where DVC had nothing to run; Failed, named NotRun,
    where stages that it needs did not end well (`unmet`); Cancelled, named Stopped, where the run is ending.

    Raises
    ------
    StageError
        With the last lines of the output, where the stage fails or takes too long.
    """
    if unmet:
        # Of type Failed, since Prefect leaves what depends on a cancelled task pending for ever.
        return Failed(name=NOT_RUN, message=f"not run, for want of {', '.join(unmet)}")
    if work.pool is not None and (state := work.pool.run(name, work)) is not None:
        return state
    logger = get_run_logger()
    last: deque[str] = deque(maxlen=LAST_LINES)
    progress = Progress(name, overrides.epochs(overrides.read(work.tree), name))
    outcomes: list[str] = []

    def on_line(line: str) -> None:
        if not line:
            return
        last.append(line)
        logger.info("%s", line)
        progress.see(line)
        outcomes.extend(state for words, state in _OUTCOMES.items() if words in line)

    began = time.monotonic()
    try:
        code = work.bring_up_to_date(name, on_line)
    except StoppedError:
        return Cancelled(name="Stopped", message="ended with its run")
    except TimeLimitError as error:
        raise StageError(failure(name, str(error), last)) from None
    if code != 0:
        raise StageError(failure(name, f"dvc ended with code {code}", last))
    if outcomes:
        return Completed(name=outcomes[-1], message="DVC found it up to date")
    progress.end()
    return Completed(message=f"ran {time.monotonic() - began:.0f} s")


class Progress:
    """A training's epochs as a progress artifact, from the lines it prints: `epoch 7: loss …`."""

    def __init__(
        self,
        stage: str,
        epochs: int | None,
        *,
        every: float = 2.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stage, self._epochs = stage, epochs
        self._every, self._clock = every, clock
        self._told = -every
        self._artifact: UUID | None = None
        self._line = ""

    def see(self, line: str) -> None:
        """Take note of an epoch's line; tell the server every few seconds."""
        match = _EPOCH.match(line)
        if match is None or not self._epochs:
            return
        self._line = line.strip()
        if self._clock() - self._told >= self._every or int(match[1]) == self._epochs:
            self._tell(min(100.0, 100 * int(match[1]) / self._epochs))

    def end(self) -> None:
        """A training that ended is done, also where it stopped before its last epoch."""
        if self._artifact is not None:
            self._tell(100.0)

    def _tell(self, percent: float) -> None:
        self._told = self._clock()
        about = f"{self._stage}, {self._epochs} epochs: {self._line}"
        if self._artifact is None:
            key = re.sub(r"[^a-z0-9]+", "-", f"progress-{self._stage}".lower()).strip("-")
            made = create_progress_artifact(progress=percent, key=key, description=about)
            self._artifact = made  # pyright: ignore[reportAttributeAccessIssue]
        else:
            update_progress_artifact(self._artifact, progress=percent, description=about)
