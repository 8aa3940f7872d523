"""Programs that end with the run that started them, one supervisor each (`pipeline.processes.supervise`)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType

from pipeline.processes.supervise import PR_SET_PDEATHSIG, on_linux

SUPERVISOR = (sys.executable, "-P", str(Path(__file__).with_name("supervise.py")))
"""By path, so that an older revision's work tree may be the current folder."""
PATIENCE = 8.0
"""Seconds a supervisor has to end what it watches, before it is killed itself."""


class StoppedError(RuntimeError):
    """The run is ending, so its programs were ended or not started."""


class TimeLimitError(RuntimeError):
    """A program took longer than it may, and was ended."""


def told_to_end() -> threading.Event:
    """An event that Ctrl-C and SIGTERM set, on Linux the end of the process that started this one too.

    So a killed `make` leaves nothing behind.
    """
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    starter = os.getppid()
    on_linux(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != starter:  # it ended before the request was in place
        stop.set()
    return stop


def supervised(
    command: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    keep_open: Sequence[int] = (),
    **kwargs: object,
) -> subprocess.Popen[str]:
    """Start a program under a supervisor, in a session of its own; closing its `stdin` ends it all."""
    return subprocess.Popen(
        [*SUPERVISOR, *command],
        cwd=cwd,
        env=dict(env),
        stdin=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C is the run's to handle
        pass_fds=tuple(keep_open),
        **kwargs,  # pyright: ignore[reportArgumentType, reportCallIssue]
    )


def end(program: subprocess.Popen[str]) -> None:
    """End a supervised program and wait for that, ten seconds at most."""
    if program.stdin is not None:
        program.stdin.close()
    try:
        program.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        program.kill()
        program.wait()


class Processes:
    """The programs of a run. Leaving the block ends those that run; none can be started after.

    Several threads may run programs at once. `keep_open` are file descriptors that supervisors hold as long
    as their program lives: a lock taken through one is let go only when no program is left.
    """

    def __init__(self, *, keep_open: Sequence[int] = ()) -> None:
        self._keep_open = tuple(keep_open)
        self._running: set[subprocess.Popen[str]] = set()
        self._lock = threading.Lock()
        self._stopped = False

    def __enter__(self) -> Processes:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def stopped(self) -> bool:
        """Whether programs were ended before their time, or would be."""
        return self._stopped

    def stop(self) -> None:
        """End all programs and refuse further ones; return when none is left."""
        with self._lock:
            self._stopped = True
            running = list(self._running)
        for program in running:
            if program.stdin is not None:
                program.stdin.close()
        for program in running:
            end(program)

    def run(
        self,
        command: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        on_line: Callable[[str], None],
        timeout: float | None = None,
    ) -> int:
        """Run a program to its end, handing over each line it prints; return its exit code.

        Raises
        ------
        TimeLimitError
            After `timeout` seconds.
        StoppedError
            Where `stop` was called, before or meanwhile.
        """
        with self._lock:
            if self._stopped:
                raise StoppedError("the run is ending")
            program = supervised(
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
        timer = threading.Timer(timeout or 0, lambda: (late.set(), end(program)))
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
            end(program)
            with self._lock:
                self._running.discard(program)
        if self._stopped:
            raise StoppedError("the run is ending")
        if late.is_set():
            raise TimeLimitError(f"ended after {timeout:g} seconds, the time it had")
        return code
