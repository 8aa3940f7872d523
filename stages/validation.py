"""The validation split as stages tune on it: its sequences, and the score that decides."""

from __future__ import annotations

from hanet.cache.files import PoseCache
from hanet.methods.tuning import Score, validation_scores
from hanet.metrics.mesh import joint_errors
from hanet.poses.sequence import PoseSequence
from stages import workspace
from stages.bodies import body_of


def pair(experiment: str, split: str) -> tuple[list[PoseSequence], list[PoseSequence]]:
    """Detected and true sequences of a split."""
    detected = PoseCache.open(workspace.detected_path(experiment, split)).read().sequences()
    truth = PoseCache.open(workspace.truth_path(experiment, split)).read().sequences()
    return list(detected), list(truth)


def validation_score(experiment: str) -> Score:
    """What decides on the validation split; of SMPL's rotations by the body's joints."""
    body = body_of(experiment)
    if body is None:
        return validation_scores
    paths = workspace.detected_path(experiment, "val"), workspace.truth_path(experiment, "val")
    return joint_errors(*paths, body[0])
