"""Overhead per stage: plain DVC, DVC once per stage, and the flow.

Run from the repository: ``python -m benchmarks.prefect``; writes benchmarks/results/prefect.md. Takes
minutes.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from prefect.testing.utilities import prefect_test_harness

from benchmarks.report import Page, Ratio, Table, median, run
from pipeline.repository.command import DVC
from pipeline.reproduce import reproduce

STAGES, ROUNDS = 10, 5
DVC_YAML = """\
stages:
  stage:
    matrix: {{number: [{numbers}]}}
    cmd: echo ${{item.number}} > ${{item.number}}.txt
    outs: ["${{item.number}}.txt"]
"""


def write_project(tree: Path, stages: int) -> None:
    """Create a graph of independent, nearly empty stages, in git."""
    subprocess.run(["git", "init", "--quiet", tree], check=True)
    subprocess.run([*DVC, "init", "--quiet"], cwd=tree, check=True)
    subprocess.run([*DVC, "config", "core.check_update", "false"], cwd=tree, check=True)
    (tree / "dvc.yaml").write_text(DVC_YAML.format(numbers=", ".join(map(str, range(stages)))))
    (tree / "mlflow.db").touch()  # nothing here writes to MLflow


@contextmanager
def inside(folder: Path) -> Iterator[None]:
    """Work in a folder."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def plain() -> None:
    """All stages by one `dvc repro`."""
    subprocess.run([*DVC, "repro", "--quiet"], check=True)


def one_by_one(stages: int) -> None:
    """A `dvc repro` for each stage, as the flow does."""
    for number in range(stages):
        target = f"stage@{number}"
        subprocess.run([*DVC, "--wait-for-lock", "repro", "--quiet", "--single-item", target], check=True)


def timed(work: Callable[[], object], stages: int) -> tuple[float, float]:
    """Seconds that a way takes in a new project: with everything to do, and again with nothing to do."""
    with TemporaryDirectory() as folder:
        tree = Path(folder) / "project"
        write_project(tree, stages)
        seconds = []
        with inside(tree):
            for _ in range(2):
                begin = time.perf_counter()
                work()
                seconds.append(time.perf_counter() - begin)
            made = len(list(tree.glob("*.txt")))
    if made != stages:
        raise SystemExit(f"expected {stages} files, got {made}")
    return seconds[0], seconds[1]


def measure() -> Page:
    """All ways, in turns."""
    ways: dict[str, Callable[[], object]] = {
        "`dvc repro`, one process": plain,
        "`dvc repro --single-item`, one process per stage": lambda: one_by_one(STAGES),
        "the flow, one stage at a time": lambda: reproduce(jobs=1),
        "the flow, two stages at once": lambda: reproduce(jobs=2),
    }
    os.environ |= {"PREFECT_LOGGING_LEVEL": "ERROR", "DVC_NO_ANALYTICS": "1"}
    with prefect_test_harness(server_startup_timeout=180):
        timed(lambda: reproduce(jobs=1), 1)  # so that the first measurement does not include imports
        rounds = [{way: timed(work, STAGES) for way, work in ways.items()} for _ in range(ROUNDS)]
    middle = {
        way: (median(got[way][0] for got in rounds), median(got[way][1] for got in rounds)) for way in ways
    }
    plainly = next(iter(ways))
    times = {way: median(got[way][0] / got[plainly][0] for got in rounds) for way in ways}
    columns = {
        "way": "",
        "seconds": ".1f",
        "per stage, s": ".2f",
        "times plain DVC": ".1f",
        "nothing to do, s": ".1f",
    }
    return Page(
        "prefect",
        "Stages run by Prefect",
        f"{STAGES} independent stages, each an `echo`; everything to do, then again with nothing to do. "
        f"Times are medians of {ROUNDS} rounds, all ways in turn in each. The server was already running; a "
        "flow's "
        f"time includes reading the graph (`dvc dag`) and reporting to the server. DVC {version('dvc')}, "
        f"Prefect {version('prefect')}.",
        [Table(columns, [[way, did, did / STAGES, times[way], idle] for way, (did, idle) in middle.items()])],
        ratios=[
            Ratio(f"{STAGES} stages, {way}", 1 / times[way], "plain DVC") for way in ways if way != plainly
        ],
        limits=[
            "Stages run by Prefect: a `dvc` process for each stage, which imports DVC and reads the graph "
            f"again, is {times[list(ways)[1]]:.1f} times one `dvc repro`; the flow adds the rest. Stages of "
            "the real graph take seconds to minutes."
        ],
    )


if __name__ == "__main__":
    run(measure)
