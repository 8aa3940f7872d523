"""SIGKILL at random moments: what is there afterwards is whole, and the next run ends as an unbroken one.

The tests make 13 kills in all, `make kill-test` 500 (HANET_KILLS per program). A flow runs its graph in
processes of DVC, which are killed here as program graph; a whole flow needs a Prefect server, so its kill is
a test of tests/pipeline/test_flows.py. Servers and workers are killed in tests/pipeline/server/test_serve.py,
nodes in tests/pipeline/node/test_node.py.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest

from tests.faults.programs import PROGRAMS, prepare

COUNT = int(os.environ.get("HANET_KILLS", "0"))
SHORT = {"graph": 1}
"""Kills in a run of the tests, where they are not 3: each run of the graph starts three interpreters."""
SEED = int(os.environ.get("HANET_KILLS_SEED", "4321"))


@pytest.fixture(scope="module")
def processes() -> Iterator[ForkServerContext]:
    """Processes that start at once: their modules are loaded in the server that they are forked from."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.faults.programs"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        _run(context, "export", None)
        yield context


def _alone(name: str, folder: Path | None) -> None:
    """A program in a process group of its own; without a folder only its modules are loaded."""
    os.setsid()
    if folder is not None:
        PROGRAMS[name][0](folder)


def _run(context: ForkServerContext, name: str, folder: Path | None, seconds: float = 300.0) -> float:
    """Run a program for at most so many seconds, then kill it; the seconds that it took."""
    process = context.Process(target=_alone, args=(name, folder))
    began = time.monotonic()
    process.start()
    process.join(seconds)
    took = time.monotonic() - began
    killed = process.is_alive()
    if killed and process.pid is not None:
        with suppress(ProcessLookupError):  # it has ended meanwhile
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.join()
    assert process.exitcode == 0 or killed
    return took


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_killed_program_leaves_nothing_half_written(
    tmp_path: Path, processes: ForkServerContext, name: str
) -> None:
    broken, unbroken = tmp_path / "broken", tmp_path / "unbroken"
    for folder in (broken, unbroken):
        folder.mkdir()
        prepare(folder)
    took = _run(processes, name, unbroken)
    expected = (unbroken / PROGRAMS[name][1]).read_bytes()
    out = broken / PROGRAMS[name][1]
    rng = random.Random(f"{SEED} {name}")
    for _ in range(COUNT or SHORT.get(name, 3)):
        _run(processes, name, broken, rng.uniform(0.0, 0.9) * took)
        assert not out.exists() or out.read_bytes() == expected
        if out.exists() and rng.random() < 0.5:
            out.unlink()
    _run(processes, name, broken)
    assert out.read_bytes() == expected
