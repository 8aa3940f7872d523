"""SMPL parameters in released pose files, in both layouts of `hanet.datasets.pose_files.layouts`.

Fields in addition to ``imgname``, entry i for sequence i: ``pose`` (T, 72) axis-angle, ``shape`` (T, 10);
AIST++'s ground truth has ``trans`` (T, 3) and ``scaling`` (one number) instead of a shape. AIST++ itself is
in centimetres, with a scaling near 93; the releases do not document their unit. A scaling too large for
metres is taken as centimetres, and so is the translation. Root orientations stay in the file's frame of
reference, which refinement and evaluation assume to be the same for ground truth and estimate.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np

from hanet.datasets.pose_files.fields import Entry, column, optional_column, read_entries
from hanet.datasets.pose_files.layouts import Layout, release_of, release_paths
from hanet.files.unpickle import read_npz
from hanet.poses.skeletons import SMPL24
from hanet.smpl.tracks import SmplTrack, from_axis_angle

_CM_PER_M = 100.0
_LARGEST = 10.0
"""A scaling above this is in centimetres."""


def read_smpl_release(
    folder: Path, dataset: str, estimator: str, split: str, *, layout: Layout = "deciwatch"
) -> Iterator[tuple[SmplTrack, SmplTrack]]:
    """Every sequence of a split as (detected, ground truth).

    Args:
        folder: the unpacked release.
        dataset: ``pw3d``, ``h36m`` or ``aist``.
        estimator: its name in the files, e.g. ``spin``.
        split: ``train`` or ``test``.
        layout: ``deciwatch`` (HANet's too) or ``smoothnet``.

    Raises:
        FileNotFoundError: a missing file; the message lists the existing ones.
        ValueError: an unknown data set; a file that is damaged, unsafe to read or without SMPL; files of
            different sequences.
    """
    fps = release_of(dataset).fps
    gt_path, detected_path = release_paths(
        folder, dataset, estimator, split, layout=layout, representation="smpl"
    )
    unnamed = layout == "smoothnet"
    gt = read_smpl_sequences(gt_path, fps=fps, unnamed=unnamed)
    detected = read_smpl_sequences(detected_path, fps=fps, unnamed=unnamed)
    there, here = ([(*s.poses.key, len(s)) for s in side] for side in (gt, detected))
    if there != here:
        odd = next(a or b for a, b in zip_longest(here, there) if a != b)
        raise ValueError(
            f"{detected_path} ({len(here)} sequences) does not fit {gt_path} ({len(there)}): first "
            f"difference at {odd[0]}, track {odd[1]}, {odd[2]} frames; give two files of one split"
        )
    return zip(detected, gt, strict=True)


def read_smpl_sequences(path: Path, *, fps: float, unnamed: bool = False) -> list[SmplTrack]:
    """All sequences of one released file, in its order; several people of one video are tracks 0, 1, ….

    Args:
        path: a released file.
        fps: frames per second of its data set.
        unnamed: whether sequences may lack a name (SmoothNet's layout).

    Raises:
        FileNotFoundError: no such file.
        ValueError: a file that is damaged, unsafe to read or of another layout.
    """
    fields = read_npz(path)
    entries = read_entries(fields, path, unnamed=unnamed)
    poses = column(fields, "pose", path, length=len(entries))
    shapes, places, scales = (
        optional_column(fields, name, path, length=len(entries)) for name in ("shape", "trans", "scaling")
    )
    return [
        _track(entry, pose, shape, place, scale, fps=fps)
        for entry, pose, shape, place, scale in zip(entries, poses, shapes, places, scales, strict=True)
    ]


def _track(entry: Entry, pose: Any, shape: Any, place: Any, scale: Any, *, fps: float) -> SmplTrack:
    scaling = 1.0 if scale is None else _scale(scale, entry)
    metre = _CM_PER_M if scaling > _LARGEST else 1.0
    return from_axis_angle(
        entry.name,
        _rows(pose, "pose", 3 * len(SMPL24), entry),
        fps=fps,
        betas=None if shape is None else _rows(shape, "shape", 10, entry),
        transl=None if place is None else _rows(place, "trans", 3, entry) / metre,
        scaling=scaling / metre,
        track=entry.track,
    )


def _rows(value: Any, field: str, width: int, entry: Entry) -> np.ndarray:
    values = entry.numbers(value, field)
    if values.shape != (entry.frames, width):
        raise ValueError(
            f"{entry.where(field)}: shape {values.shape}, expected {(entry.frames, width)}: one row per "
            "image name; get the file again"
        )
    return values


def _scale(value: Any, entry: Entry) -> float:
    values = np.unique(entry.numbers(value, "scaling"))
    if len(values) != 1 or not values[0] > 0:
        raise ValueError(
            f"{entry.where('scaling')}: expected one positive number for all frames, got {values[:3]}"
        )
    return float(values[0])
