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

from pipeline.processes.children import StoppedError, TimeLimitError
from pipeline.repository import overrides
from pipeline.work import LAST_LINES, StageError, Work, failure_message

RETRIED = ("download",)
"""Groups of stages that are retried after a failure, because they use the network."""

NOT_RUN = "NotRun"
"""Name of the state of a stage that was not started because a dependency did not complete."""

_EPOCH = re.compile(r"^\s*epoch (\d+):")
_OUTCOMES = {"didn't change, skipping": "Unchanged", "is cached - skipping run": "Cached"}


@task(task_run_name="{name}", cache_policy=NO_CACHE, persist_result=False)
def run_stage(name: str, work: Work, *, unmet: Sequence[str] = ()) -> State[Any]:
    """Run `dvc repro` on a stage and log what it prints.

    Args:
        name: The stage.
        work: Where and how it runs.
        unmet: Dependencies that did not complete.

    Returns:
        Completed, named Unchanged or Cached if DVC skipped the stage. Failed, named NotRun, if `unmet` is not
        empty. Cancelled, named Stopped, if the run is stopping.

    Raises:
        StageError: the stage fails or exceeds its time limit; the message has its last lines.
    """
    if unmet:
        # Failed, because Prefect leaves tasks that depend on a cancelled task pending forever.
        return Failed(name=NOT_RUN, message=f"not run: {', '.join(unmet)} did not complete")
    if work.pool is not None and (state := work.pool.run(name, work)) is not None:
        return state
    logger = get_run_logger()
    last: deque[str] = deque(maxlen=LAST_LINES)
    progress = EpochProgress(name, overrides.epochs(overrides.read(work.tree), name))
    outcomes: list[str] = []

    def on_line(line: str) -> None:
        if not line:
            return
        last.append(line)
        logger.info("%s", line)
        progress.update(line)
        outcomes.extend(state for words, state in _OUTCOMES.items() if words in line)

    began = time.monotonic()
    try:
        code = work.repro(name, on_line)
    except StoppedError:
        return Cancelled(name="Stopped", message="stopped with its run")
    except TimeLimitError as error:
        raise StageError(failure_message(name, str(error), last)) from None
    if code != 0:
        raise StageError(failure_message(name, f"dvc exited with code {code}", last))
    if outcomes:
        return Completed(name=outcomes[-1], message="DVC found it up to date")
    progress.finish()
    return Completed(message=f"ran {time.monotonic() - began:.0f} s")


class EpochProgress:
    """Shows a training's epochs as a progress artifact, from the lines that it prints: `epoch 7: loss …`."""

    def __init__(
        self,
        stage: str,
        epochs: int | None,
        *,
        interval: float = 2.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare; the first epoch's line creates the artifact.

        Args:
            stage: Name of the stage.
            epochs: How many epochs it runs. None: there is no artifact.
            interval: Seconds between two updates.
            clock: Returns seconds.
        """
        self._stage, self._epochs = stage, epochs
        self._interval, self._clock = interval, clock
        self._updated = -interval
        self._artifact: UUID | None = None
        self._line = ""

    def update(self, line: str) -> None:
        """Read a line of output; if it reports an epoch, update the artifact, at most once per interval."""
        match = _EPOCH.match(line)
        if match is None or not self._epochs:
            return
        self._line = line.strip()
        if self._clock() - self._updated >= self._interval or int(match[1]) == self._epochs:
            self._send(min(100.0, 100 * int(match[1]) / self._epochs))

    def finish(self) -> None:
        """Show 100 %, also if the training stopped before its last epoch."""
        if self._artifact is not None:
            self._send(100.0)

    def _send(self, percent: float) -> None:
        self._updated = self._clock()
        description = f"{self._stage}, {self._epochs} epochs: {self._line}"
        if self._artifact is None:
            key = re.sub(r"[^a-z0-9]+", "-", f"progress-{self._stage}".lower()).strip("-")
            made = create_progress_artifact(progress=percent, key=key, description=description)
            self._artifact = made  # pyright: ignore[reportAttributeAccessIssue]
        else:
            update_progress_artifact(self._artifact, progress=percent, description=description)
