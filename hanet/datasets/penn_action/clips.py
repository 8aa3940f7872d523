"""Penn Action from its released files: 13 keypoints of one person in 2,326 clips of 15 sports.

Zhang, Zhu and Derpanis, *From Actemes to Action*, ICCV 2013. Each ``labels/<clip>.mat`` has

- ``x``, ``y`` (T, 13): pixels, which MATLAB counts from 1; converted to count from 0;
- ``visibility`` (T, 13): 1 where the joint is seen. Others have no meaning in many clips (40 % lie in the
  image's corner), so they become NaN;
- ``bbox`` (T, 4): x1, y1, x2, y2 of the person, in pixels; no box or an empty one in some frames;
- ``dimensions`` (1, 3): height, width, frames; ``action``: its name;
- ``train``: 1 for training, -1 for test.

Not read: ``pose`` (the view), ``nframes``. Frames are assumed to be 30 per second; the release states no
rate. Who is who is not stated either, and a video of the web may have given several clips.

Axes: T frames, J joints.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from hanet.files.mat_arrays import MatFileError, read_arrays
from hanet.poses.boxes import person_boxes
from hanet.poses.gaps import interpolate
from hanet.poses.plausible import LIMITS
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import PENN13

FPS = 30.0
_FARTHEST = LIMITS["px"]
_ORIGIN = "get it again from dreamdragon.github.io/PennAction"
_FIELDS = ("x", "y", "visibility", "bbox", "dimensions", "action", "train")


class PennActionError(ValueError):
    """A missing or unusable file of Penn Action; the message names the file and the remedy."""


@dataclass(frozen=True)
class Clip:
    """One clip.

    Attributes:
        poses: keypoints in pixels, NaN and not `labelled` where hidden, with boxes.
        action: the sport.
        train: whether the official split trains on it.
        hidden: joints that no frame shows.
    """

    poses: PoseSequence
    action: str
    train: bool
    hidden: tuple[str, ...]


def read_clip(path: Path) -> Clip:
    """Read one file of labels.

    Raises:
        PennActionError: a missing or damaged file, or one of another layout.
    """
    fields = _load(path)
    x, y, seen, boxes, size = (_numbers(fields[name], name, path) for name in _FIELDS[:5])
    T, J = len(x), len(PENN13)
    if T == 0 or x.shape != (T, J) or y.shape != (T, J) or seen.shape != (T, J) or boxes.shape != (T, 4):
        raise PennActionError(
            f"{path}: expected x, y and visibility (T, {J}) and bbox (T, 4), got {x.shape}, {y.shape}, "
            f"{seen.shape} and {boxes.shape}; {_ORIGIN}"
        )
    height, width = (int(value) for value in size.reshape(-1)[:2]) if size.size >= 2 else (0, 0)
    if min(height, width) < 1:
        raise PennActionError(f"{path}: expected dimensions (height, width, frames), got {size}; {_ORIGIN}")
    visible = (seen > 0) & (np.abs(x) <= _FARTHEST) & (np.abs(y) <= _FARTHEST)
    points = np.where(visible[..., None], np.stack([x, y], axis=-1) - 1, np.nan)
    poses = PoseSequence.keypoints(
        path.stem,
        points.astype(np.float32),
        PENN13,
        fps=FPS,
        labelled=visible,
        boxes=_boxes(boxes - 1, points, visible).astype(np.float32),
        image_size=(width, height),
    )
    hidden = tuple(joint for joint, ever in zip(PENN13.joints, _ever(visible), strict=True) if not ever)
    return Clip(poses, str(fields["action"]), _trains(fields["train"], path), hidden)


def without_gaps(
    points: Float[np.ndarray, "T J 2"], known: Bool[np.ndarray, "T J"]
) -> Float[np.ndarray, "T J 2"]:
    """Each joint interpolated in time where it is not known; NaN for a joint that never is."""
    rows = np.arange(len(points))
    filled = np.full_like(points, np.nan, dtype=np.float64)
    for joint in np.flatnonzero(_ever(known)):
        here = known[:, joint]
        filled[:, joint] = interpolate(points[here, joint].astype(np.float64), rows[here], rows)
    return filled


def _boxes(
    given: Float[np.ndarray, "T 4"], points: Float[np.ndarray, "T J 2"], visible: Bool[np.ndarray, "T J"]
) -> Float[np.ndarray, "T 4"]:
    """The person's boxes; where a frame has none, the extent of the joints, 20 % larger."""
    usable = np.asarray((np.abs(given) <= _FARTHEST).all(axis=1) & (given[:, 2:] > given[:, :2]).all(axis=1))
    if usable.all() or not visible.any():
        return np.where(usable[:, None], given, np.nan)
    filled = without_gaps(points, visible)
    return np.where(usable[:, None], given, person_boxes(filled[:, _ever(visible)]))


def _ever(known: Bool[np.ndarray, "T J"]) -> Bool[np.ndarray, " J"]:
    """Joints that some frame knows."""
    return np.asarray(known.any(axis=0))


def _trains(value: Any, path: Path) -> bool:
    found = _numbers(value, "train", path).reshape(-1)
    if found.size != 1 or found[0] not in (1, -1):
        raise PennActionError(f"{path}: expected train to be 1 or -1, got {found[:5]}; {_ORIGIN}")
    return bool(found[0] == 1)


def _numbers(value: Any, name: str, path: Path) -> np.ndarray:
    array = np.asarray(value)
    if array.dtype.kind not in "fiub" or array.ndim != 2:
        raise PennActionError(
            f"{path}: expected numbers in {name}, got {array.dtype} {array.shape}; {_ORIGIN}"
        )
    return array.astype(np.float64)


def _load(path: Path) -> dict[str, np.ndarray | str]:
    """The fields of a MATLAB file."""
    if not path.is_file():
        raise PennActionError(f"{path}: no such file; {_ORIGIN}")
    try:
        fields = read_arrays(path, _FIELDS)
    except (OSError, MatFileError) as error:
        raise PennActionError(f"{path}: not a whole MATLAB file ({error}); {_ORIGIN}") from error
    missing = [name for name in _FIELDS if name not in fields or not np.asarray(fields[name]).size]
    if missing:
        raise PennActionError(f"{path}: without {', '.join(missing)}; {_ORIGIN}")
    return fields
