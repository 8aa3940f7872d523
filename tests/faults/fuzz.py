"""Many damaged files of every reader: ``make fuzz`` or ``python -m tests.faults.fuzz [READER ...]``.

Works in parts of `PART` cases, notes each in a file when it ends, and after a stop goes on with the next;
another seed or changed code starts over. Exit code 1 where a reader has a fault.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from hanet.files.atomic import whole_file
from tests.faults.damage import SEED, bounded, memory_folder, problems
from tests.faults.readers import READERS

ROOT = Path(__file__).parents[2]
NOTED = ROOT / "data" / "fuzz.json"
PART = 1_000


@dataclass(frozen=True)
class Part:
    """What came of some cases of a reader.

    Attributes:
        cases: how many damaged files were read.
        seconds: of CPU.
        faults: each kind once, in words.
    """

    cases: int
    seconds: float
    faults: list[str]


def parts_of(names: Sequence[str], cases: int) -> dict[str, range]:
    """The cases of every part by its name: `PART` of a reader at most."""
    parts = {}
    for name in names:
        count = max(10, round(cases * READERS[name].share))
        for start in range(0, count, PART):
            stop = min(start + PART, count)
            parts[f"{name} {start}-{stop}"] = range(start, stop)
    return parts


def read_part(name: str, numbers: range, seed: int) -> Part:
    """Read the damaged files of a part, in a process of its own."""
    begin = time.process_time()
    with memory_folder() as folder, bounded():
        found = problems(name, numbers, folder, seed)
    return Part(len(numbers), time.process_time() - begin, found)


def source() -> str:
    """SHA-256 of the code that is tested and of the tests' own."""
    digest = hashlib.sha256()
    for folder in ("hanet", "stages", "pipeline", "tests/faults", "tests/support"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def noted_parts(path: Path, seed: int) -> dict[str, Part]:
    """The parts that an earlier run of the same code and seed has ended."""
    if not path.exists():
        return {}
    noted = json.loads(path.read_text())
    if (noted["source"], noted["seed"]) != (source(), seed):
        return {}
    return {name: Part(**part) for name, part in noted["parts"].items()}


def note_parts(path: Path, seed: int, parts: dict[str, Part]) -> None:
    """Write what has ended so far."""
    path.parent.mkdir(parents=True, exist_ok=True)
    described = {name: asdict(part) for name, part in parts.items()}
    with whole_file(path) as file:
        file.write_text(json.dumps({"source": source(), "seed": seed, "parts": described}))


def by_reader(parts: dict[str, Part]) -> dict[str, Part]:
    """The sum over the parts of each reader."""
    readers: dict[str, Part] = {}
    for name, part in parts.items():
        reader = name.split()[0]
        so_far = readers.get(reader, Part(0, 0.0, []))
        readers[reader] = Part(
            so_far.cases + part.cases, so_far.seconds + part.seconds, so_far.faults + part.faults
        )
    return readers


def _quiet() -> None:
    """No output of libraries in C between the lines of progress."""
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 1)
    os.dup2(sink, 2)


def run(parts: dict[str, range], done: dict[str, Part], *, seed: int, jobs: int, noted: Path) -> None:
    """Read what is not done yet, with progress; `done` and the file `noted` hold what has ended.

    Raises:
        RuntimeError: a reader ended its process.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    ended = sum(len(numbers) for name, numbers in parts.items() if name in done)
    with Progress(*columns) as progress, ProcessPoolExecutor(jobs, initializer=_quiet) as pool:
        bar = progress.add_task("damaged files", total=sum(map(len, parts.values())), completed=ended)
        futures = {
            pool.submit(read_part, name.split()[0], numbers, seed): name
            for name, numbers in parts.items()
            if name not in done
        }
        last = time.monotonic()
        try:
            for future in as_completed(futures):
                name = futures[future]
                done[name] = future.result()
                progress.update(bar, advance=len(parts[name]), description=name.split()[0])
                if time.monotonic() > last + 10:
                    note_parts(noted, seed, done)
                    last = time.monotonic()
        except BrokenProcessPool as error:
            next_ones = [name for name in parts if name not in done][: 2 * jobs]
            raise RuntimeError(f"a process died; one of these killed it: {', '.join(next_ones)}") from error
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            note_parts(noted, seed, done)


def main(arguments: Sequence[str] | None = None) -> int:
    """Read damaged files; print a table of readers and every fault."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("readers", nargs="*", choices=[*READERS, []], metavar="READER", help="all of them")
    parser.add_argument("--cases", type=int, default=100_000, help="per reader, times its share (100,000)")
    parser.add_argument("--seed", type=int, default=SEED, help=f"of the damage ({SEED})")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes (one per CPU)")
    parser.add_argument("--noted", type=Path, default=NOTED, help="where to note what has ended")
    chosen = parser.parse_args(arguments)
    parts = parts_of(chosen.readers or list(READERS), chosen.cases)
    done = noted_parts(chosen.noted, chosen.seed)
    run(parts, done, seed=chosen.seed, jobs=chosen.jobs, noted=chosen.noted)
    readers = by_reader({name: done[name] for name in parts})
    table = Table("reader", "damaged files", "ms each", "faults")
    for name, part in readers.items():
        milliseconds = f"{1e3 * part.seconds / part.cases:.1f}"
        table.add_row(name, f"{part.cases:,}", milliseconds, str(len(part.faults)))
    console = Console()
    console.print(table)
    faults = [fault for part in readers.values() for fault in part.faults]
    cases = sum(part.cases for part in readers.values())
    console.print(f"{cases:,} damaged files of {len(readers)} readers, {len(faults)} kinds of faults")
    for fault in faults:
        console.print(fault, markup=False, highlight=False)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
