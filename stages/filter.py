"""Stage filter: the comparators that need no training, tuned on validation; caches in data/refined."""

from __future__ import annotations

import sys
from typing import Any

from hanet.cache.files import PoseCache
from hanet.files.atomic import fresh_folder
from hanet.methods.apply import write_refined
from hanet.methods.base import Method
from hanet.methods.offset import ConstantOffset
from hanet.methods.tuning import tuned_filter, validation_scores
from hanet.metrics.mesh import joint_errors
from hanet.poses.sequence import PoseSequence
from stages import workspace
from stages.bodies import body_of
from stages.graph.names import instance_of
from stages.params.load import load


def main(experiment: str) -> None:
    """Tune every filter on validation, SMPL by the body's joints; refine test with the best."""
    with workspace.stage("filter", experiment):
        described = load().experiment(experiment)
        train, validation = (pair(experiment, split) for split in ("train", "val"))
        body = body_of(experiment)
        decides = (
            validation_scores
            if body is None
            else joint_errors(
                workspace.detected_path(experiment, "val"), workspace.truth_path(experiment, "val"), body[0]
            )
        )
        test = PoseCache.open(workspace.detected_path(experiment, "test"))
        with fresh_folder(workspace.REFINED / experiment / "filters") as folder:
            methods: list[tuple[Method, dict[str, Any]]] = [(ConstantOffset.fit(*train), {})]
            for name, grid in described.filters.items():
                methods.append(tuned_filter(name, grid, *validation, decides))
            for method, parameters in methods:
                write_refined(method, test, folder / f"{method.name}.parquet", parameters)


def pair(experiment: str, split: str) -> tuple[list[PoseSequence], list[PoseSequence]]:
    """Detected and true sequences of a split."""
    detected = PoseCache.open(workspace.detected_path(experiment, split)).read().sequences()
    truth = PoseCache.open(workspace.truth_path(experiment, split)).read().sequences()
    return list(detected), list(truth)


if __name__ == "__main__":
    main(*instance_of(sys.argv[1:]))
