"""Child processes that cannot outlive the run that started them.

Each runs under a supervisor of its own (`pipeline.processes.supervise`).
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType

from pipeline.processes.supervise import PR_SET_PDEATHSIG, prctl

SUPERVISOR = (sys.executable, "-P", str(Path(__file__).with_name("supervise.py")))
"""By path, because the current folder may be a work tree of an older revision."""
SHUTDOWN_TIMEOUT = 8.0
"""Seconds that a supervisor has to terminate its process tree before it is killed."""


class StoppedError(RuntimeError):
    """The run is stopping: its programs were terminated or not started."""


class TimeLimitError(RuntimeError):
    """A program exceeded its time limit and was terminated."""


def stop_event() -> threading.Event:
    """Return an event that is set by SIGINT and SIGTERM, and on Linux when the parent process dies.

    The last leaves nothing running after `make` was killed.
    """
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    parent = os.getppid()
    prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it died before prctl took effect
        stop.set()
    return stop


def start_supervised(
    command: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    keep_open: Sequence[int] = (),
    **kwargs: object,
) -> subprocess.Popen[str]:
    """Start a program under a supervisor, in a new session; closing its `stdin` terminates its tree."""
    return subprocess.Popen(
        [*SUPERVISOR, *command],
        cwd=cwd,
        env=dict(env),
        stdin=subprocess.PIPE,
        text=True,
        start_new_session=True,  # the run handles Ctrl-C
        pass_fds=tuple(keep_open),
        **kwargs,  # pyright: ignore[reportArgumentType, reportCallIssue]
    )


def terminate(program: subprocess.Popen[str]) -> None:
    """Terminate a supervised program and wait for it, at most ten seconds."""
    if program.stdin is not None:
        program.stdin.close()
    try:
        program.wait(SHUTDOWN_TIMEOUT)
    except subprocess.TimeoutExpired:
        program.kill()
        program.wait()


class Children:
    """The supervised programs of a run. Leaving the block terminates them; then none can be started.

    Several threads may run programs at the same time.
    """

    def __init__(self, *, keep_open: Sequence[int] = ()) -> None:
        """Make an empty group.

        Args:
            keep_open: File descriptors that supervisors inherit. A lock on one of them is held until the last
                program has exited.
        """
        self._keep_open = tuple(keep_open)
        self._running: set[subprocess.Popen[str]] = set()
        self._lock = threading.Lock()
        self._stopped = False

    def __enter__(self) -> Children:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._stopped

    def stop(self) -> None:
        """Terminate all programs and refuse new ones; return when none is left."""
        with self._lock:
            self._stopped = True
            running = list(self._running)
        for program in running:
            if program.stdin is not None:
                program.stdin.close()
        for program in running:
            terminate(program)

    def run(
        self,
        command: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        on_line: Callable[[str], None],
        timeout: float | None = None,
    ) -> int:
        """Run a program, pass each line of its output to `on_line`, and return its exit code.

        Raises:
            TimeLimitError: the program ran longer than `timeout` seconds.
            StoppedError: `stop` was called before or during the run.
        """
        with self._lock:
            if self._stopped:
                raise StoppedError("the run is stopping")
            program = start_supervised(
                command,
                cwd=cwd,
                env=env,
                keep_open=self._keep_open,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                errors="replace",
            )
            self._running.add(program)
        late = threading.Event()
        timer = threading.Timer(timeout or 0, lambda: (late.set(), terminate(program)))
        timer.daemon = True
        try:
            if timeout is not None:
                timer.start()
            assert program.stdout is not None
            with program.stdout:
                for line in program.stdout:
                    on_line(line.rstrip())
            code = program.wait()
        finally:
            timer.cancel()
            terminate(program)
            with self._lock:
                self._running.discard(program)
        if self._stopped:
            raise StoppedError("the run is stopping")
        if late.is_set():
            raise TimeLimitError(f"terminated: exceeded its time limit of {timeout:g} s")
        return code
