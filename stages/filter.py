"""Stage filter: the comparators that need no training, tuned on validation; caches in data/refined."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from hanet.cache.files import PoseCache
from hanet.files.atomic import fresh_folder
from hanet.methods.apply import write_refined
from hanet.methods.base import Method
from hanet.methods.filters import FILTERS
from hanet.methods.offset import ConstantOffset
from hanet.methods.tuning import Score, tune
from hanet.metrics import evaluate
from hanet.metrics.mesh import joint_errors
from hanet.poses.sequence import PoseSequence
from hanet.progress import console
from stages import workspace
from stages.bodies import body_of
from stages.graph.names import instance_of
from stages.params.load import load


def main(experiment: str) -> None:
    """Tune every filter on validation by `score`, SMPL by the body's joints; refine test with the best."""
    with workspace.stage("filter", experiment):
        described = load().experiment(experiment)
        train, validation = (pair(experiment, split) for split in ("train", "val"))
        body = body_of(experiment)
        decides = (
            score
            if body is None
            else joint_errors(
                workspace.detected_path(experiment, "val"), workspace.truth_path(experiment, "val"), body[0]
            )
        )
        test = PoseCache.open(workspace.detected_path(experiment, "test"))
        with fresh_folder(workspace.REFINED / experiment / "filters") as folder:
            methods: list[tuple[Method, dict[str, Any]]] = [(ConstantOffset.fit(*train), {})]
            for name, grid in described.filters.items():
                methods.append(tuned(name, grid, *validation, decides))
            for method, parameters in methods:
                write_refined(method, test, folder / f"{method.name}.parquet", parameters)


def pair(experiment: str, split: str) -> tuple[list[PoseSequence], list[PoseSequence]]:
    """Detected and true sequences of a split."""
    detected = PoseCache.open(workspace.detected_path(experiment, split)).read().sequences()
    truth = PoseCache.open(workspace.truth_path(experiment, split)).read().sequences()
    return list(detected), list(truth)


def tuned(
    name: str,
    grid: dict[str, list[int | float]],
    detected: list[PoseSequence],
    truth: list[PoseSequence],
    decides: Score,
) -> tuple[Method, dict[str, Any]]:
    """A filter with the parameters of its grid that are best on validation, as it is where it has none."""
    make = FILTERS[name]
    if not grid:
        return make(), {}
    search = tune(make, grid, detected, truth, decides)
    console.print(f"  {name}: {search.best} of {len(search.table)} tried")
    return make(**search.best), search.best


def score(refined: Sequence[PoseSequence], truth: Sequence[PoseSequence]) -> dict[str, float]:
    """What decides, lower is better: MPJPE, of keypoints the share missed at PCK@.1; then Accel."""
    means = evaluate(truth, refined, resamples=1).means
    if truth[0].representation == "2d":
        missed = 1 - means["pck_010"]
        return {"missed_010": missed, "accel_px_per_frame2": means["accel_px_per_frame2"]}
    return {name: means[name] for name in ("mpjpe_mm", "accel_mm_per_frame2")}


if __name__ == "__main__":
    main(*instance_of(sys.argv[1:]))
