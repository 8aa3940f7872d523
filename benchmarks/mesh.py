"""Scoring of SMPL meshes: vertices per second and peak memory, by chunk and by length.

Run from the repository: ``python -m benchmarks.mesh``; writes benchmarks/results/mesh.md. Takes a minute.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import torch

from benchmarks.report import environment, save
from hanet.metrics.mesh import evaluate_meshes
from hanet.smpl.synthetic_body import synthetic_body
from hanet.smpl.tracks import SmplTrack, from_axis_angle

FRAMES = 4_000
CHUNKS = (1, 8, 64, 512)
LENGTHS = (4_000, 20_000, 100_000)


def tracks(frames: int) -> tuple[SmplTrack, SmplTrack]:
    """A true and a detected track of random poses; a track of 100,000 frames repeats a short one."""
    rng = np.random.default_rng(0)
    made = []
    for seed in range(2):
        pose = rng.normal(size=(1_000, 72)) * 0.3 + seed * 0.05
        one = from_axis_angle("a", pose, fps=30.0, betas=np.zeros(10))
        values = np.tile(one.poses.values, (frames // 1_000, 1, 1))
        made.append(SmplTrack(replace(one.poses, values=values), np.tile(one.betas, (frames // 1_000, 1))))
    return made[0], made[1]


def peak_mb() -> float:
    """Largest resident memory of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def task(frames: int, chunk: int) -> dict[str, float]:
    """Score one track; return the seconds and the memory before and at the peak."""
    torch.set_num_threads(1)
    body = synthetic_body()
    truth, detected = tracks(frames)
    before, begin = peak_mb(), time.perf_counter()
    evaluate_meshes([truth], [detected], body, chunk=chunk)
    return {"seconds": time.perf_counter() - begin, "before": before, "peak": peak_mb()}


def measure(frames: int, chunk: int) -> dict[str, float]:
    """One task in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.mesh", "--task", str(frames), str(chunk)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def report() -> None:
    """Measure everything and write the table."""
    V = synthetic_body().smpl.v_template.shape[0]
    by_chunk = {chunk: measure(FRAMES, chunk) for chunk in CHUNKS}
    by_length = {frames: measure(frames, 64) for frames in LENGTHS}
    first = by_chunk[1]["seconds"]
    lines = [
        "# Scoring SMPL meshes",
        "",
        f"`evaluate_meshes` of one track on the synthetic body ({V:,} vertices, posed twice per frame: truth "
        "and prediction), one thread, one process per line. SMPL has 6,890 vertices. *Above tracks* is the "
        "peak of resident memory minus its peak before scoring began, with imports, body and tracks loaded; "
        "it includes one flag per number of both tracks.",
        "",
        f"| chunk ({FRAMES:,} frames) | speed over chunk 1 | million vertices/s | above tracks, MB |",
        "|---:|---:|---:|---:|",
        *(
            f"| {chunk} | {first / got['seconds']:.1f} × | {2 * FRAMES * V / got['seconds'] / 1e6:.1f} "
            f"| {got['peak'] - got['before']:,.0f} |"
            for chunk, got in by_chunk.items()
        ),
        "",
        "| frames (chunk 64) | million vertices/s | above tracks, MB | peak, MB |",
        "|---:|---:|---:|---:|",
        *(
            f"| {frames:,} | {2 * frames * V / got['seconds'] / 1e6:.1f} "
            f"| {got['peak'] - got['before']:,.0f} | {got['peak']:,.0f} |"
            for frames, got in by_length.items()
        ),
        "",
        environment(),
    ]
    save("mesh", lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", nargs=2, type=int, metavar=("FRAMES", "CHUNK"), help="one run, print JSON")
    chosen = parser.parse_args().task
    if chosen is None:
        report()
    else:
        print(json.dumps(task(*chosen)))


if __name__ == "__main__":
    main()
