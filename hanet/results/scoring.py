"""Scores of one refined cache against the ground truth, by the kind of its poses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from hanet.cache.files import PoseCache
from hanet.metrics import Scores, evaluate, mesh
from hanet.metrics.posetrack import posetrack_scores
from hanet.metrics.statistics import percentile_interval
from hanet.poses.sequence import PoseSequence
from hanet.poses.video_labels import PoseTrackVideo
from hanet.results.options import Evaluate
from hanet.results.scores import Entry
from hanet.smpl.body import Body, JointSet


def score(
    entry: Entry, truth: PoseCache, options: Evaluate, body: tuple[Body, JointSet] | None = None
) -> Scores:
    """Every test frame once, against the ground truth as it is."""
    found = PoseCache.open(entry.path, skeleton=truth.metadata.skeleton)
    if body is not None:
        return mesh.score(found, truth, *body, resamples=options.resamples, seed=options.seed)
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
