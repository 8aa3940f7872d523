"""Git and DVC commands that cross the network: retried, and paused while the network is down."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from prefect.settings import PREFECT_API_URL

from pipeline.node.payload import REMOTE
from pipeline.processes.children import Children, StoppedError, TimeLimitError
from pipeline.repository.command import DVC

MAX_TRIES = 4
"""How often a command may fail while the network is up."""
RETRY_DELAY = 5.0
"""Seconds before the first retry; doubled for each further one."""
GIT_TIMEOUT = 600.0
"""Seconds that a git command may take. DVC's clients have timeouts of their own, git waits forever."""
POLL = 3.0
"""Seconds between two checks whether the network is up again."""


class NetworkError(RuntimeError):
    """A command failed although the network is up; the message has its last lines."""


def server_reachable() -> bool:
    """Return whether the Prefect server answers, which stands for the network; true if no server is set."""
    address = PREFECT_API_URL.value()
    if not address:
        return True
    try:
        with urlopen(f"{address}/health", timeout=5):
            return True
    except HTTPError:  # any answer counts, also a refusal
        return True
    except (URLError, OSError):
        return False


class Network:
    """Runs git and DVC commands that talk to another machine until they succeed or retrying is pointless."""

    def __init__(
        self,
        children: Children,
        env: Mapping[str, str],
        log: Callable[[str], None],
        *,
        reachable: Callable[[], bool] = server_reachable,
    ) -> None:
        """Use a run's children and environment.

        Args:
            children: Runs the commands.
            env: Their environment.
            log: Receives a line for each failure and each wait.
            reachable: Whether the network is up.
        """
        self._children, self._log, self._reachable = children, log, reachable
        self._env = {**env, "GIT_TERMINAL_PROMPT": "0"}

    def git(self, tree: Path, *arguments: str) -> None:
        """Run a git command that talks to the remote; raises as `_run`."""
        self._run(["git", *arguments], tree, GIT_TIMEOUT)

    def dvc(self, tree: Path, *arguments: str) -> None:
        """Run a DVC command that talks to the remote; raises as `_run`."""
        self._run([*DVC, "--wait-for-lock", *arguments], tree, None)

    def push_ref(self, tree: Path, commit: str, ref: str) -> None:
        """Push a commit to the remote as `ref`."""
        self.git(tree, "push", "--quiet", "--force", REMOTE, f"{commit}:{ref}")

    def fetch_ref(self, tree: Path, ref: str) -> None:
        """Fetch `ref` from the remote under the same name."""
        self.git(tree, "fetch", "--quiet", "--no-tags", REMOTE, f"+{ref}:{ref}")

    def wait_until_reachable(self) -> None:
        """Wait until the Prefect server answers.

        Raises:
            StoppedError: the run is stopping.
        """
        began, logged = time.monotonic(), False
        while not self._reachable():
            if not logged:
                self._log("the Prefect server does not answer: waiting for the network")
                logged = True
            self.sleep(POLL)
        if logged:
            self._log(f"the network is back after {time.monotonic() - began:.0f} s")

    def sleep(self, seconds: float) -> None:
        """Sleep.

        Raises:
            StoppedError: the run is stopping.
        """
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if self._children.stopped:
                raise StoppedError("the run is stopping")
            time.sleep(min(0.5, seconds))

    def _run(self, command: Sequence[str], tree: Path, timeout: float | None) -> None:
        """Run a command until it succeeds; failures while the network is down do not count.

        Raises:
            NetworkError: it failed `MAX_TRIES` times while the network was up.
            StoppedError: the run is stopping.
        """
        failures = 0
        while True:
            last: deque[str] = deque(maxlen=10)
            try:
                code = self._children.run(
                    command, cwd=tree, env=self._env, on_line=last.append, timeout=timeout
                )
                reason = f"code {code}"
            except TimeLimitError as error:
                code, reason = 1, str(error)
            if code == 0:
                return
            shown = " ".join(command[-3:])
            self._log(f"failed ({reason}): {shown}: {' / '.join(filter(None, last))}")
            if not self._reachable():
                self.wait_until_reachable()
                continue
            failures += 1
            if failures == MAX_TRIES:
                lines = "\n".join(f"  {line}" for line in last if line)
                raise NetworkError(f"{' '.join(command)} failed {MAX_TRIES} times. Its last lines:\n{lines}")
            self.sleep(RETRY_DELAY * 2 ** (failures - 1))
