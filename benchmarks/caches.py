"""Peak memory and speed of writing, reading and streaming pose caches of millions of frames.

Run from the repository: ``python -m benchmarks.caches``; writes benchmarks/results/caches.md. Needs 2 GB of
disk in the folder for temporary files, for as long as it runs.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow.parquet as pq

from benchmarks.report import Cell, Page, Ratio, Table, median, peak_mb, run
from hanet.cache.columns import PARQUET_OPTIONS
from hanet.cache.files import CacheMetadata, CacheWriter, PoseCache
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import H36M17

MILLIONS = (1, 2, 4)
POSES_MB = 216
"""Of a million frames: 51 numbers of 4 bytes, and 12 bytes of keys."""
TRACK = 2_000
COMMON = {
    "skeleton": H36M17,
    "representation": "3d",
    "unit": "m",
    "fps": 50.0,
    "frame_of_reference": "camera",
}
METADATA = CacheMetadata(dataset="synthetic", split="test", estimator="random_walk", **COMMON)


def walks(frames: int) -> Iterator[PoseSequence]:
    """Tracks of random walks, millimetres per step."""
    rng = np.random.default_rng(0)
    for track in range(frames // TRACK):
        steps = rng.standard_normal((TRACK, 17, 3), dtype=np.float32)
        yield PoseSequence(f"walk{track:05d}", np.cumsum(steps * 0.003, axis=0), **COMMON)


def write(path: Path, frames: int) -> float:
    """Seconds to write, without generating the poses."""
    spent, begin = 0.0, time.perf_counter()
    with CacheWriter(path, METADATA) as writer:
        for sequence in walks(frames):
            start = time.perf_counter()
            writer.write(sequence)
            spent += time.perf_counter() - start
        begin = time.perf_counter()
    return spent + time.perf_counter() - begin


def read(path: Path, frames: int, mmap_dir: Path | None = None) -> float:
    """Seconds to read all rows into arrays."""
    begin = time.perf_counter()
    table = PoseCache.open(path).read(mmap_dir=mmap_dir)
    spent = time.perf_counter() - begin
    assert table.values.shape == (frames, 51)
    assert table.num_segments == frames // TRACK
    return spent


def stream(path: Path, frames: int) -> float:
    """Seconds to stream all sequences."""
    begin = time.perf_counter()
    passed = sum(len(sequence) for sequence in PoseCache.open(path).sequences())
    spent = time.perf_counter() - begin
    assert passed == frames
    return spent


def write_by_arrow(path: Path, frames: int) -> float:
    """Seconds that pyarrow alone takes to write the same rows, read before, in equal row groups."""
    table = pq.read_table(path)
    sizes = pq.ParquetFile(path)
    group = sizes.metadata.row_group(0).num_rows
    begin = time.perf_counter()
    pq.write_table(table, path.with_suffix(".arrow.parquet"), row_group_size=group, **PARQUET_OPTIONS)
    return time.perf_counter() - begin


TASKS = {
    "write": write,
    "write, pyarrow alone": write_by_arrow,
    "read": read,
    "read, mmap_dir": lambda path, frames: read(path, frames, path.parent),
    "sequences()": stream,
}


def alone(task: str, path: Path, frames: int) -> dict[str, float]:
    """Run one task in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.caches", "--task", task, str(path), str(frames)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def row(task: str, path: Path, millions: int) -> list[Cell]:
    """One row of the table."""
    got = alone(task, path, millions * 1_000_000)
    above, size = got["peak"] - got["before"], path.stat().st_size / 1e6
    return [
        task,
        millions,
        millions / got["seconds"],
        got["peak"],
        above,
        above / (POSES_MB * millions),
        size,
    ]


def measure() -> Page:
    """All tasks at all sizes."""
    rows: list[list[Cell]] = []
    for millions in MILLIONS:
        with TemporaryDirectory() as folder:
            rows += [row(task, Path(folder) / "poses.parquet", millions) for task in TASKS]
    columns = {
        "task": "",
        "million frames": "d",
        "million frames/s": ".2f",
        "peak, MB": ",.0f",
        "above imports, MB": ",.0f",
        "times the arrays": ".2f",
        "file, MB": ",.0f",
    }
    rates = {task: [float(row[2]) for row in rows if row[0] == task] for task in TASKS}
    share = median(a / b for a, b in zip(rates["write"], rates["write, pyarrow alone"], strict=True))
    return Page(
        "caches",
        "Writing and reading pose caches",
        f"Synthetic random walks of 51 channels (17 joints in 3D) in tracks of {TRACK:,} frames; the poses "
        f"and their keys are {POSES_MB} MB per million frames. Each line is one run in a fresh process, the "
        "file in the page cache. *Peak* is `ru_maxrss`; *above imports* is the peak minus the memory used "
        "before the task began, also as a multiple of the arrays. Writing counts the writer's time, "
        "without generating the poses; *pyarrow alone* writes the same rows, all in memory, with the same "
        "options.",
        [Table(columns, sorted(rows, key=lambda row: list(TASKS).index(str(row[0]))))],
        ratios=[Ratio("Writing a cache", share, "pyarrow alone, of the same rows")],
    )


def main() -> None:
    """Run one task in this process, or measure all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--task", nargs=3, metavar=("TASK", "PATH", "FRAMES"), help="run one task, print JSON"
    )
    task = parser.parse_args().task
    if task is None:
        run(measure)
        return
    name, path, frames = task
    before = peak_mb()
    seconds = TASKS[name](Path(path), int(frames))
    print(json.dumps({"seconds": seconds, "before": before, "peak": peak_mb()}))


if __name__ == "__main__":
    main()
