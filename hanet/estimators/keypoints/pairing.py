"""Match detected tracks to annotated people: pairs of tracks for training and evaluation.

An estimator numbers people differently, detects bystanders, and misses some people. Detected tracks are
matched with annotated ones frame by frame, so identity switches and broken tracks are repaired:

1. In a frame with annotations, detections and annotated people are matched for the smallest total distance
  (the Hungarian method). The distance is the mean over the keypoints that both have, in units of the
  annotated person's size; pairs beyond a limit are not matched.
2. In a frame where a person is not annotated, as in most of PoseTrack's frames, the last matched detected
  track is used or, before the first match, the first one.
3. Where neither applies, and for single missing keypoints, coordinates are interpolated linearly in time
  (constant before the first and after the last) and scores are 0.

The matching uses the ground truth, so it is an oracle for *identity*, like evaluation on annotated boxes.
Unmatched detections are dropped: precision over bystanders is not measured.

Axes: T frames, J joints.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from scipy.optimize import linear_sum_assignment

from hanet.estimators.keypoints.options import MAX_DISTANCE
from hanet.poses.gaps import interpolate
from hanet.poses.sequence import PoseSequence


@dataclass(frozen=True, eq=False)
class _Seen:
    """One detection in one frame; keypoints are NaN where missing."""

    track: int
    keypoints: Float[np.ndarray, "J 2"]
    scores: Float[np.ndarray, " J"]


def pair_with_truth(
    truth: Sequence[PoseSequence],
    detected: Sequence[PoseSequence],
    *,
    max_distance: float = MAX_DISTANCE,
) -> list[PoseSequence | None]:
    """For each annotated track of a video, the detected poses of its frames; None where it was never
    detected.

    Args:
        truth: annotated tracks of one video; values that are NaN or not `labelled` are unknown. A person's
            size is the longer side of the box or, without boxes, of the extent of the known keypoints.
        detected: detected tracks of that video, on the same skeleton, with the same frame numbers.
        max_distance: see `MAX_DISTANCE`.

    Returns:
        Sequences of the frames of `truth`, without NaN, with scores (0 where not detected).

    Raises:
        ValueError: sequences of other videos, or on other skeletons.
    """
    for sequence in (*truth, *detected):
        first = truth[0]
        if (sequence.name, sequence.skeleton) != (first.name, first.skeleton):
            raise ValueError(
                f"{sequence.name} on {sequence.skeleton.name} cannot be paired with {first.name} on "
                f"{first.skeleton.name}; give tracks of one video on one skeleton"
            )
    frames = _by_frame(detected)
    known = [_known(sequence) for sequence in truth]
    pairs: list[dict[int, _Seen]] = [{} for _ in truth]
    for frame, seen in frames.items():
        here = [
            (i, known[i][frame - sequence.start], _size(sequence, known[i], frame - sequence.start))
            for i, sequence in enumerate(truth)
            if 0 <= frame - sequence.start < len(sequence)
        ]
        here = [(i, person, size) for i, person, size in here if np.isfinite(person).any()]
        cost = np.array(
            [[_distance(person, found.keypoints, size) for found in seen] for _, person, size in here]
        ).reshape(len(here), len(seen))
        # A pair beyond the limit costs more than any set of valid pairs, so it never displaces one.
        far = max_distance * len(seen) + 1
        for a, b in zip(*linear_sum_assignment(np.where(cost <= max_distance, cost, far)), strict=True):
            if cost[a, b] <= max_distance:
                pairs[here[a][0]][frame] = seen[b]
    return [
        _filled(sequence, _followed(sequence, values, pair, frames)) if pair else None
        for sequence, values, pair in zip(truth, known, pairs, strict=True)
    ]


def _by_frame(detected: Sequence[PoseSequence]) -> dict[int, list[_Seen]]:
    frames: dict[int, list[_Seen]] = {}
    for sequence in detected:
        values = _known(sequence)
        scores = np.ones(values.shape[:2]) if sequence.scores is None else sequence.scores.astype(np.float64)
        for t, frame in enumerate(sequence.frames.tolist()):
            frames.setdefault(frame, []).append(_Seen(sequence.track, values[t], scores[t]))
    return dict(sorted(frames.items()))


def _known(sequence: PoseSequence) -> Float[np.ndarray, "T J 2"]:
    values = sequence.values.astype(np.float64)
    if sequence.labelled is not None:
        values[~sequence.labelled] = np.nan
    return values


def _size(sequence: PoseSequence, known: Float[np.ndarray, "T J 2"], row: int) -> float:
    if sequence.boxes is not None and np.isfinite(sequence.boxes[row]).all():
        x1, y1, x2, y2 = sequence.boxes[row].tolist()
        return max(x2 - x1, y2 - y1)
    here = known[row][np.isfinite(known[row]).all(axis=1)]
    return float(np.ptp(here, axis=0).max()) if len(here) else 0.0


def _distance(person: Float[np.ndarray, "J 2"], found: Float[np.ndarray, "J 2"], size: float) -> float:
    apart = np.linalg.norm(person - found, axis=1)
    both = np.isfinite(apart)
    if not both.any() or size <= 0:
        return np.inf
    return float(apart[both].mean()) / size


def _followed(
    sequence: PoseSequence,
    known: Float[np.ndarray, "T J 2"],
    pairs: dict[int, _Seen],
    frames: dict[int, list[_Seen]],
) -> dict[int, _Seen]:
    """The matches and, in frames without annotation, the last match or, before the first match, the first
    one.
    """
    last, found = pairs[min(pairs)].track, {}
    for t, frame in enumerate(sequence.frames.tolist()):
        if frame in pairs:
            last, found[frame] = pairs[frame].track, pairs[frame]
        elif not np.isfinite(known[t]).any():
            same = [seen for seen in frames.get(frame, ()) if seen.track == last]
            if same:
                found[frame] = same[0]
    return found


def _filled(sequence: PoseSequence, found: dict[int, _Seen]) -> PoseSequence:
    T, J = sequence.values.shape[:2]
    values, scores = np.full((T, J, 2), np.nan), np.zeros((T, J))
    for frame, seen in found.items():
        row = frame - sequence.start
        values[row] = seen.keypoints
        scores[row] = np.where(np.isfinite(seen.keypoints).all(axis=1), seen.scores, 0.0)
    rows = np.arange(T)
    values = interpolate(values.reshape(T, -1), rows, rows).reshape(T, J, 2)
    never = np.isnan(values).any(axis=(0, 2))
    values[:, never] = values[:, ~never].mean(axis=1, keepdims=True)  # the middle of the detected keypoints
    return replace(
        sequence, values=values.astype(np.float32), scores=scores.astype(np.float32), labelled=None
    )
