"""Scores by method, run and joint, from tallies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hanet.cache.files import PoseCache
from hanet.metrics import Scores, cluster_interval, mean_sd
from hanet.metrics.statistics import resampled_interval
from hanet.results.columns import possible
from hanet.results.options import Evaluate

BY_JOINT = {"3d": ("mpjpe_mm",), "smpl": ("mpjpe_mm",), "2d": ("pck_020", "pck_010", "pck_005")}
"""Metrics in `per_joint.csv`; figures draw the last one."""


@dataclass(frozen=True)
class Entry:
    """One refined cache to score."""

    method: str
    seed: int | None
    path: Path
    model: str | None = None
    """The trained model that the method uses."""

    def observed(self) -> float:
        """Share of frames whose detections the method reads, in [0, 1]."""
        return PoseCache.open(self.path).metadata.provenance["observed"]

    def cost(self) -> dict[str, float]:
        """What the method costs, by the keys of `hanet.results.columns.COSTS`, as far as known."""
        return PoseCache.open(self.path).metadata.provenance.get("cost", {})


def joint_scores(scores: Scores, representation: str) -> dict[str, dict[str, float]]:
    """Scores by joint: errors in millimetres, PCK in [0, 1]."""
    found = {metric: scores.per_joint(metric) for metric in BY_JOINT[representation]}
    digits = 4 if representation == "2d" else 3
    return {
        joint: {metric: round(values[joint], digits) for metric, values in found.items()}
        for joint in scores.joints
    }


def summary(scored: Sequence[tuple[Entry, Scores]], options: Evaluate) -> dict[str, Any]:
    """Mean and sd over seeds, and 95% interval over people or clips and seeds, of each method and metric."""
    result: dict[str, Any] = {}
    for method in dict.fromkeys(entry.method for entry, _ in scored):
        runs = [(entry, scores) for entry, scores in scored if entry.method == method]
        first = runs[0][1]
        row: dict[str, Any] = {
            "frames": first.frames,
            "sequences": first.sequences,
            "observed": runs[0][0].observed(),
            "seeds": [entry.seed for entry, _ in runs if entry.seed is not None],
        }
        for metric in first.means:
            mean, sd = mean_sd([scores.means[metric] for _, scores in runs])
            low, high = possible(metric, *pooled_interval([scores for _, scores in runs], metric, options))
            row[metric] = _rounded({"mean": mean, "sd": sd, "low": low, "high": high})
        costs = [entry.cost() for entry, _ in runs]
        for key in costs[0]:
            row[key] = _rounded({"mean": float(np.mean([cost[key] for cost in costs if key in cost]))})
        result[method] = row
    return result


def by_run(entry: Entry, scores: Scores) -> dict[str, Any]:
    """Scores of one refined cache; MLflow shows them as those of its run."""
    cells = {
        metric: {
            "mean": mean,
            **dict(zip(("low", "high"), possible(metric, *scores.intervals[metric]), strict=True)),
        }
        for metric, mean in scores.means.items()
    }
    return {
        "method": entry.method,
        "seed": entry.seed,
        "model": entry.model,
        "frames": scores.frames,
        "sequences": scores.sequences,
        "observed": entry.observed(),
        "metrics": {metric: _rounded(cell) for metric, cell in cells.items()},
        "cost": entry.cost(),
    }


def _rounded(cell: dict[str, float]) -> dict[str, float]:
    """Round, and drop values that do not exist, e.g. the interval of a single sequence."""
    return {name: round(value, 4) for name, value in cell.items() if np.isfinite(value)}


def pooled_interval(runs: Sequence[Scores], metric: str, options: Evaluate) -> tuple[float, float]:
    """95% interval of the mean over seeds, over people or clips and seeds.

    mAP is no mean over sequences: it is resampled over videos with the same draws for every seed.
    """
    if metric in runs[0].resampled:
        means = [run.means[metric] for run in runs]
        return resampled_interval(means, [run.resampled[metric] for run in runs])
    totals = np.array([run.tallies[metric].total for run in runs])
    weights = runs[0].tallies[metric].weight
    clusters = runs[0].clusters.of
    return cluster_interval(totals[None], weights, clusters, resamples=options.resamples, seed=options.seed)
