"""Joints and keypoints in released pose files, which make it unnecessary to run the estimators.

One file contains the ground truth of a split, another the poses of one estimator; entry i of every field
belongs to sequence i of the split:

- ``imgname``: T names ``sequence/image``
- ``joints_3d``: (T, J·3) root-relative metres, or ``joints_2d``: (T, J·2) pixels
- ``bbox``: (T, 4) as x1, y1, x2, y2 in pixels, and ``imgshape``: height, width, 3 (Sub-JHMDB's ground truth)

`hanet.datasets.pose_files.layouts` has their paths and joints, `hanet.datasets.pose_files.smpl` reads their
SMPL fields. Frames are treated as consecutive, as in the released evaluation, although 3DPW's files leave out
frames without a valid camera. ``camera`` is not read.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from hanet.datasets.pose_files.fields import Entry, column, optional_column, read_entries
from hanet.datasets.pose_files.layouts import (
    RELEASES,
    Layout,
    Release,
    joints_release,
    release_of,
    release_paths,
)
from hanet.files.unpickle import read_npz
from hanet.formats.missing import missing
from hanet.poses.sequence import DIMS, PoseSequence, Representation, check_pair
from hanet.poses.skeletons import conversion

_ENDING = re.compile(r"\.(jpe?g|png|bmp|tiff?|webp)$", re.IGNORECASE)
"""Of images, which tells no frames apart."""

__all__ = ["RELEASES", "Release", "read_release", "read_sequences", "released_pair"]


def read_release(
    folder: Path,
    dataset: str,
    estimator: str,
    split: str,
    *,
    layout: Layout = "deciwatch",
    representation: Representation | None = None,
) -> Iterator[tuple[PoseSequence, PoseSequence]]:
    """Every sequence of a split as (detected, ground truth).

    Units and frames of reference are those of `read_sequences`. In SmoothNet's layout all stored joints are
    kept, as in SmoothNet's evaluation: 17 Human3.6M joints for 3DPW, where DeciWatch keeps 14 of LSP.

    Args:
        folder: the unpacked release.
        dataset: a key of `RELEASES`.
        estimator: its name in the files, e.g. ``spin``.
        split: ``train`` or ``test``.
        layout: ``deciwatch`` (HANet's too) or ``smoothnet``.
        representation: ``2d`` or ``3d``; None for the data set's usual one.

    Raises:
        FileNotFoundError: a missing file; the message lists the existing ones.
        ValueError: as `released_pair`, or a combination that the layout lacks.
    """
    release = joints_release(dataset, estimator, layout=layout, representation=representation)
    gt_path, detected_path = release_paths(
        folder, dataset, estimator, split, layout=layout, representation=release.representation
    )
    gt, detected = _pair(gt_path, detected_path, release)
    return zip(detected, gt, strict=True)


def released_pair(
    gt_path: Path, detected_path: Path, dataset: str
) -> tuple[list[PoseSequence], list[PoseSequence]]:
    """Ground truth and detected sequences of one split, entry by entry, from two files of DeciWatch's layout.

    Boxes and image size of detected sequences come from the ground truth where their own file has none. The
    files may be anyone's: sequences match by the last parts of their names, frames by the images' names, and
    a frame whose 3D joints are all 0 is missing.

    Raises:
        FileNotFoundError: no such file.
        ValueError: as `read_sequences`, or files of different sequences or frames.
    """
    return _pair(gt_path, detected_path, release_of(dataset), anyones=True)


def read_sequences(path: Path, release: Release) -> list[PoseSequence]:
    """All sequences of one released file, in its order.

    Joints are metres from the root of the data set's skeleton (``camera_root_relative``), keypoints are
    pixels. Several people of one video are tracks 0, 1, … in the file's order.

    Args:
        path: e.g. ``<dataset>_gt_<split>.npz`` or ``<dataset>_<estimator>_<split>.npz``.
        release: how the data set is stored, e.g. ``RELEASES["pw3d"]``.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a file that is damaged, unsafe to read or of another layout; the message names file, field
            and remedy.
    """
    return _read(path, release)[0]


def _read(path: Path, release: Release, *, anyones: bool = False) -> tuple[list[PoseSequence], list[Entry]]:
    fields = read_npz(path)
    entries = read_entries(fields, path, unnamed=release.unnamed)
    field = release.other_field if release.other_field in fields else release.field
    poses = column(fields, field, path, length=len(entries))
    boxes = optional_column(fields, "bbox", path, length=len(entries))
    sizes = optional_column(fields, "imgshape", path, length=len(entries))
    make = partial(PoseSequence.joints, frame_of_reference="camera")
    if release.representation == "2d":
        make = PoseSequence.keypoints
    sequences = []
    for entry, pose, box, size in zip(entries, poses, boxes, sizes, strict=True):
        values = _joints(pose, release, field=field, entry=entry, anyones=anyones)
        sequence = make(
            entry.name,
            values,
            release.skeleton,
            fps=release.fps,
            track=entry.track,
            boxes=None if box is None else entry.boxes(box),
            image_size=None if size is None else entry.image_size(size),
        )
        sequences.append(sequence.root_relative() if release.representation == "3d" else sequence)
    return sequences, entries


def _pair(
    gt_path: Path, detected_path: Path, release: Release, *, anyones: bool = False
) -> tuple[list[PoseSequence], list[PoseSequence]]:
    gt, gt_entries = _read(gt_path, release, anyones=anyones)
    detected, entries = _read(detected_path, release, anyones=anyones)
    if len(gt) != len(detected):
        raise ValueError(
            f"{detected_path} holds {len(detected)} sequences, {gt_path} {len(gt)}; "
            "give two files of one split"
        )
    for one, other in zip(gt_entries, entries, strict=True):
        _check_images(one, other, anyones=anyones)
    paired = []
    for truth, poses in zip(gt, detected, strict=True):
        try:
            if anyones and _same_end(truth.name, poses.name):
                poses = replace(poses, name=truth.name)
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


def _same_end(one: str, other: str) -> bool:
    """Whether two folders have the same last parts, as many as the shorter name has."""
    a, b = ([part for part in name.split("/") if part] for name in (one, other))
    count = min(len(a), len(b))
    return count > 0 and a[-count:] == b[-count:]


def _check_images(gt: Entry, detected: Entry, *, anyones: bool) -> None:
    """Refuse entries whose images have the same names in another order, or other names.

    Empty names are not compared, and in a release no names that do not tell all frames apart.
    """
    a, b = ([_ENDING.sub("", name) for name in entry.images] for entry in (gt, detected))
    if a == b or any(not any(names) for names in (a, b)):
        return
    if not anyones and any(len(set(names)) < len(names) for names in (a, b)):
        return
    common = (Counter(a) & Counter(b)).total()
    if common == len(a) == len(b):
        reason = "another order"
    elif len(b) > 1 and len(set(b)) == 1:
        reason = f"all have the name {b[0]}"
    elif common:
        reason = f"{common} of {len(a)} are in both"
    else:
        reason = f"{b[0]} instead of {a[0]}"
    raise ValueError(
        f"{detected.where('imgname')}: the images differ from those of {gt.path}: {reason}; give the same "
        "frames in the same order"
    )


def _joints(
    value: Any, release: Release, *, field: str, entry: Entry, anyones: bool
) -> Float[np.ndarray, "T J D"]:
    values = entry.numbers(value, field)
    dims = DIMS[release.representation]
    expected = (entry.frames, len(release.stored) * dims)
    if values.shape != expected:
        raise ValueError(
            f"{entry.where(field)}: shape {values.shape}, "
            f"expected {expected}: {entry.frames} image names, {len(release.stored)} joints × {dims}; "
            "check the dataset you named"
        )
    index, _ = conversion(release.stored, release.skeleton)
    values = values.reshape(entry.frames, len(release.stored), dims)[:, index]
    # (0, 0, 0) is the place of a root, and zeros are scored as such by the released evaluation.
    gone = missing(values, zeros=False)
    if anyones and dims == 3:
        gone |= ~np.asarray(values.any(axis=(1, 2)))[:, None]
    return np.where(gone[..., None], np.float32(np.nan), values)
