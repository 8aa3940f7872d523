"""Pose files that others released: the `.npz` layout of DeciWatch and HANet.

One file holds the ground truth of a split, another the poses of one estimator; entry i of every field belongs
to sequence i of the split:

- ``imgname``: T names ``sequence/image``
- ``joints_3d``: (T, J·3) root-relative metres, or ``joints_2d``: (T, J·2) pixels
- ``bbox``: (T, 4) as x1, y1, x2, y2 in pixels, and ``imgshape``: height, width, 3 (Sub-JHMDB's ground truth)

Frames are taken as consecutive, as the released evaluation takes them, although 3DPW's files leave out frames
without a valid camera. Other fields (``pose``, ``shape``, ``camera``: SMPL) are not read.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from hanet.data.unpickle import read_npz
from hanet.poses import DIMS, PoseSequence, Representation, check_pair
from hanet.skeletons import H36M17_LEFT_FIRST, JHMDB15, LSP14, Skeleton, conversion


@dataclass(frozen=True)
class Release:
    """How one data set is stored in the released files.

    Attributes:
        representation: ``2d`` (field ``joints_2d``) or ``3d`` (``joints_3d``).
        stored: the joints in the file.
        skeleton: the joints of the sequences that are read, all of them stored.
        fps: frames per second of the data set.
        q: intervals a window in the released models of this data set.
    """

    representation: Representation
    stored: Skeleton
    skeleton: Skeleton
    fps: float
    q: int

    @property
    def field(self) -> str:
        """The field that holds the poses."""
        return f"joints_{self.representation}"


RELEASES: dict[str, Release] = {
    "pw3d": Release("3d", H36M17_LEFT_FIRST, LSP14, fps=30.0, q=20),
    "h36m": Release("3d", H36M17_LEFT_FIRST, H36M17_LEFT_FIRST, fps=50.0, q=20),
    "aist": Release("3d", LSP14, LSP14, fps=60.0, q=20),
    "jhmdb": Release("2d", JHMDB15, JHMDB15, fps=25.0, q=2),
}
"""The data sets by the name their files carry."""


def read_release(path: Path, dataset: str) -> list[PoseSequence]:
    """All sequences of one released file, in its order.

    Joints are metres from the root of the data set's skeleton (``camera_root_relative``), keypoints are
    pixels. Several people of one video are tracks 0, 1, … in the file's order.

    Args:
        path: ``<dataset>_gt_<split>.npz`` or ``<dataset>_<estimator>_<split>.npz``.
        dataset: a key of `RELEASES`.

    Raises:
        FileNotFoundError: no such file.
        ValueError: an unknown data set, or a file that is damaged, unsafe to read or laid out otherwise; the
            message names file, field and remedy.
    """
    release = _release(dataset)
    fields = read_npz(path)
    images, poses = _entries(fields, "imgname", path), _entries(fields, release.field, path)
    _same_length(images, poses, field=release.field, path=path)
    boxes = _entries(fields, "bbox", path) if "bbox" in fields else [None] * len(poses)
    sizes = _entries(fields, "imgshape", path) if "imgshape" in fields else [None] * len(poses)
    _same_length(images, boxes, field="bbox", path=path)
    _same_length(images, sizes, field="imgshape", path=path)

    tracks: Counter[str] = Counter()
    sequences = []
    for i, (names, entry, box, size) in enumerate(zip(images, poses, boxes, sizes, strict=True)):
        name = _sequence_name(names, path=path, entry=i)
        values = _numbers(entry, path=path, field=release.field, entry=i, name=name)
        sequence = PoseSequence(
            name=name,
            values=_joints(values, release, path=path, entry=i, name=name, frames=len(np.atleast_1d(names))),
            skeleton=release.skeleton,
            representation=release.representation,
            fps=release.fps,
            unit="px" if release.representation == "2d" else "m",
            frame_of_reference="image" if release.representation == "2d" else "camera_root_relative",
            track=tracks[name],
            boxes=None if box is None else _box(box, frames=len(values), path=path, entry=i, name=name),
            image_size=None if size is None else _image_size(size, path=path, entry=i, name=name),
        )
        tracks[name] += 1
        sequences.append(sequence.root_relative() if release.representation == "3d" else sequence)
    return sequences


def released_pair(
    gt_path: Path, detected_path: Path, dataset: str
) -> tuple[list[PoseSequence], list[PoseSequence]]:
    """Ground truth and detected sequences of one split, entry by entry.

    Detected sequences take boxes and image size from the ground truth where their own file has none.

    Raises:
        FileNotFoundError: no such file.
        ValueError: as `read_release`, or files that do not hold the same sequences.
    """
    gt, detected = read_release(gt_path, dataset), read_release(detected_path, dataset)
    if len(gt) != len(detected):
        raise ValueError(
            f"{detected_path} holds {len(detected)} sequences, {gt_path} {len(gt)}; "
            "give two files of one split"
        )
    paired = []
    for truth, poses in zip(gt, detected, strict=True):
        try:
            check_pair(truth, poses)
        except ValueError as error:
            raise ValueError(
                f"{detected_path} does not fit {gt_path}: {error}; give two files of one split"
            ) from None
        paired.append(
            replace(
                poses,
                boxes=truth.boxes if poses.boxes is None else poses.boxes,
                image_size=poses.image_size or truth.image_size,
            )
        )
    return gt, paired


def _release(dataset: str) -> Release:
    if dataset not in RELEASES:
        raise ValueError(
            f"unknown dataset {dataset!r}; released pose files are read for {', '.join(RELEASES)}"
        )
    return RELEASES[dataset]


def _entries(fields: dict[str, Any], field: str, path: Path) -> list[Any]:
    if field not in fields:
        raise ValueError(
            f"{path}: no field {field!r}, it has {', '.join(sorted(fields)) or 'none'}; "
            "check that this is a pose file of the dataset you named"
        )
    if isinstance(fields[field], np.ndarray) and fields[field].ndim == 0:
        raise ValueError(f"{path}, field {field!r}: expected one entry a sequence, got a single value")
    return list(fields[field])


def _same_length(images: list[Any], entries: list[Any], *, field: str, path: Path) -> None:
    if len(images) != len(entries):
        raise ValueError(
            f"{path}, field {field!r}: {len(entries)} sequences, but 'imgname' has {len(images)}; "
            "the file is damaged or was edited, get it anew"
        )


def _sequence_name(names: Any, *, path: Path, entry: int) -> str:
    first = np.atleast_1d(names)[:1]
    if not (len(first) and isinstance(first[0], str) and "/" in first[0]):
        raise ValueError(
            f"{path}, field 'imgname', entry {entry}: expected names like 'sequence/image.jpg', got {first}"
        )
    return str(first[0]).rsplit("/", 1)[0]


def _numbers(value: Any, *, path: Path, field: str, entry: int, name: str) -> np.ndarray:
    try:
        return np.asarray(value).astype(np.float32)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}, field {field!r}, entry {entry} ({name}): not numbers ({error})") from None


def _joints(
    values: np.ndarray, release: Release, *, path: Path, entry: int, name: str, frames: int
) -> Float[np.ndarray, "T J D"]:
    dims = DIMS[release.representation]
    expected = (frames, len(release.stored) * dims)
    if values.shape != expected:
        raise ValueError(
            f"{path}, field {release.field!r}, entry {entry} ({name}): shape {values.shape}, "
            f"expected {expected}: {frames} image names, {len(release.stored)} joints × {dims}; "
            "check the dataset you named"
        )
    index, _ = conversion(release.stored, release.skeleton)
    return values.reshape(frames, len(release.stored), dims)[:, index]


def _box(value: Any, *, frames: int, path: Path, entry: int, name: str) -> Float[np.ndarray, "T 4"]:
    boxes = _numbers(value, path=path, field="bbox", entry=entry, name=name)
    if boxes.shape != (frames, 4):
        raise ValueError(
            f"{path}, field 'bbox', entry {entry} ({name}): shape {boxes.shape}, expected {(frames, 4)}: "
            "x1, y1, x2, y2 a frame"
        )
    return boxes


def _image_size(value: Any, *, path: Path, entry: int, name: str) -> tuple[int, int]:
    shape = _numbers(value, path=path, field="imgshape", entry=entry, name=name)
    if shape.shape not in ((2,), (3,)) or not (shape[:2] > 0).all():
        raise ValueError(
            f"{path}, field 'imgshape', entry {entry} ({name}): expected height, width and channels, "
            f"got {shape}"
        )
    return int(shape[1]), int(shape[0])
