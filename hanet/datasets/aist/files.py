"""AIST++: dances seen by nine cameras, with keypoints, 3D joints and fitted SMPL (Li et al., ICCV 2021).

Read from the annotations (google.github.io/aistplusplus_dataset, CC BY 4.0, Google LLC), 60 frames per
second:

- ``keypoints3d/{name}.pkl``: ``keypoints3d`` triangulated and ``keypoints3d_optim`` smoothed world joints (T,
  17, 3), COCO order, cm, y up; the first has NaN where too few cameras saw a joint
- ``keypoints2d/{name}.pkl``: ``keypoints2d`` (9, T, 17, 3), detections in the nine views: x, y in pixels and
  a score; NaN where nothing was detected
- ``motions/{name}.pkl``: ``smpl_poses`` (T, 72), ``smpl_trans`` (T, 3) in cm, ``smpl_scaling`` (1); no betas:
  bodies differ only in scaling
- ``cameras/mapping.txt`` (one name and camera setting per line) and ``cameras/{setting}.json``: ``name``,
  ``size``, ``matrix``, ``distortions`` (k1, k2, p1, p2, k3), ``rotation`` (axis-angle) and ``translation``
  (cm), world to camera
- ``splits/pose_{train,val,test}.txt`` and ``ignore_list.txt``: one name per line; ignored sequences have
  faulty poses

A name such as ``gBR_sBM_cAll_d04_mBR2_ch08`` gives genre, situation, cameras, dancer, music and
choreography. A camera's sequence is ``{name}/c01``. DeciWatch and HANet report 7,292 camera sequences
(5,916,474 frames) for training and 3,840 (2,882,640) for testing.

The official test split has dancers of its own, but train and val share dancers: with `subject_of` as group
the leakage guard reports this, and a study that selects on val must declare it.
"""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from hanet.datasets.aist.options import CAMERAS
from hanet.datasets.common.fields import field, numbers
from hanet.files.json_text import read_json
from hanet.files.unpickle import read_pickle
from hanet.poses.cameras import CalibratedCamera
from hanet.smpl.tracks import SmplTrack, from_axis_angle

Split = Literal["train", "val", "test"]

FPS = 60.0
SPLITS = ("train", "val", "test")

_CM_PER_M = 100
_NAME = re.compile(r"g[A-Z]{2}_s[A-Z]{2}_cAll_(d\d\d)_m[A-Z]{2}\d_ch\d\d")
REMEDY = "get the annotations again from google.github.io/aistplusplus_dataset, or correct the path"


class AistError(ValueError):
    """A missing or unusable file; the message names file, field and remedy."""


_field = partial(field, error=AistError, remedy=REMEDY)
_numbers = partial(numbers, error=AistError, remedy=REMEDY)


def subject_of(name: str) -> str:
    """The dancer, ``d04``, of a name or a camera's sequence: a group for the leakage guard.

    `hanet.poses.sequence.names.clip_of` gives the name, so all cameras of one performance stay together.

    Raises:
        AistError: not a name of this data set.
    """
    match = _NAME.fullmatch(name.split("/", 1)[0])
    if match is None:
        raise AistError(f"{name!r} names no sequence: expected one like gBR_sBM_cAll_d04_mBR2_ch08")
    return match[1]


def sequence_names(folder: Path, split: Split) -> list[str]:
    """Names of an official split, sorted, without the ignored ones.

    Args:
        folder: the annotations.
        split: ``train``, ``val`` or ``test``.

    Raises:
        AistError: an unknown split, a missing file, or a line that is not a name.
    """
    if split not in SPLITS:
        raise AistError(f"split must be one of {', '.join(SPLITS)}, got {split!r}")
    ignored = ignored_names(folder)
    path = folder / "splits" / f"pose_{split}.txt"
    names = _lines(path)
    if wrong := [name for name in names if not _NAME.fullmatch(name)]:
        raise AistError(f"{path}: expected names like gBR_sBM_cAll_d04_mBR2_ch08, got {wrong[0]!r}; {REMEDY}")
    return sorted(set(names) - ignored)


def ignored_names(folder: Path) -> frozenset[str]:
    """Names of sequences with faulty poses.

    Raises:
        AistError: no list of them.
    """
    return frozenset(_lines(folder / "ignore_list.txt"))


def read_cameras(folder: Path, name: str) -> dict[str, CalibratedCamera]:
    """The cameras of a sequence's setting by name, ``c01`` … ``c09``.

    Raises:
        AistError: a missing or damaged file, a sequence without a setting, or an invalid field of a camera.
    """
    path = folder / "cameras" / "mapping.txt"
    rows = [line.split() for line in _lines(path)]
    if wrong := [row for row in rows if len(row) != 2]:
        raise AistError(
            f"{path}: expected one name and one setting per line, got {' '.join(wrong[0])[:80]!r}; {REMEDY}"
        )
    mapping = dict(rows)
    if name not in mapping:
        raise AistError(f"{path}: expected a line for {name}, got none among {len(mapping)}; {REMEDY}")
    setting = folder / "cameras" / f"{mapping[name]}.json"
    if not setting.is_file():
        raise AistError(f"{setting}: no such file, which {path} names for {name}; {REMEDY}")
    try:
        entries = read_json(setting, list, remedy=REMEDY)
    except ValueError as error:
        raise AistError(str(error)) from None
    if not all(isinstance(entry, dict) for entry in entries):
        raise AistError(f"{setting}: expected a list of cameras, got another; {REMEDY}")
    cameras = [_camera(entry, setting) for entry in entries]
    return {camera.name: camera for camera in cameras}


def _camera(entry: dict[str, Any], path: Path) -> CalibratedCamera:
    name = str(_field(entry, "name", path=path))

    def value(key: str, *shape: int) -> np.ndarray:
        where = f"{path}, camera {name}, field {key!r}"
        return _numbers(_field(entry, key, path=path), shape, where=where)

    matrix, distortions, (width, height) = value("matrix", 3, 3), value("distortions", 5), value("size", 2)
    if matrix[0, 1] != 0:
        raise AistError(
            f"{path}, camera {name}: expected a matrix without skew, got {matrix[0, 1]}; {REMEDY}"
        )
    try:
        return CalibratedCamera(
            name=name,
            rotation=Rotation.from_rotvec(value("rotation", 3)).as_matrix(),
            translation=value("translation", 3) / _CM_PER_M,
            focal=matrix[[0, 1], [0, 1]],
            centre=matrix[:2, 2],
            radial=distortions[[0, 1, 4]],
            tangential=distortions[[2, 3]],
            distortion="opencv",
            image_size=(int(width), int(height)),
        )
    except (ValueError, OverflowError) as error:
        raise AistError(f"{path}: {error}; {REMEDY}") from None


def read_world(folder: Path, name: str, *, optimised: bool = True) -> Float[np.ndarray, "T 17 3"]:
    """World joints of a sequence on COCO17, metres, y up; NaN where missing.

    Args:
        folder: the annotations.
        name: the sequence.
        optimised: the smoothed joints, else the triangulated ones.

    Raises:
        AistError: a file that is missing, damaged, unsafe to read or laid out otherwise.
    """
    path = folder / "keypoints3d" / f"{name}.pkl"
    key = "keypoints3d_optim" if optimised else "keypoints3d"
    stored = _field(_pickle(path), key, path=path)
    return _numbers(stored, ("frames", 17, 3), where=f"{path}, field {key!r}") / _CM_PER_M


def read_detected(folder: Path, name: str) -> Float[np.ndarray, "9 T 17 3"]:
    """Detections of a sequence in the nine views: x, y in pixels and a score; NaN where nothing was detected.

    Raises:
        AistError: a file that is missing, damaged, unsafe to read or laid out otherwise.
    """
    path = folder / "keypoints2d" / f"{name}.pkl"
    stored = _field(_pickle(path), "keypoints2d", path=path)
    values = _numbers(stored, (len(CAMERAS), "frames", 17, 3), where=f"{path}, field 'keypoints2d'")
    return np.where(np.isfinite(values), values, np.nan)


def read_motion(folder: Path, name: str) -> SmplTrack:
    """SMPL parameters of a sequence in the world, metres: the mean shape of the neutral body, scaled.

    Raises:
        AistError: a file that is missing, damaged, unsafe to read or laid out otherwise.
    """
    path = folder / "motions" / f"{name}.pkl"
    content = _pickle(path)

    def value(key: str, *shape: int | str) -> np.ndarray:
        return _numbers(_field(content, key, path=path), shape, where=f"{path}, field {key!r}")

    poses = value("smpl_poses", "frames", 72)
    transl = value("smpl_trans", len(poses), 3)
    scaling = float(value("smpl_scaling", 1)[0])
    if not scaling > 0:
        raise AistError(f"{path}, field 'smpl_scaling': expected a positive number, got {scaling}; {REMEDY}")
    return from_axis_angle(
        name,
        poses,
        fps=FPS,
        transl=transl / _CM_PER_M,
        scaling=scaling / _CM_PER_M,
    )


def _lines(path: Path) -> list[str]:
    if not path.is_file():
        raise AistError(f"{path}: no such file; {REMEDY}")
    try:
        return [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except UnicodeDecodeError as error:
        raise AistError(f"{path}: expected text in UTF-8 ({error}); {REMEDY}") from None


def _pickle(path: Path) -> dict[str, Any]:
    try:
        return read_pickle(path)
    except (ValueError, OSError) as error:
        raise AistError(f"{error}; {REMEDY}") from error
