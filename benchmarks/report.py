"""What a benchmark measured: its page, its numbers in `results/measured.json`, and their machine."""

from __future__ import annotations

import json
import os
import platform
import resource
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

RESULTS = Path(__file__).parent / "results"
MEASURED = RESULTS / "measured.json"
Cell = str | float


@dataclass(frozen=True)
class Table:
    """Rows under headings.

    Attributes:
        columns: heading and format specification of each column; an empty one is for text.
        rows: one cell per column.
    """

    columns: dict[str, str]
    rows: Sequence[Sequence[Cell]]

    def markdown(self) -> list[str]:
        """The table's lines."""
        formats = list(self.columns.values())
        cells = [
            [format(cell, spec) for cell, spec in zip(row, formats, strict=True)]  # text has no specification
            for row in self.rows
        ]
        marks = ["---:" if spec else "---" for spec in formats]
        return [f"| {' | '.join(line)} |" for line in [list(self.columns), marks, *cells]]


@dataclass(frozen=True)
class Floor:
    """A rate beside the highest that the machine reached in the same run.

    Attributes:
        what: what was measured.
        rate: its operations or bytes per second, in `unit`.
        peak: the machine's own rate.
        unit: GFLOP/s or GB/s.
        of: what the machine did at its own rate.
    """

    what: str
    rate: float
    peak: float
    unit: str
    of: str


@dataclass(frozen=True)
class Ratio:
    """How many times as fast something is as the plain way, in the same run."""

    what: str
    times: float
    over: str


@dataclass(frozen=True)
class Page:
    """What one benchmark found; `name` is that of its module and of its page."""

    name: str
    title: str
    text: str
    tables: Sequence[Table]
    floors: Sequence[Floor] = ()
    ratios: Sequence[Ratio] = ()
    closing: str = ""
    limits: Sequence[str] = ()
    """What stops it, for docs/speed.md: each a sentence or two with shares measured in the run."""


def environment() -> str:
    """Processor, load and versions, in one line."""
    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    packages = ", ".join(f"{name} {version(name)}" for name in ("numpy", "pyarrow", "torch", "onnxruntime"))
    # Other work makes rates lower bounds; the load average shows it.
    return (
        f"{cpu}, {os.cpu_count()} processors, load average {os.getloadavg()[0]:.1f} at the end; "
        f"Python {platform.python_version()}, {packages}."
    )


def run(measure: Callable[[], Page]) -> None:
    """Measure, keep the numbers, write the page and print it."""
    page = measure()
    measured = json.loads(MEASURED.read_text()) if MEASURED.exists() else {}
    measured[page.name] = asdict(page) | {"environment": environment()}
    text = json.dumps(dict(sorted(measured.items())), indent=1, ensure_ascii=False)
    MEASURED.write_text(text + "\n")
    text = markdown(measured[page.name])
    (RESULTS / f"{page.name}.md").write_text(text)
    print(text)


def markdown(entry: dict[str, Any]) -> str:
    """The page of one entry of `measured.json`."""
    lines = [f"# {entry['title']}", "", entry["text"], ""]
    for table in entry["tables"]:
        lines += [*Table(**table).markdown(), ""]
    lines += [entry["closing"], ""] if entry["closing"] else []
    lines += [f"- {limit}" for limit in entry.get("limits", ())]
    lines += [""] if entry.get("limits") else []
    return "\n".join([*lines, entry["environment"]]) + "\n"


def in_turns(
    *functions: Callable[[], object],
    runs: int,
    warm_up: int = 2,
    clock: Callable[[], float] = perf_counter,
) -> list[np.ndarray]:
    """Seconds of every call of each function, called in turns so that all meet the same disturbances.

    `time.process_time` as clock counts this process alone, whatever else runs.
    """
    seconds = np.empty((len(functions), warm_up + runs))
    for turn in range(warm_up + runs):
        for number, function in enumerate(functions):
            start = clock()
            function()
            seconds[number, turn] = clock() - start
    return list(seconds[:, warm_up:])


def matrix_product(size: int = 1024) -> tuple[Callable[[], object], float]:
    """NumPy's product of two float32 matrices, and its operations: the core's own rate, by one thread."""
    threadpool_limits(limits=1)  # in this process from now on; PyTorch's threads are counted apart
    square = np.random.default_rng(0).normal(size=(size, size)).astype(np.float32)
    return lambda: square @ square, 2.0 * size**3


def copy(megabytes: int = 64) -> tuple[Callable[[], object], float]:
    """A copy of an array that no cache holds, and the bytes that it reads and writes."""
    source = np.zeros(megabytes * 250_000, dtype=np.float32)
    target = np.ones_like(source)
    return lambda: np.copyto(target, source), 2.0 * source.nbytes


def peak_mb() -> float:
    """Largest resident memory of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def median(seconds: Iterable[float]) -> float:
    """The median of times."""
    return float(np.median(list(seconds)))
