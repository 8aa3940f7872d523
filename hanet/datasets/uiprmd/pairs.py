"""UI-PRMD: rehabilitation exercises that a Kinect v2 and a Vicon system recorded at once.

Ten movements, ten subjects, ten repetitions (Vakanski et al., Data 2018; webpages.uidaho.edu/ui-prmd, public
domain). The Kinect's skeleton is the detected pose, an estimator's real output, and the Vicon markers give
the ground truth. The release has separate recordings on two clocks; this module reads aligned pairs made from
them, one file per movement:

- ``m01.npz`` … ``m10.npz``, in each one array per episode, keyed ``m01_s01_e01``: movement, subject, episode
- an array is (2, T, 12, 3), millimetres, 30 Hz: first the detected, then the ground-truth joints
- joints in the order of LIMBS12: Kinect joints 7-9, 11-13, 14-16, 18-20; Vicon LSHO, LELB, mean of LWRA and
  LWRB, and the same on the right, then mean of LASI and LPSI, LKNE, LANK, and the same on the right
- the ground truth is in Vicon's world, resampled from 100 Hz; the Kinect's joints were aligned to it by one
  time lag and one rigid transformation per episode, both **fitted to the ground truth**: an episode's
  constant offset and rotation are therefore not part of the error to refine
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float

from hanet.datasets.uiprmd.collect import ORIGIN, PairsError, files_of
from hanet.files.unpickle import read_npz
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import LIMBS12

FPS = 30.0

_MM_PER_M = 1000
_NAME = re.compile(r"(m(?:0[1-9]|10))_s(0[1-9]|10)_e(\d\d)")


def read_pairs(folder: Path) -> Iterator[tuple[PoseSequence, PoseSequence]]:
    """Every episode as (detected, ground truth), sorted by name: movement, subject, episode.

    Both are metres in Vicon's world minus the mean of the 12 joints, frame by frame
    (``world_root_relative``), float32, all frames; the sequence's name is the episode's key. Memory holds one
    movement's file.

    Args:
        folder: contains ``m01.npz`` … ``m10.npz``.

    Raises:
        PairsError: a missing folder or file, a damaged file, an array of another shape or type or with
            non-finite values, or a key that is not an episode of the file's movement.
    """
    for path in files_of(folder):
        try:
            episodes = read_npz(path)
        except ValueError as error:
            raise PairsError(f"{error}; {ORIGIN}") from error
        if not episodes:
            raise PairsError(f"{path}: holds no array; get the file again: {ORIGIN}")
        for name in sorted(episodes):
            pair = _checked(episodes[name], path, name)
            yield as_sequence(name, pair[0]), as_sequence(name, pair[1])


def subject_of(name: str) -> int:
    """The subject's number, 1 to 10, of an episode's name such as ``m01_s09_e01``.

    Raises:
        PairsError: not the name of an episode.
    """
    match = _NAME.fullmatch(name)
    if match is None:
        raise PairsError(
            f"{name!r} names no episode: expected movement, subject and episode, like m01_s09_e01"
        )
    return int(match[2])


def split_of(name: str, splits: Mapping[str, Collection[int]]) -> str:
    """The split of an episode's subject.

    Args:
        name: the episode's name.
        splits: subjects of each split, as ``{"train": [1, 2, 3, 4, 5, 6], "val": [7, 8], "test": [9, 10]}``.

    Raises:
        PairsError: a subject in two splits, or this one in no split.
    """
    owner: dict[int, str] = {}
    for split, subjects in splits.items():
        for subject in subjects:
            if owner.setdefault(subject, split) != split:
                raise PairsError(
                    f"subject {subject} is in the splits {owner[subject]} and {split}; leave it in one, or a "
                    "person would be both learned from and tested on"
                )
    subject = subject_of(name)
    if subject not in owner:
        given = "; ".join(f"{split}: {', '.join(map(str, subjects))}" for split, subjects in splits.items())
        raise PairsError(f"subject {subject} ({name}) is in none of the splits ({given}); add it to one")
    return owner[subject]


def _checked(pair: object, path: Path, name: str) -> np.ndarray:
    where = f"{path}, field {name!r}"
    match = _NAME.fullmatch(name)
    if match is None or match[1] != path.stem:
        raise PairsError(
            f"{where}: expected keys like {path.stem}_s01_e01 (movement, subject 01 to 10, episode); rename "
            f"or remove the array, or get the file again: {ORIGIN}"
        )
    if not isinstance(pair, np.ndarray) or pair.dtype.kind != "f":
        got = pair.dtype if isinstance(pair, np.ndarray) else "objects"
        raise PairsError(f"{where}: expected an array of floats, got {got}; get the file again: {ORIGIN}")
    if pair.ndim != 4 or pair.shape[0] != 2 or pair.shape[1] == 0 or pair.shape[2:] != (len(LIMBS12), 3):
        raise PairsError(
            f"{where}: shape {pair.shape}, expected (2, T, {len(LIMBS12)}, 3): detected and ground truth, T "
            f"frames, joints, xyz; get the file again: {ORIGIN}"
        )
    finite = np.isfinite(pair)
    if not finite.all():
        side, frame, joint, _ = np.argwhere(~finite)[0]
        raise PairsError(
            f"{where}: {'ground truth' if side else 'detected'} frame {frame}, joint "
            f"{LIMBS12.joints[joint]}: not finite ({(~finite).sum()} such values); get the file again, or "
            f"remove the episode: {ORIGIN}"
        )
    return pair


def as_sequence(name: str, millimetres: Float[np.ndarray, "T 12 3"]) -> PoseSequence:
    """One recording of a pair, in the form that `read_pairs` yields."""
    values = millimetres.astype(np.float32) / _MM_PER_M
    return PoseSequence.joints(name, values, LIMBS12, fps=FPS, frame_of_reference="world").root_relative()
