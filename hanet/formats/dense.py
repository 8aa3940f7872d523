"""Formats that hold their poses as arrays over frames, people and joints.

Axes: T frames, P people, J joints, D coordinates.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from hanet.formats.base import UNKNOWN_FPS, FormatError, PoseFile, ReadOptions, Update
from hanet.formats.cells import METRES
from hanet.formats.documents import MAX_BYTES
from hanet.formats.keypoint_sets import KEYPOINT_SETS
from hanet.formats.linking import MAX_JOINTS
from hanet.formats.missing import missing
from hanet.poses.sequence import FPS, PoseSequence
from hanet.poses.skeletons import Skeleton


@dataclass(frozen=True, eq=False, kw_only=True)
class Changes:
    """What a file's arrays should hold after refinement.

    Attributes:
        values: (T, P, J, D) in the file's unit, NaN for missing joints.
        changed: (T, P, J) joints with new coordinates, filled ones included.
        filled: those that were missing.
        dropped: those that have no coordinates any more.
    """

    values: Float[np.ndarray, "T P J D"]
    changed: Bool[np.ndarray, "T P J"]
    filled: Bool[np.ndarray, "T P J"]
    dropped: Bool[np.ndarray, "T P J"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Dense:
    """The arrays of a file.

    Attributes:
        format: key in `hanet.formats.FORMATS`.
        path: the file.
        values: (T, P, J, D) in `unit`; NaN for missing joints.
        scores: (T, P, J), or None.
        skeleton: the joints.
        unit: ``px``, or a key of `METRES`.
        fps: as the file says, or None.
        start: frame number of row 0.
        zeros: False where (0, …, 0) is a place.
        image_size: (width, height) in pixels, or None.
        notes: what was skipped or assumed.
    """

    format: str
    path: Path
    values: Float[np.ndarray, "T P J D"]
    scores: Float[np.ndarray, "T P J"] | None
    skeleton: Skeleton
    unit: str
    fps: float | None
    start: int = 0
    zeros: bool = True
    image_size: tuple[int, int] | None = None
    notes: Sequence[str] = ()


def pose_file(found: Dense, options: ReadOptions, save: Callable[[Path, Changes], Sequence[str]]) -> PoseFile:
    """The people of the arrays as tracks.

    Args:
        found: the arrays.
        options: for missing joints, image size and rate.
        save: writes the file again with changes; returns notes.

    Raises:
        FormatError: more joints than can be held, or a rate that is no rate.
        ValueError: options that contradict the file.
    """
    check_options(found, options)
    rate = found.fps if found.fps is not None else options.fps
    if found.values.size > 3 * MAX_JOINTS:
        raise FormatError(f"{found.path}: more than {MAX_JOINTS} joints over all frames; split the file")
    tracks = tuple(_track(found, p, rate or UNKNOWN_FPS, options) for p in range(found.values.shape[1]))

    def save_updates(out: Path, updates: Sequence[Update]) -> list[str]:
        return list(save(out, _changes(found, updates)))

    return PoseFile(
        format=found.format,
        path=found.path,
        tracks=tracks,
        fps=rate or UNKNOWN_FPS,
        fps_known=rate is not None,
        skeleton=found.skeleton,
        unit=found.unit,
        save=save_updates,
        notes=tuple(found.notes),
    )


def check_options(found: Dense, options: ReadOptions) -> None:
    """Refuse options that contradict the file."""
    path = found.path
    if found.fps is not None and not FPS[0] <= found.fps <= FPS[1]:
        raise FormatError(
            f"{path}: {found.fps:g} frames per second, expected {FPS[0]:g} to {FPS[1]:g}; check the file"
        )
    if found.fps is not None and options.fps is not None and abs(found.fps / options.fps - 1) > 1e-3:
        raise ValueError(f"{path}: the file says {found.fps:g} fps, got {options.fps:g}; leave out --fps")
    size = found.image_size
    if size is not None and options.image_size not in (None, size):
        raise ValueError(f"{path}: the file says images of {size[0]}x{size[1]}; leave out --image-size")
    if options.skeleton is not None and KEYPOINT_SETS.get(options.skeleton) != found.skeleton:
        raise ValueError(
            f"{path}: the file names its joints ({', '.join(found.skeleton.joints[:4])}, …); leave out "
            "--skeleton"
        )


def _track(found: Dense, p: int, fps: float, options: ReadOptions) -> PoseSequence:
    values = found.values[:, p].astype(np.float64)
    scores = None if found.scores is None else found.scores[:, p].astype(np.float64)
    if scores is not None and not np.isfinite(scores).any():
        scores = None  # as of ground truth
    gone = missing(values, scores, zeros=found.zeros)
    if scores is not None and options.min_score is not None:
        gone |= scores < options.min_score
    values = np.where(gone[..., None], np.nan, values * METRES.get(found.unit, 1.0))
    shared: dict[str, Any] = {"fps": fps, "track": p, "start": found.start, "labelled": ~gone}
    shared["scores"] = None if scores is None else np.where(np.isfinite(scores), scores, 0.0)
    if values.shape[2] == 2:
        size = found.image_size or options.image_size
        return PoseSequence.keypoints(found.path.stem, values, found.skeleton, image_size=size, **shared)
    return PoseSequence.joints(found.path.stem, values, found.skeleton, frame_of_reference="world", **shared)


def _changes(found: Dense, updates: Sequence[Update]) -> Changes:
    scale = METRES.get(found.unit, 1.0)
    return Changes(
        values=np.stack([update.values / scale for update in updates], axis=1),
        changed=np.stack([update.changed for update in updates], axis=1),
        filled=np.stack([update.filled for update in updates], axis=1),
        dropped=np.stack([update.dropped for update in updates], axis=1),
    )


def read_bytes(path: Path) -> bytes:
    """The content of a file.

    Raises:
        FileNotFoundError: no such file.
        FormatError: larger than `MAX_BYTES`.
    """
    check_size(path)
    return path.read_bytes()


def check_size(path: Path) -> None:
    """Refuse a file that is not there (FileNotFoundError) or larger than `MAX_BYTES` (FormatError)."""
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; check the path")
    if (size := path.stat().st_size) > MAX_BYTES:
        raise FormatError(f"{path}: {size >> 20} MiB, expected at most {MAX_BYTES >> 20}; split the file")
