"""Scoring of SMPL meshes: vertices per second and peak memory, by chunk and by length.

Run from the repository: ``python -m benchmarks.mesh``; writes benchmarks/results/mesh.md. Takes a minute.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import torch

from benchmarks.report import Page, Ratio, Table, median, peak_mb, run
from hanet.metrics.mesh import evaluate_meshes
from hanet.smpl.synthetic_body import synthetic_body
from hanet.smpl.tracks import SmplTrack, from_axis_angle

FRAMES, RUNS = 2_000, 5
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


def task(frames: int, chunk: int) -> dict[str, float]:
    """Score one track; return the seconds and the memory before and at the peak."""
    torch.set_num_threads(1)
    body = synthetic_body()
    truth, detected = tracks(frames)
    before, begin = peak_mb(), time.perf_counter()
    evaluate_meshes([truth], [detected], body, chunk=chunk)
    return {"seconds": time.perf_counter() - begin, "before": before, "peak": peak_mb()}


def alone(frames: int, chunk: int) -> dict[str, float]:
    """One task in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.mesh", "--task", str(frames), str(chunk)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def measure() -> Page:
    """By chunk and by length."""
    V = synthetic_body().smpl.v_template.shape[0]
    turns = [{chunk: alone(FRAMES, chunk) for chunk in CHUNKS} for _ in range(RUNS)]
    speeds = {c: median([turn[1]["seconds"] / turn[c]["seconds"] for turn in turns]) for c in CHUNKS}
    by_chunk = {c: {k: median([turn[c][k] for turn in turns]) for k in turns[0][c]} for c in CHUNKS}
    by_length = {frames: alone(frames, 64) for frames in LENGTHS}

    def rate(frames: int, got: dict[str, float]) -> float:
        return 2 * frames * V / got["seconds"] / 1e6

    def above(got: dict[str, float]) -> float:
        return got["peak"] - got["before"]

    chunks = {
        f"chunk ({FRAMES:,} frames)": "d",
        "speed over chunk 1": ".1f",
        "million vertices/s": ".1f",
        "above tracks, MB": ",.0f",
    }
    lengths = {
        "frames (chunk 64)": ",d",
        "million vertices/s": ".1f",
        "above tracks, MB": ",.0f",
        "peak, MB": ",.0f",
    }
    return Page(
        "mesh",
        "Scoring SMPL meshes",
        f"`evaluate_meshes` of one track on the synthetic body ({V:,} vertices, posed twice per frame: truth "
        "and prediction), one thread, one process per line, those of chunks medians of "
        f"{RUNS} rounds in turns. SMPL has 6,890 vertices. *Above tracks* is the "
        "peak of resident memory minus its peak before scoring began, with imports, body and tracks loaded; "
        "it includes one flag per number of both tracks.",
        [
            Table(
                chunks,
                [[c, speeds[c], rate(FRAMES, got), above(got)] for c, got in by_chunk.items()],
            ),
            Table(lengths, [[n, rate(n, got), above(got), got["peak"]] for n, got in by_length.items()]),
        ],
        ratios=[Ratio("Scoring meshes, 64 frames at once", speeds[64], "one frame at a time")],
    )


def main() -> None:
    """Score once in this process, or measure all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", nargs=2, type=int, metavar=("FRAMES", "CHUNK"), help="one run, print JSON")
    chosen = parser.parse_args().task
    if chosen is None:
        run(measure)
    else:
        print(json.dumps(task(*chosen)))


if __name__ == "__main__":
    main()
