"""Stage evaluate: score every refined cache of an experiment; data/reports/<experiment>/scores.json.

`tallies.parquet` beside it holds what any mean, interval or paired comparison is computed from. PCK and mAP
are shares of 1 here, as `hanet.metrics` has them. mAP is scored where the data set has labels of its test
videos (``labels-test.jsonl``, see `hanet.data.posetrack`); it belongs to no single sequence, so its interval
resamples videos, and it has no paired test.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hanet.body import Body, JointSet
from hanet.data.cache import PoseCache
from hanet.data.posetrack import PoseTrackVideo, read_labels
from hanet.metrics import Scores, bootstrap_interval, evaluate, mean_sd
from hanet.metrics.posetrack import posetrack_scores
from hanet.metrics.statistics import percentile_interval
from hanet.poses import PoseSequence
from stages import _run, _smpl_scores
from stages._smpl import body_of
from stages.params import Params, load
from stages.schema.scores import Evaluate

BY_JOINT = {"3d": ("mpjpe_mm",), "smpl": ("mpjpe_mm",), "2d": ("pck_020", "pck_010", "pck_005")}
"""What `per_joint.csv` holds; figures draw the last."""
LABELS = "labels-test.jsonl"


@dataclass(frozen=True)
class Entry:
    """One refined cache to score."""

    method: str
    seed: int | None
    path: Path
    model: str | None = None
    """The trained model that a row is a use of."""

    def observed(self) -> float:
        """Share of the frames whose detections the method reads."""
        return PoseCache.open(self.path).metadata.provenance["observed"]


def main(experiment: str) -> None:
    """Write scores by method (over seeds and sequences), by sequence, and by joint."""
    with _run.stage("evaluate", experiment):
        params = load()
        dataset = _run.POSES / params.experiment(experiment).dataset
        truth = PoseCache.open(_run.truth_path(experiment, "test"))
        videos = list(read_labels(dataset / LABELS)) if (dataset / LABELS).is_file() else []
        detected = PoseCache.open(_run.detected_path(experiment, "test"))
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
        report = _run.REPORTS / experiment
        _run.write_json(report / "scores.json", summary(scored, params.evaluate))
        _run.write_json(report / "runs.json", [by_run(entry, scores) for entry, scores in scored])
        _run.write_json(report / "provenance.json", provenance(experiment, truth, params.evaluate, dataset))
        by_sequence = pd.concat(
            [s.to_frame().assign(method=e.method, seed=e.seed).astype({"seed": "Int64"}) for e, s in scored]
        )
        first = ["method", "seed", "sequence", "track", "frames"]
        by_sequence = by_sequence[[*first, *(c for c in by_sequence if c not in first)]]
        _run.write_text(report / "per_sequence.csv", by_sequence.to_csv(index=False, float_format="%.4f"))
        tallies = pd.concat([s.to_tallies().assign(method=e.method, seed=e.seed) for e, s in scored])
        table = tallies.astype({"seed": "Int64"}).to_parquet(index=False)
        _run.write_bytes(report / "tallies.parquet", table)
        by_joint = [
            {"method": e.method, "seed": e.seed, "joint": joint, **row}
            for e, s in scored
            for joint, row in joint_scores(s, truth.metadata.representation).items()
        ]
        table = pd.DataFrame(by_joint).astype({"seed": "Int64"})
        _run.write_text(report / "per_joint.csv", table.to_csv(index=False))


def refined(experiment: str, params: Params) -> list[Entry]:
    """The filters' caches, the input's among them, and those of every model, use and seed that is run."""
    folder, run = _run.REFINED / experiment, params.run
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


def score(
    entry: Entry, truth: PoseCache, options: Evaluate, body: tuple[Body, JointSet] | None = None
) -> Scores:
    """Every test frame once, against the ground truth as it is."""
    found = PoseCache.open(entry.path, skeleton=truth.metadata.skeleton)
    if body is not None:
        return _smpl_scores.score(found, truth, *body, options)
    return evaluate(
        truth.sequences(),
        found.sequences(),
        protocol=options.protocol,
        resamples=options.resamples,
        seed=options.seed,
    )


def with_map(
    entry: Entry,
    scores: Scores,
    truth: PoseCache,
    detected: PoseCache,
    videos: Sequence[PoseTrackVideo],
    options: Evaluate,
) -> Scores:
    """The scores, and PoseTrack's mAP where there are labelled videos; refined keypoints rank as detected."""
    if not videos:
        return scores

    def ranked() -> Iterator[PoseSequence]:
        found = PoseCache.open(entry.path).sequences()
        for refined, before in zip(found, detected.sequences(), strict=True):
            yield replace(refined, scores=before.scores)

    found = posetrack_scores(videos, truth.sequences(), ranked())
    resampled = found.resampled(resamples=options.resamples, seed=options.seed)
    return replace(
        scores,
        means={**scores.means, "map": found.total},
        intervals={**scores.intervals, "map": percentile_interval(resampled)},
        resampled={"map": resampled},
    )


def joint_scores(scores: Scores, representation: str) -> dict[str, dict[str, float]]:
    """By joint: errors in millimetres, PCK as shares."""
    found = {metric: scores.per_joint(metric) for metric in BY_JOINT[representation]}
    digits = 4 if representation == "2d" else 3
    return {
        joint: {metric: round(values[joint], digits) for metric, values in found.items()}
        for joint in scores.joints
    }


def summary(scored: Sequence[tuple[Entry, Scores]], options: Evaluate) -> dict[str, Any]:
    """For each method and metric: mean and sd over seeds, 95% bootstrap interval over sequences."""
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
            low, high = pooled_interval([scores for _, scores in runs], metric, options)
            row[metric] = _rounded({"mean": mean, "sd": sd, "low": low, "high": high})
        result[method] = row
    return result


def by_run(entry: Entry, scores: Scores) -> dict[str, Any]:
    """The scores of one refined cache, which MLflow shows as those of its run."""
    cells = {
        metric: {"mean": mean, "low": scores.intervals[metric][0], "high": scores.intervals[metric][1]}
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
    }


def _rounded(cell: dict[str, float]) -> dict[str, float]:
    """Without what there is none of, e.g. the interval of a single sequence."""
    return {name: round(value, 4) for name, value in cell.items() if np.isfinite(value)}


def pooled_interval(runs: Sequence[Scores], metric: str, options: Evaluate) -> tuple[float, float]:
    """Bootstrap over sequences of the mean over seeds: a sequence is drawn with all its seeds.

    Resamples of what is no mean over sequences are the same for all seeds: of each the mean is taken.
    """
    if metric in runs[0].resampled:
        return percentile_interval(np.mean([run.resampled[metric] for run in runs], axis=0))
    totals, weights = (
        np.sum([[getattr(row.tallies[metric], part) for row in run.rows] for run in runs], axis=0)
        for part in ("total", "weight")
    )
    return bootstrap_interval(totals, weights, resamples=options.resamples, seed=options.seed)


def provenance(experiment: str, truth: PoseCache, options: Evaluate, dataset: Path) -> dict[str, Any]:
    """What the numbers stand on: protocol, data and their hashes, and what splits share by declaration."""
    report = dataset / "report.json"
    detected = PoseCache.open(_run.detected_path(experiment, "test"))
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
    main(*sys.argv[1:])
