"""SMPL in the pipeline: which body an experiment's rotations pose, and its scores by joints and vertices.

The stage estimate notes the body beside the pairs, with the SHA-256 of its files; the stages after it read it
from there. No licensed file is copied.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from hanet.body import Body, JointSet
from hanet.data.cache import PoseCache
from hanet.data.smpl_tracks import SideTable, read_tracks, side_path
from hanet.metrics import Scores, evaluate
from hanet.metrics.mesh import evaluate_meshes
from hanet.poses import PoseSequence
from hanet.smpl_joints import joint_sequence
from hanet.synthetic_body import synthetic_body
from stages import _run
from stages._sources import SYNTHETIC, BodyFile
from stages.params import Evaluate

BODY = "body.json"


def note_body(options: BodyFile, folder: Path) -> Body:
    """Load the body, and write down in the pairs' folder which one it is.

    Raises:
        SmplFileError: a file that is missing or wrong, with where to get it.
    """
    body = _load(options)
    files = [name for name in (options.model, options.h36m_regressor) if name not in (None, SYNTHETIC)]
    hashes = {name: _run.file_hash(Path(name)) for name in files if name is not None}
    _run.write_json(folder / BODY, options.model_dump() | {"sha256": hashes})
    return body


def body_of(experiment: str) -> tuple[Body, JointSet] | None:
    """The experiment's body and the joints that are scored; None where its poses are no SMPL.

    Raises:
        SmplFileError: a file that is missing.
        ValueError: a file that is another than the poses were made with.
    """
    path = _run.PAIRS / experiment / BODY
    if not path.is_file():
        return None
    noted = json.loads(path.read_text())
    hashes: Mapping[str, str] = noted.pop("sha256")
    options = BodyFile(**noted)
    body = _load(options)
    for name, expected in hashes.items():
        if (found := _run.file_hash(Path(name))) != expected:
            raise ValueError(
                f"{name} has SHA-256 {found}, but the poses of {experiment} were made with {expected}; put "
                "that file back, or run the stage estimate again"
            )
    return body.to(_run.device()), options.joints


def _load(options: BodyFile) -> Body:
    if options.model == SYNTHETIC:
        return synthetic_body()
    return Body.load(options.model, h36m_regressor=options.h36m_regressor)


def copy_cache(source: Path, target: Path) -> None:
    """A cache under another name, with its side table where it has one."""
    shutil.copyfile(source, target)
    copy_side(source, target)


def copy_side(source: Path, target: Path) -> None:
    """The side table of a cache, where it has one, for another of the same frames."""
    if side_path(source).is_file():
        shutil.copyfile(side_path(source), side_path(target))


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
