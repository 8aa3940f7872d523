"""3DPW: people outdoors filmed by a moving camera, poses from IMUs and video (von Marcard et al., ECCV 2018).

``sequenceFiles`` of the release is read (virtualhumans.mpi-inf.mpg.de/3DPW, agreement): one Python 2 pickle
per sequence below ``train``, ``validation`` and ``test``, the official splits (34 tracks, 22,735 frames in
train; 37 and 35,515 in test, of frames with a valid camera). For each of one or two people, at 30 frames per
second:

- ``poses`` (T, 72), ``betas``, ``trans`` (T, 3), ``genders`` (m, f): SMPL in the world, metres
- ``jointPositions`` (T, 72): SMPL's 24 joints in the world, metres
- ``poses2d`` (T, 3, 18): x, y and score of detected keypoints in OpenPose's COCO-18 order, zeros where none
- ``campose_valid`` (T): 0 where the camera's pose could not be aligned with the image

and for all people ``cam_poses`` (T, 4, 4), world to camera. Frames without a valid camera have no
ground-truth joints in the camera's frame: they are left out, and the track continues as another sequence of
the same name and number, with `start` at the frame's number.

The files do not identify people: the leakage guard's groups are sequences (by name).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool, Float

from hanet.datasets.common.fields import field, numbers
from hanet.datasets.common.lsp14 import to_lsp14
from hanet.files.unpickle import read_pickle
from hanet.formats.missing import LARGEST, missing
from hanet.poses.gaps import runs
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import COCO17, LSP14, SMPL24, Skeleton
from hanet.smpl.tracks import SmplTrack, from_axis_angle

Split = Literal["train", "validation", "test"]

FPS = 30.0
SPLITS = ("train", "validation", "test")

_GENDERS = {"m": "male", "f": "female"}
_LIMBS = ("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle")
_COCO18 = (
    *("nose", "neck"),
    *(f"{side}_{part}" for parts in _LIMBS for side in "rl" for part in parts),
    *("r_eye", "l_eye", "r_ear", "l_ear"),
)
_REMEDY = "get sequenceFiles.zip again from virtualhumans.mpi-inf.mpg.de/3DPW"


class Pw3dError(ValueError):
    """A missing or unusable file; the message names file, field and remedy."""


_field = partial(field, error=Pw3dError, remedy=_REMEDY)
_numbers = partial(numbers, error=Pw3dError, remedy=_REMEDY)


@dataclass(frozen=True)
class Person:
    """One person of one sequence.

    Attributes:
        joints: root-relative joints in the camera's frame, metres; one sequence per run of frames with a
            valid camera; empty without such frames.
        keypoints: the released 2D detections of the same frames on COCO17, pixels, with scores; NaN and not
            labelled where nothing was detected.
        smpl: SMPL in the camera frame, metres, for the frames of each of `joints`. The shape is for the body
            of `gender`.
        gender: ``male`` or ``female``.
        frames: number of frames in the file, with or without a valid camera.
    """

    joints: list[PoseSequence]
    keypoints: list[PoseSequence]
    smpl: list[SmplTrack]
    gender: str
    frames: int


def read_people(folder: Path, split: Split, *, skeleton: Skeleton = LSP14) -> Iterator[Person]:
    """Every person of an official split, sorted by sequence; memory holds one file.

    Args:
        folder: ``sequenceFiles``.
        split: ``train``, ``validation`` or ``test``.
        skeleton: ``SMPL24``, or ``LSP14``: 12 of its joints have the name of an SMPL joint and are labelled;
            thorax and head top are SMPL's neck and head, near them and not labelled (see
            `hanet.datasets.common.lsp14.to_lsp14`, also for why errors on these are not those that papers
            report).

    Raises:
        Pw3dError: an unknown split, a folder without files, or a file that is damaged, unsafe to read or of
            another layout.
    """
    if split not in SPLITS:
        raise Pw3dError(f"split must be one of {', '.join(SPLITS)}, got {split!r}")
    if skeleton not in (LSP14, SMPL24):
        raise Pw3dError(f"skeleton must be {LSP14.name} or {SMPL24.name}, got {skeleton.name}")
    paths = sorted((folder / split).glob("*.pkl"))
    if not paths:
        raise Pw3dError(f"{folder / split}: expected pickles, got none; {_REMEDY}")
    for path in paths:
        yield from read_file(path, skeleton=skeleton)


def read_file(path: Path, *, skeleton: Skeleton = LSP14) -> list[Person]:
    """The people of one sequence file, in order; arguments and errors as for `read_people`."""
    try:
        content = read_pickle(path)
    except (ValueError, OSError) as error:
        raise Pw3dError(f"{error}; {_REMEDY}") from error
    people = _people(content, path)
    cameras = _numbers(
        _field(content, "cam_poses", path=path), ("frames", 4, 4), where=f"{path}, field 'cam_poses'"
    )
    return [_person(content, i, cameras, path=path, skeleton=skeleton) for i in range(people)]


def _people(content: dict[str, Any], path: Path) -> int:
    """The number of people; every per-person field must have this many entries."""
    keys = ("poses", "betas", "trans", "genders", "jointPositions", "poses2d", "campose_valid")
    counts = {}
    for key in keys:
        value = _field(content, key, path=path)
        if not isinstance(value, (list, tuple, np.ndarray)):
            raise Pw3dError(f"{path}, field {key!r}: expected a list, got {type(value).__name__}; {_REMEDY}")
        counts[key] = len(value)
    if len(set(counts.values())) > 1 or not counts["poses"]:
        raise Pw3dError(f"{path}: expected one entry per person in every field, got {counts}; {_REMEDY}")
    return counts["poses"]


def _person(
    content: dict[str, Any],
    i: int,
    cameras: Float[np.ndarray, "T 4 4"],
    *,
    path: Path,
    skeleton: Skeleton,
) -> Person:
    frames = len(cameras)

    def entry(key: str, *shape: int | str) -> np.ndarray:
        return _numbers(content[key][i], shape, where=f"{path}, field {key!r}, person {i}")

    valid = entry("campose_valid", frames) != 0
    poses, transl = entry("poses", frames, 72), entry("trans", frames, 3)
    world = entry("jointPositions", frames, 72).reshape(frames, 24, 3)
    camera = np.einsum("tij,tkj->tki", cameras[:, :3, :3], world) + cameras[:, None, :3, 3]
    if skeleton == LSP14:
        values, named = to_lsp14(camera, SMPL24)
    else:
        values, named = camera, np.ones(24, dtype=bool)
    detected = entry("poses2d", frames, 3, 18)[:, :, [_COCO18.index(j) for j in COCO17.joints]]
    valid_runs = runs(valid)
    for run in valid_runs:
        if not (np.isfinite(camera[run]).all() and np.isfinite(poses[run]).all()):
            raise Pw3dError(
                f"{path}, person {i}, frames {run.start}..{run.stop - 1}: expected finite poses, "
                f"jointPositions and cam_poses where campose_valid is 1, got others; {_REMEDY}"
            )
    smpl = from_axis_angle(
        path.stem, poses, fps=FPS, betas=_betas(entry("betas", "betas"), path, i), track=i
    ).turned(cameras[:, :3, :3])
    # The translation is the pelvis minus the rest pose's pelvis, which the root's rotation leaves in place.
    in_camera = replace(smpl, transl=(camera[:, 0] - (world[:, 0] - transl)).astype(np.float32))
    return Person(
        joints=[_joints(path.stem, i, run, values[run], named, skeleton) for run in valid_runs],
        keypoints=[_keypoints(path.stem, i, run, detected[run]) for run in valid_runs],
        smpl=[in_camera.part(run) for run in valid_runs],
        gender=_gender(content["genders"][i], path, i),
        frames=frames,
    )


def _betas(stored: Float[np.ndarray, " B"], path: Path, i: int) -> Float[np.ndarray, " 10"]:
    """The first ten, all that SMPL's public models have."""
    if len(stored) < 10:
        raise Pw3dError(
            f"{path}, field 'betas', person {i}: expected 10 or more, got {len(stored)}; {_REMEDY}"
        )
    return stored[:10]


def _gender(letter: Any, path: Path, i: int) -> str:
    if letter not in _GENDERS:
        raise Pw3dError(
            f"{path}, field 'genders', person {i}: expected {' or '.join(_GENDERS)}, got {letter!r}; "
            f"{_REMEDY}"
        )
    return _GENDERS[letter]


def _joints(
    name: str,
    track: int,
    run: slice,
    values: Float[np.ndarray, "T J 3"],
    named: Bool[np.ndarray, " J"],
    skeleton: Skeleton,
) -> PoseSequence:
    return PoseSequence.joints(
        name,
        values.astype(np.float32),
        skeleton,
        fps=FPS,
        frame_of_reference="camera",
        track=track,
        start=run.start,
        labelled=None if named.all() else np.tile(named, (len(values), 1)),
    ).root_relative()


def _keypoints(name: str, track: int, run: slice, detected: Float[np.ndarray, "T 3 J"]) -> PoseSequence:
    xy, scores = detected[:, :2].transpose(0, 2, 1), detected[:, 2]
    seen = (scores > 0) & (scores < LARGEST) & ~missing(xy, zeros=False)
    return PoseSequence.keypoints(
        name,
        np.where(seen[..., None], xy, np.nan).astype(np.float32),
        COCO17,
        fps=FPS,
        track=track,
        start=run.start,
        scores=np.where(seen, scores, 0).astype(np.float32),
        labelled=seen,
    )
