"""Stage evaluate: score every refined cache of an experiment; data/reports/<experiment>/scores.json.

`tallies.parquet` in the same folder (see `hanet.results.tallies`) contains the inputs of every mean, interval
and paired comparison; memory is that of one method's tallies and of the input's. PCK and mAP are fractions,
as in `hanet.metrics`. mAP is scored where the data set has labels of its test videos (``labels-test.jsonl``,
see `hanet.cache.video_labels`); it is not a mean over sequences, so its interval resamples videos, and it has
no paired test.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pandas as pd

from hanet.cache.files import PoseCache
from hanet.cache.frame_kinds import read_kinds
from hanet.cache.video_labels import read_labels
from hanet.files.atomic import whole_file, write_json, write_text
from hanet.files.json_text import read_json
from hanet.metrics import Scores
from hanet.metrics.evaluate import PROTOCOL_VERSION, require_frames
from hanet.results.options import Evaluate
from hanet.results.scores import Entry, by_run, joint_scores, summary
from hanet.results.scoring import score, with_map, with_no_harm
from hanet.results.tallies import tally_writer
from stages import workspace
from stages.bodies import body_of
from stages.graph.names import instance_of
from stages.params.load import Params, load

LABELS = "labels-test.jsonl"


def main(experiment: str) -> None:
    """Write scores by method (over seeds and sequences), by sequence, and by joint; one method at a time."""
    with workspace.stage("evaluate", experiment):
        params = load()
        scorer = Scorer(experiment, params)
        methods: dict[str, list[Entry]] = {}
        for entry in refined(experiment, params):
            methods.setdefault(entry.method, []).append(entry)
        report = workspace.REPORTS / experiment
        summaries: dict[str, Any] = {}
        runs: list[dict[str, Any]] = []
        by_joint: list[dict[str, Any]] = []
        with (
            tally_writer(report / "tallies.parquet") as tallies,
            whole_file(report / "per_sequence.csv") as by_sequence,
        ):
            for entries in methods.values():
                scored = [(entry, scorer.scores(entry)) for entry in entries]
                summaries |= summary(scored, params.evaluate)
                for entry, scores in scored:
                    runs.append(by_run(entry, scores))
                    tallies.write(entry.method, entry.seed, scores)
                    append_sequences(by_sequence, entry, scores)
                    by_joint += of_joints(entry, scores, scorer.truth.metadata.representation)
        write_json(report / "scores.json", summaries)
        write_json(report / "runs.json", runs)
        described = provenance(experiment, scorer.truth, params.evaluate, scorer.dataset)
        write_json(report / "provenance.json", described)
        table = pd.DataFrame(by_joint).astype({"seed": "Int64"})
        write_text(report / "per_joint.csv", table.to_csv(index=False))


class Scorer:
    """Scores an experiment's refined caches with all that is known of its test data."""

    def __init__(self, experiment: str, params: Params) -> None:
        self.truth = PoseCache.open(workspace.truth_path(experiment, "test"))
        self.dataset = workspace.POSES / params.experiment(experiment).dataset
        self._options = params.evaluate
        labels = self.dataset / LABELS
        self._videos = list(read_labels(labels)) if labels.is_file() else []
        self._detected = PoseCache.open(workspace.detected_path(experiment, "test"))
        self._body = body_of(experiment)
        known = workspace.kinds_path(experiment)
        self._kinds = read_kinds(known) if known.is_file() else None
        unchanged = workspace.REFINED / experiment / "filters" / "input.parquet"
        self._before = self._plain(Entry("input", None, unchanged)) if unchanged.is_file() else None

    def _plain(self, entry: Entry) -> Scores:
        return score(entry, self.truth, self._options, self._body, self._kinds)

    def scores(self, entry: Entry) -> Scores:
        """The scores of a cache, also against its input and by labelled videos.

        Raises:
            NoPosesError: no frame can be scored.
        """
        before = self._before
        scores = before if before is not None and entry.method == "input" else self._plain(entry)
        if before is not None:
            scores = with_no_harm(scores, before, self._options)
        scores = with_map(entry, scores, self.truth, self._detected, self._videos, self._options)
        return require_frames(scores)


def append_sequences(path: Path, entry: Entry, scores: Scores) -> None:
    """Append the scores of each sequence to a CSV file, after a line of names where it is empty."""
    table = scores.to_frame().assign(method=entry.method, seed=entry.seed).astype({"seed": "Int64"})
    first = ["method", "seed", "sequence", "track", "frames"]
    table = table[[*first, *(column for column in table if column not in first)]]
    with path.open("a", newline="") as file:
        table.to_csv(file, index=False, float_format="%.4f", header=file.tell() == 0)


def of_joints(entry: Entry, scores: Scores, representation: str) -> list[dict[str, Any]]:
    """The rows of per_joint.csv."""
    return [
        {"method": entry.method, "seed": entry.seed, "joint": joint, **row}
        for joint, row in joint_scores(scores, representation).items()
    ]


def refined(experiment: str, params: Params) -> list[Entry]:
    """The caches of the filters, including the input, and of every model, use and seed that is run."""
    folder, run = workspace.REFINED / experiment, params.run
    entries = [Entry(path.stem, None, path) for path in sorted((folder / "filters").glob("*.parquet"))]
    endings = params.experiment(experiment).comparators.endings()
    entries += [
        Entry(f"{row}{ending}", seed, folder / f"{model}-{seed}" / f"{row}{ending}.parquet", model)
        for model in (*run.models, *run.ablations)
        for row, _ in params.model(experiment, model).refine.uses(model)
        for ending in endings
        for seed in run.seeds
    ]
    if missing := [str(entry.path) for entry in entries if not entry.path.is_file()]:
        raise ValueError(f"refined poses are missing: {', '.join(missing)}; run dvc repro")
    return entries


def provenance(experiment: str, truth: PoseCache, options: Evaluate, dataset: Path) -> dict[str, Any]:
    """Provenance of the numbers: protocol, data and their hashes, and declared leaks."""
    report = dataset / "report.json"
    detected = PoseCache.open(workspace.detected_path(experiment, "test"))
    return {
        "experiment": experiment,
        "dataset": truth.metadata.dataset,
        "estimator": detected.metadata.estimator,
        "protocol": options.protocol,
        "protocol_version": PROTOCOL_VERSION,
        "bootstrap": {"resamples": options.resamples, "seed": options.seed},
        "fps": truth.metadata.fps,
        "skeleton": truth.metadata.skeleton.name,
        "leak": read_json(report, dict, remedy="run dvc repro").get("leak") if report.is_file() else None,
        "data_sha256": {"ground_truth": truth.content_hash(), "detected": detected.content_hash()},
    }


if __name__ == "__main__":
    main(*instance_of(sys.argv[1:]))
