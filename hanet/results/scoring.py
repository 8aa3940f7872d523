"""Scores of one refined cache against the ground truth, by the kind of its poses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from hanet.cache.files import PoseCache
from hanet.metrics import Scores, Tally, cluster_interval, evaluate, mesh
from hanet.metrics.evaluate import Kinds
from hanet.metrics.posetrack import posetrack_scores
from hanet.metrics.statistics import mean_of_ratios, resampled_interval
from hanet.poses.sequence import PoseSequence
from hanet.poses.video_labels import PoseTrackVideo
from hanet.results.options import Evaluate
from hanet.results.scores import Entry
from hanet.smpl.body import Body, JointSet

HARM_MM = 0.5
"""A sequence is harmed where its MPJPE is further than this above that of its input."""


def score(
    entry: Entry,
    truth: PoseCache,
    options: Evaluate,
    body: tuple[Body, JointSet] | None = None,
    kinds: Kinds | None = None,
) -> Scores:
    """Every test frame once, against the ground truth as it is; of joints by kind of frame where known."""
    found = PoseCache.open(entry.path, skeleton=truth.metadata.skeleton)
    if body is not None:
        return mesh.score(found, truth, *body, resamples=options.resamples, seed=options.seed)
    return evaluate(
        truth.sequences(),
        found.sequences(),
        protocol=options.protocol,
        resamples=options.resamples,
        seed=options.seed,
        kinds=kinds,
    )


def with_no_harm(scores: Scores, before: Scores, options: Evaluate) -> Scores:
    """The scores, and the share of sequences that are not harmed.

    Args:
        scores: of a method.
        before: of its input, on the same sequences.
        options: of the interval.
    """
    if "mpjpe_mm" not in scores.means:
        return scores
    error, limit = (mean_of_ratios(*one.tallies["mpjpe_mm"]) for one in (scores, before))
    known = np.isfinite(error)
    harmless = Tally(
        (known & (error <= limit + HARM_MM))[:, None].astype(float), known[:, None].astype(float)
    )
    interval = cluster_interval(
        harmless.total[None, None],
        harmless.weight,
        scores.clusters.of,
        resamples=options.resamples,
        seed=options.seed,
    )
    return replace(
        scores,
        tallies={**scores.tallies, "no_harm": harmless},
        means={**scores.means, "no_harm": harmless.mean},
        intervals={**scores.intervals, "no_harm": interval},
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
        intervals={**scores.intervals, "map": resampled_interval([found.total], [resampled])},
        resampled={"map": resampled},
    )
