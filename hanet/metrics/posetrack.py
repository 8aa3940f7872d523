"""PoseTrack's mean average precision of predicted tracks, and the columns of its table.

The rules are those of `hanet.metrics.average_precision`. Scored are the frames in which somebody is
annotated; labelled frames that show nobody are left out, as unlabelled ones are.

Axes: N people and M predicted poses of one frame, J joints.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int

from hanet.metrics.average_precision import (
    assign,
    average_precision,
    head_size,
    joint_matches,
    without_ignored,
)
from hanet.metrics.statistics import Resampled, draw
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import POSETRACK15
from hanet.poses.video_labels import Box, Polygon, PoseTrackVideo, by_name

GROUPS: dict[str, tuple[str, ...]] = {
    "Head": ("head_top", "head_bottom", "nose"),
    "Shou": ("r_shoulder", "l_shoulder"),
    "Elb": ("r_elbow", "l_elbow"),
    "Wri": ("r_wrist", "l_wrist"),
    "Hip": ("r_hip", "l_hip"),
    "Knee": ("r_knee", "l_knee"),
    "Ankl": ("r_ankle", "l_ankle"),
}
"""The columns of PoseTrack's table: each is the mean of its joints."""


@dataclass(frozen=True, eq=False)
class Ranking:
    """Every prediction of one joint and what there was to find.

    Attributes:
        scores, hits: of the predictions, as `average_precision` takes them.
        videos: number of the video that each is of.
        positives: annotated joints of each video.
    """

    scores: Float[np.ndarray, " K"]
    hits: Bool[np.ndarray, " K"]
    videos: Int[np.ndarray, " K"]
    positives: Int[np.ndarray, " S"]

    def precision(self, times: Int[np.ndarray, " S"]) -> float:
        """Average precision, each video counted so many times."""
        weights = times[self.videos]
        return average_precision(self.scores, self.hits, int(self.positives @ times), weights)


@dataclass(frozen=True, eq=False)
class PoseTrackScores:
    """Average precision of PoseTrack's 15 joints.

    Attributes:
        rankings: by joint, what average precision is computed from.
        frames: frames that were scored.
        people: annotated people in them, those without a keypoint left out.
        predicted: predicted poses in them.
    """

    rankings: Mapping[str, Ranking]
    frames: int
    people: int
    predicted: int

    @cached_property
    def per_joint(self) -> dict[str, float]:
        """Average precision in [0, 1] by joint, NaN for a joint that the truth never has."""
        return {name: r.precision(np.ones_like(r.positives)) for name, r in self.rankings.items()}

    @property
    def total(self) -> float:
        """The mAP: mean over the 15 joints (not over the groups); NaN joints are left out."""
        return _mean(self.per_joint.values())

    def resampled(self, *, resamples: int, seed: int) -> Resampled:
        """The mAP of random resamples of whole videos.

        People and frames of one video are alike, so videos are what is drawn. Of one video there is nothing
        to draw: all are NaN.
        """
        count = len(next(iter(self.rankings.values())).positives)
        if count < 2:
            return Resampled(np.full(resamples, np.nan), count)
        draws = draw(count, resamples=resamples, seed=seed)
        values = [_mean(r.precision(times) for r in self.rankings.values()) for times in draws]
        return Resampled(np.array(values), count)

    def columns(self) -> dict[str, float]:
        """PoseTrack's table: a column for each of `GROUPS`, and ``Total``."""
        groups = {name: _mean(self.per_joint[j] for j in joints) for name, joints in GROUPS.items()}
        return groups | {"Total": self.total}


def posetrack_scores(
    videos: Iterable[PoseTrackVideo],
    truth: Iterable[PoseSequence],
    predicted: Iterable[PoseSequence],
) -> PoseTrackScores:
    """Score predicted tracks against the annotated ones; what tracks are called makes no difference.

    Sequences are paired with videos by name, frames by number. They may be on any skeleton that shares names
    with POSETRACK15; a joint that a prediction's skeleton lacks is never found. Among poses that match a
    person equally well the first given wins, as in poseval.

    Args:
        videos: head boxes and regions to ignore of the videos to score.
        truth: annotated tracks; what is NaN or not `labelled` is unknown.
        predicted: predicted tracks, with `scores`; a joint that is NaN is not predicted, and one whose
            score is NaN ranks last. Frames that are not scored are passed over.

    Raises:
        ValueError: a sequence of another video, one without scores, a person without a head box, or nothing
            to score; the message names the sequence or the video.
    """
    labels = {video.name: video for video in videos}
    shown = {(video.name, frame) for video in labels.values() for _, frame in video.heads}
    gt = _rows(truth, labels, what="ground truth")
    pred = _rows(predicted, labels, what="prediction", only=shown)
    tally = _Tally()
    numbers: dict[str, int] = {}
    for name, frame in sorted(shown | gt.keys()):
        video, people = labels[name], gt.get((name, frame), [])
        tally.add(
            np.array([pose for _, pose, _ in people]).reshape(-1, len(POSETRACK15), 2),
            np.array([_head(video, track, frame) for track, _, _ in people]).reshape(-1, 4),
            *_stacked(pred.get((name, frame), [])),
            ignore=video.ignore.get(frame, ()),
            video=numbers.setdefault(name, len(numbers)),
        )
    return tally.scores()


class _Tally:
    """Every predicted joint's score and fate, and how many joints there were to find."""

    def __init__(self) -> None:
        self._ranked: list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]] = []
        self._positives: list[np.ndarray] = []  # a row a video
        self._frames = self._people = self._poses = 0

    def add(
        self,
        gt: Float[np.ndarray, "N J 2"],
        heads: Float[np.ndarray, "N 4"],
        pred: Float[np.ndarray, "M J 2"],
        scores: Float[np.ndarray, "M J"],
        *,
        ignore: Sequence[Polygon],
        video: int,
    ) -> None:
        """Take in one frame of a video; videos are numbered as they come."""
        gt, pred = without_ignored(gt, ignore), without_ignored(pred, ignore)
        known, present = np.isfinite(gt).all(axis=-1), np.isfinite(pred).all(axis=-1)
        matches = joint_matches(gt, head_size(heads), pred)
        assigned = assign(matches, known.sum(axis=-1))
        hits = np.zeros(present.shape, dtype=bool)
        for pose in np.flatnonzero(assigned >= 0):
            hits[pose] = matches[pose, assigned[pose]]
        pose, joint = np.nonzero(present)
        self._ranked.append((joint, scores[pose, joint], hits[pose, joint], np.full(len(joint), video)))
        if video == len(self._positives):
            self._positives.append(np.zeros(len(POSETRACK15), dtype=int))
        self._positives[video] += known.sum(axis=0)
        self._frames += 1
        self._people += int(known.any(axis=-1).sum())
        self._poses += int(present.any(axis=-1).sum())

    def scores(self) -> PoseTrackScores:
        if not np.any(self._positives):
            raise ValueError(
                "nothing to score: no frame has an annotated keypoint outside the regions to ignore; give "
                "videos with labels (PoseTrack's test videos have none) and their ground truth"
            )
        joint, scores, hits, videos = (np.concatenate(part) for part in zip(*self._ranked, strict=True))
        order = np.argsort(-scores, kind="stable")  # so that a resample finds them in order
        joint, scores, hits, videos = (part[order] for part in (joint, scores, hits, videos))
        positives = np.array(self._positives)
        return PoseTrackScores(
            rankings={
                name: Ranking(scores[joint == j], hits[joint == j], videos[joint == j], positives[:, j])
                for j, name in enumerate(POSETRACK15.joints)
            },
            frames=self._frames,
            people=self._people,
            predicted=self._poses,
        )


_Row = tuple[int, np.ndarray, np.ndarray | None]


def _rows(
    sequences: Iterable[PoseSequence],
    videos: Mapping[str, PoseTrackVideo],
    *,
    what: str,
    only: Collection[tuple[str, int]] | None = None,
) -> dict[tuple[str, int], list[_Row]]:
    """Track, pose and scores by (video, frame), where there is a keypoint; `only` some frames where given."""
    rows: dict[tuple[str, int], list[_Row]] = {}
    for sequence in sequences:
        if sequence.name not in videos:
            raise ValueError(
                f"{sequence.name}, track {sequence.track}: {what} of a video that has no labels; give the "
                "labels and the poses of one split"
            )
        if only is not None and sequence.scores is None:
            raise ValueError(
                f"{sequence.name}, track {sequence.track}: a prediction without scores cannot be ranked; "
                "refined poses have none, so give them the detection's: "
                "dataclasses.replace(refined, scores=detected.scores)"
            )
        sequence = by_name(sequence, POSETRACK15)
        values = sequence.values.astype(np.float64)
        if sequence.labelled is not None:
            values[~sequence.labelled] = np.nan
        for t in np.flatnonzero(np.isfinite(values).all(axis=-1).any(axis=-1)):
            key = (sequence.name, sequence.start + int(t))
            if only is None or key in only:
                scores = None if sequence.scores is None else sequence.scores[t].astype(np.float64)
                rows.setdefault(key, []).append((sequence.track, values[t], scores))
    return rows


def _stacked(rows: list[_Row]) -> tuple[np.ndarray, np.ndarray]:
    J = len(POSETRACK15)
    return np.array([p for _, p, _ in rows]).reshape(-1, J, 2), np.array([s for *_, s in rows]).reshape(-1, J)


def _head(video: PoseTrackVideo, track: int, frame: int) -> Box:
    head = video.heads.get((track, frame))
    if head is None:
        raise ValueError(
            f"{video.name}: track {track} has keypoints but no head box in frame {frame}, so no distance can "
            "be measured there; add its head box to the annotations or leave the person out"
        )
    return head


def _mean(values: Iterable[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return sum(known) / len(known) if known else math.nan
