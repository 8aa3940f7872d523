"""Scores of SMPL's rotations by the joints and vertices of a body.

Apart from `stages._smpl`, which trainings read: a change of a metric must not make them stale.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hanet.body import Body, JointSet
from hanet.data.cache import PoseCache
from hanet.data.smpl_tracks import SideTable, read_tracks, side_path
from hanet.metrics import Scores, evaluate
from hanet.metrics.mesh import evaluate_meshes
from hanet.poses import PoseSequence
from hanet.smpl_joints import joint_sequence
from stages import _run
from stages.schema.scores import Evaluate


def score(refined: PoseCache, truth: PoseCache, body: Body, joints: JointSet, options: Evaluate) -> Scores:
    """Joints and vertices of every frame once, see `evaluate_meshes`."""
    return evaluate_meshes(
        read_tracks(truth),
        read_tracks(refined),
        body,
        joints=joints,
        resamples=options.resamples,
        seed=options.seed,
    )


def joint_errors(
    experiment: str, split: str, body: Body
) -> Callable[[Sequence[PoseSequence], Sequence[PoseSequence]], dict[str, float]]:
    """What chooses a filter's parameters: MPJPE of the body's joints, then Accel, of rotations of a split."""
    found, true = (
        SideTable(side_path(path(experiment, split))) for path in (_run.detected_path, _run.truth_path)
    )

    def errors(refined: Sequence[PoseSequence], truth: Sequence[PoseSequence]) -> dict[str, float]:
        means = evaluate(
            (joint_sequence(true.attach(poses), body) for poses in truth),
            (joint_sequence(found.attach(poses), body) for poses in refined),
            resamples=1,
        ).means
        return {name: means[name] for name in ("mpjpe_mm", "accel_mm_per_frame2")}

    return errors
