"""Time and peak memory of large data sets: poses of many sequences, many MLflow runs, many experiments.

Run from the repository: ``python -m benchmarks.scale``; writes benchmarks/results/scale.md. Writes up to 7 GB
into the folder for temporary files and takes half an hour of CPU; ``--part 0.1`` measures a tenth of each
size.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.report import Cell, Page, Table, peak_mb, run
from hanet.cache.files import CacheMetadata, CacheWriter, PoseCache
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import H36M17

FRAMES = 100
"""Of a sequence."""
SEQUENCES = (25_000, 50_000, 100_000)
RUNS = (250, 500, 1_000)
EXPERIMENTS = (12, 25, 50)
COMMON = {
    "skeleton": H36M17,
    "representation": "3d",
    "unit": "m",
    "fps": 50.0,
    "frame_of_reference": "camera_root_relative",
}


def walks(count: int, *, noise: float) -> Iterator[PoseSequence]:
    """Sequences of random walks about a body's size; `noise` (metres) tells estimates from the truth."""
    for number in range(count):
        rng = np.random.default_rng(number)
        steps = rng.standard_normal((FRAMES, 17, 3), dtype=np.float32) * 0.003
        values = rng.uniform(-0.8, 0.8, (17, 3)).astype(np.float32) + np.cumsum(steps, axis=0)
        values += noise * rng.standard_normal(values.shape, dtype=np.float32)
        values -= values[:, :1]
        yield PoseSequence(f"walk{number:06d}", values, **COMMON)


def write(folder: Path, count: int) -> None:
    """Two caches, of the truth and of estimates."""
    for name, noise in (("truth", 0.0), ("detected", 0.02)):
        metadata = CacheMetadata(dataset="synthetic", split="test", estimator=name, **COMMON)
        with CacheWriter(folder / f"{name}.parquet", metadata) as writer:
            for sequence in walks(count, noise=noise):
                writer.write(sequence)


def read(folder: Path, count: int) -> None:
    """All sequences of one cache, one by one."""
    cache = PoseCache.open(folder / "truth.parquet")
    assert sum(len(sequence) for sequence in cache.sequences()) == count * FRAMES


def refine(folder: Path, count: int) -> None:
    """What stage filter does with Savitzky-Golay's filter."""
    from hanet.methods.apply import write_refined
    from hanet.methods.filters import SavitzkyGolay

    detected = PoseCache.open(folder / "detected.parquet")
    write_refined(SavitzkyGolay(9, 2), detected, folder / "refined.parquet", {"window": 9, "order": 2})


def evaluate(folder: Path, count: int) -> None:
    """What stage evaluate does with one method: scores, intervals, tallies."""
    from hanet.results.options import Evaluate
    from hanet.results.scores import Entry
    from hanet.results.scoring import score
    from hanet.results.tallies import Tallies, tally_writer

    entry = Entry("savitzky_golay", None, folder / "refined.parquet")
    scores = score(
        entry, PoseCache.open(folder / "truth.parquet"), Evaluate(protocol="full", resamples=1000, seed=4321)
    )
    assert scores.sequences == count and scores.frames == count * FRAMES
    with tally_writer(folder / "tallies.parquet") as tallies:
        tallies.write(entry.method, entry.seed, scores)
    totals, _ = Tallies(folder / "tallies.parquet").of(entry.method, "mpjpe_mm")
    assert totals.shape == (1, count, 17)


def publish(folder: Path, count: int) -> None:
    """Runs of stage publish, without checkpoints, into a new SQLite database."""
    os.chdir(folder)
    from stages import publish as stage
    from stages.tracking.client import experiment_id, mlflow_client

    (folder / "mlflow.db").unlink(missing_ok=True)
    client = mlflow_client()
    for number in range(count):
        metrics = {f"test_metric{m}": float(m + number) for m in range(24)}
        params = {"model": {f"option{p}": p for p in range(24)}}
        key = f"row:{number}"
        stage.publish(
            client, stage.Result("many", f"row-{number}", key, key, params, metrics, {"experiment": "many"})
        )
    where = experiment_id(client, "many")
    assert len(client.search_runs([where], max_results=count + 1)) == count


def report(folder: Path, count: int) -> None:
    """Stage report with so many experiments, each with two tables and four figures of 200 kB."""
    os.chdir(folder)
    from stages import report as stage
    from tests.support import report_files, tiny

    report_files.write(folder)
    rng = np.random.default_rng(0)
    names = [f"figure{i}.png" for i in range(4)]
    manifest = [{"file": name, "kind": "png", "title": name, "caption": name} for name in names]
    report_files.write_figures(folder, manifest, {name: rng.bytes(200_000) for name in names})
    content = report_files.params()
    one = report_files.EXPERIMENT
    experiments = [one, *(f"{one}-{number}" for number in range(1, count))]
    for name in experiments[1:]:
        for kind in ("reports", "figures"):
            shutil.copytree(folder / "data" / kind / one, folder / "data" / kind / name)
        shutil.copy(folder / f"data/published/{one}.json", folder / f"data/published/{name}.json")
    content["experiments"] = dict.fromkeys(experiments, content["experiments"][one])
    content["run"] |= {"experiments": experiments, "estimates": dict.fromkeys(experiments, "clips")}
    (folder / "params.yaml").write_text(tiny.as_yaml(json.loads(json.dumps(content))))
    stage.main()
    assert stage.PAGE.read_text().count("figure0.png") >= count


@dataclass(frozen=True)
class Task:
    """What is measured, with its sizes from small to large, and what they count."""

    run: Callable[[Path, int], None]
    sizes: tuple[int, ...]
    unit: str


TASKS = {
    "write": Task(write, SEQUENCES, "sequences"),
    "read": Task(read, SEQUENCES, "sequences"),
    "refine": Task(refine, SEQUENCES, "sequences"),
    "evaluate": Task(evaluate, SEQUENCES, "sequences"),
    "publish": Task(publish, RUNS, "runs"),
    "report": Task(report, EXPERIMENTS, "experiments"),
}


def row(name: str, folder: Path, count: int) -> list[Cell]:
    """One row of the table, measured in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.scale", "--task", name, str(folder), str(count)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{name} of {count:,}: {done.stderr[-2000:]}")
    got = json.loads(done.stdout.splitlines()[-1])
    each = 1000 * got["seconds"] / count
    size = f"{count:,} {TASKS[name].unit}"
    return [name, size, got["seconds"], each, got["peak"], got["peak"] - got["before"]]


def measure(part: float = 1.0) -> Page:
    """All rows, smaller sizes first; caches of one size are kept for the tasks that read them."""
    rows: list[list[Cell]] = []
    for index in range(len(SEQUENCES)):
        with TemporaryDirectory() as folder:
            for name, task in TASKS.items():
                rows.append(row(name, Path(folder), max(1, round(part * task.sizes[index]))))
    columns = {
        "task": "",
        "size": "",
        "seconds of CPU": ",.1f",
        "ms each": ",.2f",
        "peak, MB": ",.0f",
        "above imports, MB": ",.0f",
    }
    return Page(
        "scale",
        "Large data sets",
        f"Synthetic sequences of {FRAMES} frames and 17 joints in 3D, written as two caches (truth and "
        "estimates), read, refined by Savitzky-Golay's filter and scored with intervals; runs of MLflow with "
        "24 parameters and 24 metrics in a new SQLite database; a report of experiments with two tables and "
        "four figures each. Each line is one run in a fresh process. *Peak* is `ru_maxrss`; *above imports* "
        "is the peak minus the memory used before the task began, which includes what it imports.",
        [Table(columns, sorted(rows, key=lambda row: list(TASKS).index(str(row[0]))))],
        closing=f"Measured with `--part {part:g}`, that share of every size." if part != 1 else "",
    )


def main() -> None:
    """Run one task in this process, or measure all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", type=float, default=1.0, help="share of every size (default 1)")
    parser.add_argument(
        "--task", nargs=3, metavar=("TASK", "FOLDER", "COUNT"), help="run one task, print JSON"
    )
    given = parser.parse_args()
    if given.task is None:
        run(lambda: measure(given.part))
        return
    name, folder, count = given.task
    before, begin = peak_mb(), time.process_time()
    TASKS[name].run(Path(folder), int(count))
    print(json.dumps({"seconds": time.process_time() - begin, "before": before, "peak": peak_mb()}))


if __name__ == "__main__":
    main()
