"""Human3.6M: 15 actions, twice each, of seven people seen by four cameras (Ionescu et al., TPAMI 2014).

Read from the release (vision.imar.ro/human3.6m, account and agreement) are

- ``S{n}/MyPoseFeatures/D3_Positions/{Action}[ k].cdf``: world joints, variable ``Pose``, (T, 96):
  32 joints, mm
- ``metadata.xml`` of the release's code: element ``w0``, 300 numbers. The first 264 are extrinsics, six
  for each camera and, within a camera, for each of 11 subjects: rotation angles about x, y, z (R = Rx·Ry·Rz)
  and the camera's position c in mm; in the camera's frame a joint lies at R·(joint - c). The last 36 are
  intrinsics, nine for each camera: fx, fy, cx, cy, k1, k2, k3, p1, p2

Split by subject: S1, S5, S6, S7, S8 train (600 camera sequences, 1,559,752 frames), S9 and S11 test (236 and
543,344). That is 59 of the test subjects' 60 recordings: by convention S11's ``Directions`` is left out,
because its video of camera 54138969 is broken; `recordings` leaves it out too. In parts of S9's Greeting,
SittingDown and Waiting, users reported that the ground truth is shifted in the world, so its keypoints miss
the person in the image.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from xml.etree import ElementTree

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from hanet.datasets.common.fields import numbers
from hanet.datasets.common.view import View
from hanet.datasets.human36m.cdf import read_variable
from hanet.datasets.human36m.options import CAMERAS
from hanet.poses.boxes import person_boxes
from hanet.poses.cameras import CalibratedCamera
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import H36M17

Split = Literal["train", "val", "test"]

FPS = 50.0
SUBJECTS: dict[str, tuple[str, ...]] = {"train": ("S1", "S5", "S6", "S7", "S8"), "test": ("S9", "S11")}
"""The official split. A validation split is held out of train; see `subjects_of`."""
BROKEN = ("S11_Directions",)
"""Recordings that are left out by convention."""

JOINTS_32 = {
    **{"pelvis": 0, "r_hip": 1, "r_knee": 2, "r_ankle": 3, "l_hip": 6, "l_knee": 7, "l_ankle": 8},
    **{"spine": 12, "thorax": 13, "nose": 14, "head_top": 15, "l_shoulder": 17, "l_elbow": 18, "l_wrist": 19},
    **{"r_shoulder": 25, "r_elbow": 26, "r_wrist": 27},
}
"""Indices of H36M17's joints among the 32 stored; the others repeat these or are hands and feet."""

_MM_PER_M = 1000
_METADATA_SUBJECTS = 11
# S1's names of actions that have other names for the other subjects
_ALIASES = {"TakingPhoto": "Photo", "WalkingDog": "WalkDog"}
_NAME = re.compile(r"(S\d+)_[A-Za-z]+(_\d+)?(/\d{8})?")
_REMEDY = "get the file again from vision.imar.ro/human3.6m, or correct the path"


class Human36MError(ValueError):
    """A missing or unusable file; the message names the file and the remedy."""


@dataclass(frozen=True)
class Recording:
    """One file of world joints: `name` such as ``S9_Directions_1``, its subject, and its path."""

    name: str
    subject: str
    path: Path


def subjects_of(split: Split, *, validation: Sequence[str] = ("S8",)) -> tuple[str, ...]:
    """The subjects of a split.

    Args:
        split: ``train``, ``val`` or ``test``.
        validation: subjects held out of the official train split as ``val``; with none, train has all its
            subjects.

    Raises:
        Human36MError: no such split, or validation subjects that are not in the official train split or leave
            it empty.
    """
    official = SUBJECTS["train"]
    if not set(validation) < set(official):
        raise Human36MError(
            f"validation must be some of the training subjects {', '.join(official)}, got "
            f"{', '.join(validation)}"
        )
    splits = {
        "train": tuple(s for s in official if s not in validation),
        "val": tuple(s for s in official if s in validation),
        "test": SUBJECTS["test"],
    }
    if split not in splits:
        raise Human36MError(f"split must be one of {', '.join(splits)}, got {split!r}")
    return splits[split]


def subject_of(name: str) -> str:
    """``S9`` of ``S9_Directions_1`` or of one of its camera sequences: the group that must stay in one split.

    `hanet.poses.names.clip_of` gives the recording, so all cameras of one performance stay together too.

    Raises:
        Human36MError: not a name of this data set.
    """
    match = _NAME.fullmatch(name)
    if match is None:
        raise Human36MError(
            f"{name!r} names no recording: expected subject, action, camera, like S9_Directions_1/54138969"
        )
    return match[1]


def recordings(
    folder: Path, subjects: Sequence[str], *, leave_out: Sequence[str] = BROKEN
) -> list[Recording]:
    """The recordings of some subjects, by subject in the order given, then by name.

    S1's TakingPhoto and WalkingDog are named Photo and WalkDog, as other subjects' are.

    Args:
        folder: holds ``S1``, ``S5``, ….
        subjects: as `subjects_of` gives them.
        leave_out: names of recordings to leave out.

    Raises:
        Human36MError: a subject without files.
    """
    found = []
    for subject in subjects:
        features = folder / subject / "MyPoseFeatures" / "D3_Positions"
        # "_ALL.cdf", where a release has it, is a calibration recording and not an action.
        paths = sorted(p for p in features.glob("*.cdf") if not p.name.startswith("_"))
        if not paths:
            raise Human36MError(f"{features}: expected CDF files of {subject}, got none; {_REMEDY}")
        for path in paths:
            action, _, take = path.stem.partition(" ")
            name = "_".join([subject, _ALIASES.get(action, action), *([take] if take else [])])
            if name not in leave_out:
                found.append(Recording(name, subject, path))
    return found


def read_cameras(metadata: Path) -> dict[str, dict[str, CalibratedCamera]]:
    """The four cameras for each of S1 … S11, by subject and camera.

    Args:
        metadata: the release's ``metadata.xml``.

    Raises:
        Human36MError: no such file, no XML, no element ``w0``, or not 300 finite numbers in it.
    """
    if not metadata.is_file():
        raise Human36MError(f"{metadata}: expected the release's metadata.xml, got no such file; {_REMEDY}")
    try:
        element = ElementTree.parse(metadata).getroot().find(".//w0")
        text = "" if element is None else element.text or ""
        w0 = np.array([float(word) for word in text.strip("[] \n\t").replace(",", " ").split()])
    except (ElementTree.ParseError, ValueError) as error:
        raise Human36MError(
            f"{metadata}: expected XML with numbers in w0, got another ({error}); {_REMEDY}"
        ) from None
    split = len(CAMERAS) * _METADATA_SUBJECTS * 6
    total = split + len(CAMERAS) * 9
    if len(w0) != total or not np.isfinite(w0).all():
        raise Human36MError(
            f"{metadata}: expected {total} finite numbers in the element w0, got {len(w0)} numbers; {_REMEDY}"
        )
    extrinsics = w0[:split].reshape(len(CAMERAS), _METADATA_SUBJECTS, 6)
    intrinsics = w0[split:].reshape(len(CAMERAS), 9)
    try:
        return {
            f"S{s + 1}": {
                name: _camera(name, extrinsics[c, s], intrinsics[c]) for c, name in enumerate(CAMERAS)
            }
            for s in range(_METADATA_SUBJECTS)
        }
    except ValueError as error:
        raise Human36MError(f"{metadata}: {error}; {_REMEDY}") from None


def _camera(
    name: str, extrinsics: Float[np.ndarray, " 6"], intrinsics: Float[np.ndarray, " 9"]
) -> CalibratedCamera:
    rotation = Rotation.from_euler("XYZ", extrinsics[:3]).as_matrix()
    return CalibratedCamera(
        name=name,
        rotation=rotation,
        translation=-rotation @ extrinsics[3:] / _MM_PER_M,
        focal=intrinsics[:2],
        centre=intrinsics[2:4],
        radial=intrinsics[4:7],
        tangential=intrinsics[7:],
        distortion="human36m",
        image_size=CAMERAS[name],
    )


def read_world(path: Path) -> Float[np.ndarray, "T 17 3"]:
    """World joints of one recording on H36M17, metres, z up, 50 frames per second.

    Raises:
        Human36MError: a missing or damaged file, no variable ``Pose``, another shape, or non-finite values.
    """
    if not path.is_file():
        raise Human36MError(f"{path}: expected a CDF file, got no such file; {_REMEDY}")
    try:
        pose, variables = read_variable(path, "Pose")
    except Exception as error:  # cdflib raises all kinds of errors for a damaged file
        what = f"{type(error).__name__}: {error!s:.200}"
        raise Human36MError(f"{path}: expected a whole CDF file, got another ({what}); {_REMEDY}") from error
    if pose is None:
        names = ", ".join(variables)[:200] or "no variable"
        raise Human36MError(f"{path}: expected a variable 'Pose', got {names}; {_REMEDY}")
    where = f"{path}, variable 'Pose'"
    if np.ndim(pose) == 3 and len(pose) == 1:  # one record with all frames, or one record per frame
        pose = pose[0]
    values = numbers(pose, ("frames", 96), where=where, error=Human36MError, remedy=_REMEDY)
    if not np.isfinite(values).all():
        frame = int((~np.isfinite(values)).any(axis=1).argmax())
        raise Human36MError(
            f"{where}: expected finite numbers, got others, first in frame {frame}; {_REMEDY}"
        )
    index = [JOINTS_32[joint] for joint in H36M17.joints]
    return values.reshape(len(values), 32, 3)[:, index] / _MM_PER_M


def read_views(
    recorded: Sequence[Recording],
    calibration: dict[str, dict[str, CalibratedCamera]],
    *,
    cameras: Sequence[str] = tuple(CAMERAS),
    stride: int = 1,
) -> Iterator[View]:
    """Every recording in every camera: keypoints in the distorted image and root-relative joints.

    Sequences are named ``S9_Directions_1/54138969``; frame numbers count the kept frames. Memory holds one
    recording.

    Args:
        recorded: as `recordings` gives them.
        calibration: as `read_cameras` gives it.
        cameras: names of the cameras to take.
        stride: keep every stride-th frame; 50 / stride frames per second.

    Raises:
        Human36MError: an unknown camera, a stride below 1, a file as in `read_world`, or a person behind a
            camera.
    """
    if stride < 1:
        raise Human36MError(f"stride must be 1 or more, got {stride}")
    if unknown := [c for c in cameras if c not in CAMERAS]:
        raise Human36MError(f"cameras must be among {', '.join(CAMERAS)}, got {', '.join(unknown)}")
    for recording in recorded:
        world = read_world(recording.path)[::stride]
        for name in cameras:
            camera = calibration[recording.subject][name]
            try:
                yield _view(f"{recording.name}/{name}", world, camera, FPS / stride)
            except ValueError as error:
                raise Human36MError(f"{recording.path}: {error}; {_REMEDY}") from None


def _view(name: str, world: Float[np.ndarray, "T 17 3"], camera: CalibratedCamera, fps: float) -> View:
    joints = camera.to_camera(world)
    keypoints = camera.project(joints)
    return View(
        PoseSequence.keypoints(
            name,
            keypoints.astype(np.float32),
            H36M17,
            fps=fps,
            boxes=person_boxes(keypoints).astype(np.float32),
            image_size=camera.image_size,
        ),
        PoseSequence.joints(
            name,
            joints.astype(np.float32),
            H36M17,
            fps=fps,
            frame_of_reference="camera",
            image_size=camera.image_size,
        ).root_relative(),
    )
