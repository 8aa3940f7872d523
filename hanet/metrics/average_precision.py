"""The arithmetic of PoseTrack's mean average precision, by the rules of its evaluation (poseval).

Andriluka et al., *PoseTrack: A Benchmark for Human Pose Estimation and Tracking*, CVPR 2018. In each frame
that shows an annotated person:

1. Keypoints inside a region to ignore are taken out of the truth and of the predictions.
2. A predicted joint matches a person's where their distance is at most half the head size: 0.6 times the
   diagonal of the person's head box. A predicted pose goes to the person of whose joints it matches the
   largest share, and a person keeps, of the poses that went to it, the one that matches most; a pose that
   matches nothing goes nowhere. In a tie the first one wins.
3. Every predicted joint is a true positive where its pose has a person and it matches that person's joint,
   and a false positive elsewhere: also where the person's joint is not annotated.

Then for each joint, over all frames, the area under the interpolated precision-recall curve (PASCAL VOC, all
points) as the score falls. `hanet.metrics.posetrack` runs this over videos.

Axes: N people and M predicted poses of one frame, J joints, K predictions of one joint in all frames.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int
from matplotlib.path import Path as Outline

from hanet.poses.video_labels import Polygon

MATCH = 0.5
"""Distance up to which a joint matches, in head sizes."""

HEAD_SHARE = 0.6
"""Head size, as a share of the head box's diagonal."""


def head_size(boxes: Float[np.ndarray, "N 4"]) -> Float[np.ndarray, " N"]:
    """Head size (px) of head boxes x1, y1, x2, y2: 0.6 times the diagonal."""
    return HEAD_SHARE * np.hypot(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])


def inside(points: Float[np.ndarray, "*P 2"], regions: Sequence[Polygon]) -> Bool[np.ndarray, "*P"]:
    """Whether each point lies in one of the polygons (even-odd rule); NaN lies in none.

    A point on the border may count as in or out. A polygon of fewer than three corners holds nothing.
    """
    flat = points.reshape(-1, 2)
    found = np.zeros(len(flat), dtype=bool)
    for region in regions:
        if len(region) > 2:
            found |= Outline(np.array(region)).contains_points(flat)
    return (found & np.isfinite(flat).all(axis=1)).reshape(points.shape[:-1])


def without_ignored(
    poses: Float[np.ndarray, "M J 2"], regions: Sequence[Polygon]
) -> Float[np.ndarray, "M J 2"]:
    """The poses with NaN for every keypoint inside a region to ignore."""
    return np.where(inside(poses, regions)[..., None], np.nan, poses)


def joint_matches(
    gt: Float[np.ndarray, "N J 2"], size: Float[np.ndarray, " N"], pred: Float[np.ndarray, "M J 2"]
) -> Bool[np.ndarray, "M N J"]:
    """Whether each predicted joint is within half a head (`size`, px) of each person's; NaN never is."""
    distance = np.linalg.norm(pred[:, None] - gt[None], axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):  # a head box without an extent matches nothing
        return distance / size[:, None] <= MATCH


def assign(matches: Bool[np.ndarray, "M N J"], annotated: Int[np.ndarray, " N"]) -> Int[np.ndarray, " M"]:
    """The person that each predicted pose goes to, −1 for none; no two go to one.

    Args:
        matches: `joint_matches`.
        annotated: annotated joints of each person.
    """
    M, N, _ = matches.shape
    assigned = np.full(M, -1)
    if M == 0 or N == 0:
        return assigned
    share = matches.sum(axis=-1) / np.maximum(annotated, 1)
    best = share.argmax(axis=1)
    for person in range(N):
        candidates = np.where(best == person, share[:, person], 0.0)
        if candidates.max() > 0:
            assigned[candidates.argmax()] = person
    return assigned


def average_precision(
    scores: Float[np.ndarray, " K"],
    hits: Bool[np.ndarray, " K"],
    positives: int,
    weights: Int[np.ndarray, " K"] | None = None,
) -> float:
    """Area under the interpolated precision-recall curve, in [0, 1] (PASCAL VOC 2010, all points).

    Precision at a recall is the highest at that or any larger recall. Predictions of equal score enter
    together, so that their order makes no difference (poseval leaves it to the sort).

    Args:
        scores: of the predictions; higher is surer, NaN comes last.
        hits: whether each is a true positive.
        positives: what there was to find; with none the result is NaN.
        weights: how often each prediction counts, as in a resample; None for once.
    """
    if positives == 0:
        return math.nan
    if len(scores) == 0:
        return 0.0
    weights = np.ones(len(scores), dtype=int) if weights is None else weights
    scores = np.where(np.isnan(scores), -np.inf, scores)
    order = np.argsort(-scores, kind="stable")
    last_of_score = np.append(np.flatnonzero(scores[order][1:] != scores[order][:-1]), len(scores) - 1)
    made = weights[order].cumsum()[last_of_score]
    found = np.where(hits[order], weights[order], 0).cumsum()[last_of_score]
    precision = np.maximum.accumulate((found / np.maximum(made, 1))[::-1])[::-1]
    return float(np.diff(found, prepend=0) @ precision / positives)
