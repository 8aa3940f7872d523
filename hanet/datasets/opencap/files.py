"""Files of OpenCap's samples: joint positions of the markers' model and of the estimators.

Below one folder:

- ``<trial>/sample_mocap.json``, ``sample_wham.json``, ``sample_mono.json``: ``time`` (T, seconds, 100 Hz) and
  ``bodies``, by name of an OpenSim body: ``translation`` (T, 3), metres, y up, the body's origin in the world
- ``pairs.npz`` (not published): ``mediapipe_joints`` (12 names) and, by trial, ``<trial>/mediapipe_D3`` (U,
  12, 3): MediaPipe's world landmarks on the frames of the trial's video, millimetres, camera axes, 60 Hz

A body's origin is a joint centre: ``humerus`` the shoulder's, ``ulna`` the elbow's, ``hand`` the wrist's,
``femur`` the hip's, ``tibia`` the knee's, ``talus`` the ankle's; the 12 of LIMBS12. MediaPipe's landmarks are
surface points near these.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Float

from hanet.datasets.common.fields import field, numbers
from hanet.files.json_text import read_json
from hanet.files.unpickle import read_npz
from hanet.poses.skeletons import LIMBS12

FPS = 100.0
VIDEO_FPS = 60.0
MEDIAPIPE = "pairs.npz"
MM_PER_M = 1000

_BODIES = {
    "shoulder": "humerus",
    "elbow": "ulna",
    "wrist": "hand",
    "hip": "femur",
    "knee": "tibia",
    "ankle": "talus",
}
_SHORT = {"shoulder": "sho", "elbow": "elb", "wrist": "wri", "hip": "hip", "knee": "knee", "ankle": "ank"}
REMEDY = "get the samples again (hanet data show opencap), or correct the path"


class OpenCapError(ValueError):
    """A missing or unusable file; the message names file, field and remedy."""


_field = partial(field, error=OpenCapError, remedy=REMEDY)
_numbers = partial(numbers, error=OpenCapError, remedy=REMEDY)


@dataclass(frozen=True, eq=False)
class Recording:
    """Joints of one system.

    Attributes:
        joints: on LIMBS12 (T, 12, 3), metres, in the system's own world or camera.
        fps: frames per second; the first frame is the trial's first.
    """

    joints: Float[np.ndarray, "T 12 3"]
    fps: float


def trials(folder: Path) -> list[str]:
    """Names of the trials with marker-based joints, sorted.

    Raises:
        OpenCapError: none.
    """
    found = sorted(path.parent.name for path in folder.glob("*/sample_mocap.json"))
    if not found:
        raise OpenCapError(f"{folder}: expected files like squat/sample_mocap.json, got none; {REMEDY}")
    return found


def read(folder: Path, trial: str, system: str) -> Recording | None:
    """One system's joints of a trial: ``mocap`` (the markers'), ``wham``, ``mono`` or ``mediapipe``.

    Returns:
        None where the estimator's output of this trial is not among the files.

    Raises:
        OpenCapError: a damaged file, or a missing body or field.
    """
    if system == "mediapipe":
        return _mediapipe(folder / MEDIAPIPE, trial)
    path = folder / trial / f"sample_{system}.json"
    return _bodies(path) if path.is_file() else None


def _bodies(path: Path) -> Recording:
    try:
        content = read_json(path, dict, remedy=REMEDY)
    except ValueError as error:
        raise OpenCapError(str(error)) from None
    time = _numbers(_field(content, "time", path=path), ("frames",), where=f"{path}, field 'time'")
    if not np.allclose(time, np.arange(len(time)) / FPS, atol=1e-3):
        raise OpenCapError(
            f"{path}, field 'time': expected 0, 0.01, 0.02, … seconds ({FPS:g} Hz), got others; {REMEDY}"
        )
    bodies = _field(content, "bodies", path=path)
    if not isinstance(bodies, dict):
        raise OpenCapError(
            f"{path}, field 'bodies': expected a mapping, got {type(bodies).__name__}; {REMEDY}"
        )
    joints = []
    for joint in LIMBS12.joints:
        name = f"{_BODIES[joint[2:]]}_{joint[0]}"
        body = _field(bodies, name, path=path)
        where = f"{path}, body {name}, field 'translation'"
        if not isinstance(body, dict):
            raise OpenCapError(
                f"{path}, body {name}: expected a mapping, got {type(body).__name__}; {REMEDY}"
            )
        values = _numbers(_field(body, "translation", path=path), (len(time), 3), where=where)
        joints.append(_finite(values, where))
    return Recording(np.stack(joints, axis=1), FPS)


def _mediapipe(path: Path, trial: str) -> Recording | None:
    if not path.is_file():
        raise OpenCapError(
            f"{path}: no such file, and MediaPipe's poses are not published; put it beside the trials, or "
            "choose ingest.estimator wham or mono"
        )
    try:
        stored = read_npz(path)
    except ValueError as error:
        raise OpenCapError(f"{error}; {REMEDY}") from error
    key = f"{trial}/mediapipe_D3"
    if key not in stored:
        return None
    names = [str(name) for name in _field(stored, "mediapipe_joints", path=path)]
    wanted = [f"{joint[0]}{_SHORT[joint[2:]]}" for joint in LIMBS12.joints]
    if set(names) != set(wanted):
        raise OpenCapError(
            f"{path}, field 'mediapipe_joints': expected {', '.join(wanted)}, "
            f"got {', '.join(names)}; {REMEDY}"
        )
    where = f"{path}, field {key!r}"
    values = _finite(_numbers(stored[key], ("frames", len(names), 3), where=where), where)
    return Recording(values[:, [names.index(name) for name in wanted]] / MM_PER_M, VIDEO_FPS)


def _finite(values: np.ndarray, where: str) -> np.ndarray:
    if not np.isfinite(values).all():
        raise OpenCapError(f"{where}: expected finite numbers, got NaN or infinity; {REMEDY}")
    return values
