"""UI-PRMD as released: Kinect v2 offsets and angles, and Vicon markers, in separate files on two clocks.

Files ``Segmented Movements/{Kinect,Vicon}/{Positions,Angles}/m01_s01_e01_{positions,angles}.txt``: movement,
subject, episode; comma separated, no header. A Kinect frame has, for each of 22 joints, an offset from the
parent in centimetres and three Euler angles in degrees; a Vicon frame has 39 Plug-in-Gait markers in
millimetres. This module converts them to episodes, which `hanet.datasets.uiprmd.alignment` pairs:

1. Kinect joints by forward kinematics: a joint's rotation in its parent's frame is ``Rz·Rx·Ry``, and its
   offset is turned by the product of its ancestors' rotations. The release does not state this order; of the
   orders tried it has the smallest distance between the two recordings.
2. The 12 joints both have (LIMBS12), millimetres.
3. Vicon from 100 to 30 Hz, linear in time, from its first frame on.

Axes: T Kinect frames (30 Hz), U Vicon frames (100 Hz, or 30 where said), then joints or markers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from hanet.datasets.uiprmd.collect import PairsError
from hanet.datasets.uiprmd.pairs import FPS, subject_of

VICON_FPS = 100
_FOLDER = Path("Segmented Movements")
_CHAINS = (
    (0, 1, 2, 3, 4, 5),  # spine to head
    (2, 6, 7, 8, 9),  # left arm
    (2, 10, 11, 12, 13),  # right arm
    (0, 14, 15, 16, 17),  # left leg
    (0, 18, 19, 20, 21),  # right leg
)
_PARENTS = {child: parent for chain in _CHAINS for parent, child in pairwise(chain)}
_KINECT_LIMBS = [7, 8, 9, 11, 12, 13, 14, 15, 16, 18, 19, 20]
_MARKERS = (
    "LFHD", "RFHD", "LBHD", "RBHD", "C7", "T10", "CLAV", "STRN", "RBAK",
    "LSHO", "LUPA", "LELB", "LFRM", "LWRA", "LWRB", "LFIN",
    "RSHO", "RUPA", "RELB", "RFRM", "RWRA", "RWRB", "RFIN",
    "LASI", "RASI", "LPSI", "RPSI",
    "LTHI", "LKNE", "LTIB", "LANK", "LHEE", "LTOE", "RTHI", "RKNE", "RTIB", "RANK", "RHEE", "RTOE",
)  # fmt: skip
_VICON_LIMBS = [
    [_MARKERS.index(f"{side}{marker}") for marker in markers]
    for group in ((("SHO",), ("ELB",), ("WRA", "WRB")), (("ASI", "PSI"), ("KNE",), ("ANK",)))
    for side in "LR"
    for markers in group
]


@dataclass(frozen=True, eq=False)
class Episode:
    """One repetition as recorded by both systems, each with its own clock and world frame.

    Attributes:
        name: movement, subject and episode, like ``m01_s09_e01``.
        kinect: detected joints (T, 12, 3) in the Kinect's frame, millimetres, 30 Hz.
        vicon: ground-truth joints (U, 12, 3) in Vicon's world, millimetres, 30 Hz.
    """

    name: str
    kinect: Float[np.ndarray, "T 12 3"]
    vicon: Float[np.ndarray, "U 12 3"]


def episode_names(raw: Path) -> list[str]:
    """Names of all episodes below `raw` with any of the three recordings, sorted.

    Args:
        raw: holds the folder ``Segmented Movements``; files may be gzipped (``.txt.gz``).

    Raises:
        PairsError: no such folder, or one without episodes.
    """
    names = {
        path.name.partition("_positions.")[0].partition("_angles.")[0]
        for system, kind in _KINDS
        for path in (raw / _FOLDER / system / kind.capitalize()).glob(f"m*_{kind}.txt*")
    }
    if not names:
        raise PairsError(
            f"{raw / _FOLDER}: no file Kinect/Positions/m*_positions.txt or its like; unpack the release's "
            f"'{_FOLDER}' there (webpages.uidaho.edu/ui-prmd)"
        )
    for name in names:
        subject_of(name)
    return sorted(names)


_KINDS = (("Kinect", "positions"), ("Kinect", "angles"), ("Vicon", "positions"))


def read_episode(raw: Path, name: str) -> Episode:
    """One episode's joints.

    Args:
        raw: holds the folder ``Segmented Movements``.
        name: like ``m01_s09_e01``.

    Raises:
        FileNotFoundError: one of the three files is missing.
        PairsError: a file without numbers or with another count of them per frame, or Kinect files of
            different lengths.
    """
    offsets = _table(raw, name, *_KINDS[0], width=66)
    angles = _table(raw, name, *_KINDS[1], width=66)
    markers = _table(raw, name, *_KINDS[2], width=3 * len(_MARKERS))
    if len(offsets) != len(angles):
        raise PairsError(
            f"{name}: {len(offsets)} frames of Kinect positions, but {len(angles)} of angles; get both "
            "files again"
        )
    kinect = kinect_joints(offsets.reshape(-1, 22, 3), angles.reshape(-1, 22, 3))
    return Episode(name, 10 * kinect[:, _KINECT_LIMBS], to_30_hz(vicon_limbs(markers.reshape(-1, 39, 3))))


def kinect_joints(
    offsets: Float[np.ndarray, "T 22 3"], angles: Float[np.ndarray, "T 22 3"]
) -> Float[np.ndarray, "T 22 3"]:
    """Joints in the Kinect's frame by forward kinematics, in the offsets' unit.

    Args:
        offsets: each joint's position in its parent's frame; joint 0's in the Kinect's.
        angles: degrees about x, y, z; a joint's rotation is ``Rz·Rx·Ry`` in its parent's frame.
    """
    local = [Rotation.from_euler("ZXY", angles[:, j, [2, 0, 1]], degrees=True) for j in range(22)]
    turn, joints = {0: local[0]}, offsets.copy()
    for joint, parent in _PARENTS.items():
        joints[:, joint] = joints[:, parent] + turn[parent].apply(offsets[:, joint])
        turn[joint] = turn[parent] * local[joint]
    return joints


def vicon_limbs(markers: Float[np.ndarray, "U 39 3"]) -> Float[np.ndarray, "U 12 3"]:
    """The 12 limb joints from Plug-in-Gait markers: wrists average two markers, hips ASI and PSI."""
    return np.stack([markers[:, chosen].mean(axis=1) for chosen in _VICON_LIMBS], axis=1)


def to_30_hz(values: Float[np.ndarray, "U 12 3"]) -> Float[np.ndarray, "V 12 3"]:
    """Vicon's 100 Hz to 30 Hz, linear in time; a frame that would fall on the last one is left out."""
    count = -(-(len(values) - 1) * 3 // 10)
    at = np.arange(count) * (VICON_FPS / FPS)
    before = np.floor(at + 1e-9).astype(int)
    weight = (at - before)[:, None, None]
    return (1 - weight) * values[before] + weight * values[before + 1]


def episodes(raw: Path, subjects: Iterable[int]) -> Iterator[Episode]:
    """Every complete episode of some subjects, sorted by name; those that lack a recording are skipped.

    Raises:
        PairsError: as `episode_names` and `read_episode`.
    """
    wanted = set(subjects)
    for name in episode_names(raw):
        if subject_of(name) in wanted and all(_path(raw, name, *kind).exists() for kind in _KINDS):
            yield read_episode(raw, name)


def _path(raw: Path, name: str, system: str, kind: str) -> Path:
    plain = raw / _FOLDER / system / kind.capitalize() / f"{name}_{kind}.txt"
    packed = plain.with_name(plain.name + ".gz")
    return packed if packed.exists() else plain


def _table(raw: Path, name: str, system: str, kind: str, *, width: int) -> np.ndarray:
    path = _path(raw, name, system, kind)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; the episode lacks its {system} {kind}")
    try:
        values = np.loadtxt(path, delimiter=",", ndmin=2)
    except (ValueError, OSError, EOFError) as error:
        raise PairsError(f"{path}: not a table of numbers ({error}); get the file again") from error
    if values.shape[1] != width or len(values) < 2:
        raise PairsError(
            f"{path}: {values.shape[0]} frames of {values.shape[1]} numbers, expected two or more of "
            f"{width}; get the file again"
        )
    if not np.isfinite(values).all():
        raise PairsError(f"{path}: {(~np.isfinite(values)).sum()} values are not finite; get the file again")
    return values
