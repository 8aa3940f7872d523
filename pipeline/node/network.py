"""Programs that cross the network, tried again while it is away."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from prefect.settings import PREFECT_API_URL

from pipeline.node.parcel import REMOTE
from pipeline.processes.processes import Processes, StoppedError, TimeLimitError
from pipeline.repository.graph import DVC

TRIES = 4
"""How often a program may fail while the network is there."""
PAUSE = 5.0
"""Seconds before the second try; doubled for each further one."""
GIT_LIMIT = 600.0
"""Seconds that git may take: unlike DVC's clients, it waits for ever on a line that is dead."""
ASK = 3.0
"""Seconds between two looks whether the network is back."""


class NetworkError(RuntimeError):
    """A program failed although the network was there; the message has its last lines."""


def prefect_answers() -> bool:
    """Whether the Prefect server can be reached, which stands for the network; without a server, true."""
    address = PREFECT_API_URL.value()
    if not address:
        return True
    try:
        with urlopen(f"{address}/health", timeout=5):
            return True
    except HTTPError:  # it answers, though it may want a password
        return True
    except (URLError, OSError):
        return False


class Network:
    """Runs git and DVC commands that talk to another machine, until they succeed or it makes no sense."""

    def __init__(
        self,
        processes: Processes,
        env: Mapping[str, str],
        tell: Callable[[str], None],
        *,
        answers: Callable[[], bool] = prefect_answers,
    ) -> None:
        self._processes, self._tell, self._answers = processes, tell, answers
        self._env = {**env, "GIT_TERMINAL_PROMPT": "0"}

    def git(self, tree: Path, *arguments: str) -> None:
        """A git command that talks to the remote."""
        self._run(["git", *arguments], tree, GIT_LIMIT)

    def dvc(self, tree: Path, *arguments: str) -> None:
        """A DVC command that talks to the remote."""
        self._run([*DVC, "--wait-for-lock", *arguments], tree, None)

    def push_ref(self, tree: Path, commit: str, ref: str) -> None:
        """Have the remote know a commit by a name."""
        self.git(tree, "push", "--quiet", "--force", REMOTE, f"{commit}:{ref}")

    def fetch_ref(self, tree: Path, ref: str) -> None:
        """Have this clone know what the remote calls so, by the same name."""
        self.git(tree, "fetch", "--quiet", "--no-tags", REMOTE, f"+{ref}:{ref}")

    def await_answer(self) -> None:
        """Wait until the Prefect server answers.

        Raises
        ------
        StoppedError
            Where the run ends meanwhile.
        """
        began, told = time.monotonic(), False
        while not self._answers():
            if not told:
                self._tell("the Prefect server does not answer: waiting for the network")
                told = True
            self.sleep(ASK)
        if told:
            self._tell(f"the network is back after {time.monotonic() - began:.0f} s of waiting")

    def sleep(self, seconds: float) -> None:
        """Wait, unless the run ends."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if self._processes.stopped:
                raise StoppedError("the run is ending")
            time.sleep(min(0.5, seconds))

    def _run(self, command: Sequence[str], tree: Path, limit: float | None) -> None:
        """Run a command; a failure while the network is away does not count.

        Raises
        ------
        NetworkError
            After `TRIES` failures while it was there.
        StoppedError
            Where the run ends meanwhile.
        """
        failures = 0
        while True:
            last: deque[str] = deque(maxlen=10)
            try:
                code = self._processes.run(
                    command, cwd=tree, env=self._env, on_line=last.append, timeout=limit
                )
                why = f"code {code}"
            except TimeLimitError as error:
                code, why = 1, str(error)
            if code == 0:
                return
            shown = " ".join(command[-3:])
            self._tell(f"failed ({why}): {shown}: {' / '.join(filter(None, last))}")
            if not self._answers():
                self.await_answer()
                continue
            failures += 1
            if failures == TRIES:
                lines = "\n".join(f"  {line}" for line in last if line)
                raise NetworkError(f"{' '.join(command)} failed {TRIES} times. Its last lines:\n{lines}")
            self.sleep(PAUSE * 2 ** (failures - 1))
