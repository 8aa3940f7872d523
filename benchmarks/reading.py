"""Peak memory and speed of writing, reading and streaming pose caches of millions of frames.

Run from the repository: ``python -m benchmarks.reading``; writes benchmarks/results/reading.md. Needs 2 GB of
disk in the folder for temporary files, for as long as it runs.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.report import environment, save
from hanet.cache.files import CacheMetadata, CacheWriter, PoseCache
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import H36M17

MILLIONS = (1, 2, 4)
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


TASKS = {
    "write": write,
    "read": read,
    "read, mmap_dir": lambda path, frames: read(path, frames, path.parent),
    "sequences()": stream,
}


def peak_mb() -> float:
    """Largest resident memory of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def measure(task: str, path: Path, frames: int) -> dict[str, float]:
    """Run one task in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.reading", "--task", task, str(path), str(frames)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def row(task: str, path: Path, millions: int) -> str:
    """One row of the table."""
    got = measure(task, path, millions * 1_000_000)
    return (
        f"| {task} | {millions} | {millions * 1e6 / got['seconds'] / 1e6:.2f} | {got['peak']:,.0f} "
        f"| {got['peak'] - got['before']:,.0f} | {path.stat().st_size / 1e6:,.0f} |"
    )


def report() -> None:
    """Measure everything and write the table."""
    rows = []
    for millions in MILLIONS:
        with TemporaryDirectory() as folder:
            rows += [row(task, Path(folder) / "poses.parquet", millions) for task in TASKS]
    lines = [
        "# Writing and reading pose caches",
        "",
        f"Synthetic random walks of 51 channels (17 joints in 3D) in tracks of {TRACK:,} frames; the "
        "pose array alone is 204 MB per million frames, its keys 12 MB. Each line is one run in a fresh "
        "process, the file in the page cache. *Peak* is `ru_maxrss`; *above imports* is the peak minus "
        "the memory used before the task began. Writing counts the writer's time, without generating the "
        "poses.",
        "",
        "| task | million frames | million frames/s | peak, MB | above imports, MB | file, MB |",
        "|---|---:|---:|---:|---:|---:|",
        *sorted(rows),
        "",
        environment(),
    ]
    save("reading", lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--task", nargs=3, metavar=("TASK", "PATH", "FRAMES"), help="run one task, print JSON"
    )
    task = parser.parse_args().task
    if task is None:
        report()
        return
    name, path, frames = task
    before = peak_mb()
    seconds = TASKS[name](Path(path), int(frames))
    print(json.dumps({"seconds": seconds, "before": before, "peak": peak_mb()}))


if __name__ == "__main__":
    main()
