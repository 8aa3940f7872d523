"""Scoring three million frames against a loop over frames: ``python -m benchmarks.evaluation``.

The loop computes MPJPE, PA-MPJPE and Accel frame by frame with NumPy, as evaluation scripts often do; it
takes a part of the frames, and its errors are compared with `evaluate`'s of the same part.
"""

from __future__ import annotations

import cProfile
import pstats
import time
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np

from benchmarks.report import Page, Ratio, Table, in_turns, median, peak_mb, run
from hanet.metrics.evaluate import evaluate
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import H36M17

TRACK = 2_000
FRAMES, LOOPED = 3_000_000, 30_000
RUNS, DISTINCT = 5, 10


@cache
def walks(noise: float) -> list[np.ndarray]:
    """Poses (metres) of `DISTINCT` tracks of random walks: the truth (`noise` 0), or estimates of it."""
    rng = np.random.default_rng(0)
    base = np.cumsum(rng.standard_normal((TRACK, 17, 3), dtype=np.float32) * 0.003, axis=0)
    base += rng.uniform(-0.8, 0.8, (17, 3)).astype(np.float32)
    errors = rng.standard_normal(base.shape, dtype=np.float32)
    moved = [base + noise * np.roll(errors, track, axis=0) for track in range(DISTINCT)]
    return [values - values[:, :1] for values in moved]


def pairs(frames: int, noise: float) -> Iterator[PoseSequence]:
    """So many frames of `walks`, again and again."""
    for track in range(frames // TRACK):
        yield PoseSequence(
            f"walk{track:05d}",
            walks(noise)[track % DISTINCT],
            skeleton=H36M17,
            representation="3d",
            unit="m",
            fps=50.0,
            frame_of_reference="camera_root_relative",
        )


def aligned(found: np.ndarray, true: np.ndarray) -> np.ndarray:
    """A pose moved, turned and scaled onto another (Procrustes)."""
    a, b = found - found.mean(axis=0), true - true.mean(axis=0)
    u, s, vt = np.linalg.svd(a.T @ b)
    if np.linalg.det(u @ vt) < 0:
        u[:, -1] *= -1
        s[-1] *= -1
    return s.sum() / (a**2).sum() * (a @ (u @ vt)) + true.mean(axis=0)


def loop(frames: int) -> tuple[float, float, float]:
    """MPJPE, PA-MPJPE (mm) and Accel (mm/frame²), one frame after another."""
    position, procrustes, acceleration = [], [], []
    for truth, found in zip(pairs(frames, 0.0), pairs(frames, 0.02), strict=True):
        p, g = found.values.astype(np.float64), truth.values.astype(np.float64)
        for frame in range(len(g)):
            position.append(np.linalg.norm(p[frame] - g[frame], axis=-1).mean())
            procrustes.append(np.linalg.norm(aligned(p[frame], g[frame]) - g[frame], axis=-1).mean())
            if 0 < frame < len(g) - 1:
                a, b = (x[frame - 1] - 2 * x[frame] + x[frame + 1] for x in (p, g))
                acceleration.append(np.linalg.norm(a - b, axis=-1).mean())
    means = [1e3 * float(np.mean(errors)) for errors in (position, procrustes, acceleration)]
    return means[0], means[1], means[2]


def parts(profiler: cProfile.Profile) -> list[tuple[str, float]]:
    """Shares of the whole of functions with all that they call."""
    found: Any = pstats.Stats(profiler)
    cumulative = {name: times[3] for (_, _, name), times in found.stats.items()}
    return [
        (what, cumulative.get(name, 0.0) / found.total_tt)
        for what, name in (
            ("Procrustes", "aligned"),
            ("bone lengths", "bone_length_cv"),
            ("poses with the frames last", "planes"),
            ("the check of units", "check_metres"),
            ("intervals", "cluster_interval"),
        )
    ]


def measure() -> Page:
    """CPU time of both by turns, and their agreement."""
    slow = loop(LOOPED)
    part = evaluate(pairs(LOOPED, 0.0), pairs(LOOPED, 0.02)).means
    fast = [part[name] for name in ("mpjpe_mm", "pa_mpjpe_mm", "accel_mm_per_frame2")]
    if not np.allclose(slow, fast, rtol=1e-4):
        raise SystemExit(f"the loop has {slow}, evaluate {fast}")
    before = peak_mb()
    looped, scored = in_turns(
        lambda: loop(LOOPED),
        lambda: evaluate(pairs(FRAMES, 0.0), pairs(FRAMES, 0.02)),
        runs=RUNS,
        warm_up=0,
        clock=time.process_time,
    )
    per_frame, ours = looped / LOOPED, scored / FRAMES
    times = median(per_frame / ours)
    profiler = cProfile.Profile()
    profiler.runcall(lambda: evaluate(pairs(LOOPED, 0.0), pairs(LOOPED, 0.02)))
    rows = [
        ["a loop over frames", LOOPED, 1 / median(per_frame), 1.0, ""],
        [
            "`evaluate`, with 1,000 resamples",
            FRAMES,
            1 / median(ours),
            times,
            f"{peak_mb() - before:,.0f}",
        ],
    ]
    columns = {
        "way": "",
        "frames": ",d",
        "frames/s": ",.0f",
        "times the loop": ".1f",
        "above what was used before, MB": "",
    }
    return Page(
        "evaluation",
        "Scoring",
        f"Tracks of {TRACK:,} frames and 17 joints in 3D, CPU time, medians of {RUNS} pairs in turns. "
        "The loop computes MPJPE, PA-MPJPE and "
        "Accel; `evaluate` also the fastest frames, bone lengths, foot slide and intervals. Errors of the "
        "two agree within 0.01 %.",
        [Table(columns, rows)],
        ratios=[Ratio("Scoring three million frames", times, "a loop over frames")],
        limits=[
            "Scoring, shares of `evaluate`'s time: "
            + ", ".join(f"{name} {share:.0%}" for name, share in parts(profiler))
            + "; the rest is single passes over arrays."
        ],
    )


if __name__ == "__main__":
    run(measure)
