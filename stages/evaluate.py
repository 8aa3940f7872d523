"""Stage evaluate: score every refined cache of an experiment; data/reports/<experiment>/scores.json.

`tallies.parquet` beside it holds what any mean, interval or paired comparison is computed from. PCK and mAP
are shares of 1 here, as `hanet.metrics` has them. mAP is scored where the data set has labels of its test
videos (``labels-test.jsonl``, see `hanet.cache.video_labels`); it belongs to no single sequence, so its
interval resamples videos, and it has no paired test.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pandas as pd

from hanet.cache.files import PoseCache
from hanet.cache.video_labels import read_labels
from hanet.files.atomic import write_bytes, write_json, write_text
from hanet.results.options import Evaluate
from hanet.results.scores import Entry, by_run, joint_scores, summary
from hanet.results.scoring import score, with_map
from stages import workspace
from stages.bodies import body_of
from stages.graph.names import instance_of
from stages.params.load import Params, load

LABELS = "labels-test.jsonl"


def main(experiment: str) -> None:
    """Write scores by method (over seeds and sequences), by sequence, and by joint."""
    with workspace.stage("evaluate", experiment):
        params = load()
        dataset = workspace.POSES / params.experiment(experiment).dataset
        truth = PoseCache.open(workspace.truth_path(experiment, "test"))
        videos = list(read_labels(dataset / LABELS)) if (dataset / LABELS).is_file() else []
        detected = PoseCache.open(workspace.detected_path(experiment, "test"))
        body = body_of(experiment)
        scored = [
            (
                entry,
                with_map(
                    entry,
                    score(entry, truth, params.evaluate, body),
                    truth,
                    detected,
                    videos,
                    params.evaluate,
                ),
            )
            for entry in refined(experiment, params)
        ]
        report = workspace.REPORTS / experiment
        write_json(report / "scores.json", summary(scored, params.evaluate))
        write_json(report / "runs.json", [by_run(entry, scores) for entry, scores in scored])
        write_json(report / "provenance.json", provenance(experiment, truth, params.evaluate, dataset))
        by_sequence = pd.concat(
            [s.to_frame().assign(method=e.method, seed=e.seed).astype({"seed": "Int64"}) for e, s in scored]
        )
        first = ["method", "seed", "sequence", "track", "frames"]
        by_sequence = by_sequence[[*first, *(c for c in by_sequence if c not in first)]]
        write_text(report / "per_sequence.csv", by_sequence.to_csv(index=False, float_format="%.4f"))
        tallies = pd.concat([s.to_tallies().assign(method=e.method, seed=e.seed) for e, s in scored])
        table = tallies.astype({"seed": "Int64"}).to_parquet(index=False)
        write_bytes(report / "tallies.parquet", table)
        by_joint = [
            {"method": e.method, "seed": e.seed, "joint": joint, **row}
            for e, s in scored
            for joint, row in joint_scores(s, truth.metadata.representation).items()
        ]
        table = pd.DataFrame(by_joint).astype({"seed": "Int64"})
        write_text(report / "per_joint.csv", table.to_csv(index=False))


def refined(experiment: str, params: Params) -> list[Entry]:
    """The filters' caches, the input's among them, and those of every model, use and seed that is run."""
    folder, run = workspace.REFINED / experiment, params.run
    entries = [Entry(path.stem, None, path) for path in sorted((folder / "filters").glob("*.parquet"))]
    entries += [
        Entry(row, seed, folder / f"{model}-{seed}" / f"{row}.parquet", model)
        for model in (*run.models, *run.ablations)
        for row, _ in params.model(experiment, model).refine.uses(model)
        for seed in run.seeds
    ]
    if missing := [str(entry.path) for entry in entries if not entry.path.is_file()]:
        raise ValueError(f"refined poses are missing: {', '.join(missing)}; run dvc repro")
    return entries


def provenance(experiment: str, truth: PoseCache, options: Evaluate, dataset: Path) -> dict[str, Any]:
    """What the numbers stand on: protocol, data and their hashes, and what splits share by declaration."""
    report = dataset / "report.json"
    detected = PoseCache.open(workspace.detected_path(experiment, "test"))
    return {
        "experiment": experiment,
        "dataset": truth.metadata.dataset,
        "estimator": detected.metadata.estimator,
        "protocol": options.protocol,
        "bootstrap": {"resamples": options.resamples, "seed": options.seed},
        "fps": truth.metadata.fps,
        "skeleton": truth.metadata.skeleton.name,
        "leak": json.loads(report.read_text()).get("leak") if report.is_file() else None,
        "data_sha256": {"ground_truth": truth.content_hash(), "detected": detected.content_hash()},
    }


if __name__ == "__main__":
    main(*instance_of(sys.argv[1:]))
