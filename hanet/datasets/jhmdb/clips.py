"""Sub-JHMDB from its released files: one person's 15 puppet joints in 316 clips of 12 actions.

Jhuang et al., *Towards understanding action recognition*, ICCV 2013; jhmdb.is.tue.mpg.de. Unpacked in one
folder:

- ``joint_positions/<action>/<clip>/joint_positions.mat``: ``pos_img`` (2, 15, T), x and y in pixels that
  MATLAB counts from 1; converted to count from 0. A joint may lie outside the image. Not read: ``pos_world``
  (the same over the image's size), ``scale``, ``viewpoint``.
- ``puppet_mask/<action>/<clip>/puppet_mask.mat``: ``part_mask`` (240, 320, T), not 0 on the person. The last
  frames of some clips have none.
- ``sub_splits/<action>_test_split<k>.txt``, k = 1, 2, 3: one line ``<clip>.avi 1`` (train) or ``<clip>.avi
  2`` (test) per clip.

Frames are numbered from 0 (frame t is image t + 1) and are assumed to be 25 per second; the release states no
rate. PCK's reference length depends on how boxes are made, see `read_jhmdb`.

Axes: T frames.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float

from hanet.datasets.jhmdb.splits import Clip, JhmdbError
from hanet.files.mat_arrays import MatFileError, read_arrays
from hanet.poses.boxes import person_boxes
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import JHMDB15

FPS = 25.0
IMAGE_SIZE = (320, 240)
"""Width and height of every clip."""

Boxes = Literal["mask", "joints"]

_ORIGIN = "get it again from jhmdb.is.tue.mpg.de"


def read_jhmdb(root: Path, clips: Iterable[Clip], *, boxes: Boxes = "mask") -> Iterator[PoseSequence]:
    """The ground truth of some clips, in order, one at a time; each sequence has the name of its clip.

    A clip that is listed repeatedly, as in the pooled split, is repeated with the next `track` number.

    Args:
        root: holds ``joint_positions`` and, for boxes by mask, ``puppet_mask``.
        clips: of a split, see `hanet.datasets.jhmdb.splits`.
        boxes: ``mask``: first and last column and row of the person's mask, and in frames without a mask the
            box of ``joints``; ``joints``: the joints' extent, 20 % larger
            (`hanet.datasets.mocap.virtual_cameras`). PCK depends on the longer side, so report the rule with
            each number.

    Raises:
        JhmdbError: a missing or damaged file, or one of another layout; the message names it and the remedy.
    """
    tracks: Counter[str] = Counter()
    actions: dict[str, str] = {}
    for clip in clips:
        if actions.setdefault(clip.name, clip.action) != clip.action:
            raise JhmdbError(
                f"clip {clip.name} is of action {actions[clip.name]} and of {clip.action}: sequences are "
                "named by their clip, so rename one of the two"
            )
        yield _sequence(root, clip, boxes=boxes, track=tracks[clip.name])
        tracks[clip.name] += 1


def _sequence(root: Path, clip: Clip, *, boxes: Boxes, track: int) -> PoseSequence:
    keypoints = _keypoints(root / "joint_positions" / clip.action / clip.name / "joint_positions.mat", clip)
    by_joints = person_boxes(keypoints)
    if boxes == "mask":
        path = root / "puppet_mask" / clip.action / clip.name / "puppet_mask.mat"
        by_mask = _mask_boxes(path, clip, frames=len(keypoints))
        by_joints = np.where(np.isnan(by_mask), by_joints, by_mask)
    return PoseSequence.keypoints(
        clip.name,
        keypoints.astype(np.float32),
        JHMDB15,
        fps=FPS,
        track=track,
        labelled=np.ones(keypoints.shape[:2], dtype=bool),
        boxes=by_joints.astype(np.float32),
        image_size=IMAGE_SIZE,
    )


def _keypoints(path: Path, clip: Clip) -> Float[np.ndarray, "T J 2"]:
    """Pixels, counted from 0."""
    pos = _load(path, "pos_img", clip)
    if pos.ndim == 2:  # MATLAB drops a last axis of length one
        pos = pos[..., None]
    if (
        pos.ndim != 3
        or pos.shape[:2] != (2, len(JHMDB15))
        or pos.shape[2] == 0
        or pos.dtype.kind not in "fiu"
    ):
        raise JhmdbError(
            f"{path}: pos_img is {pos.dtype} {pos.shape}, expected numbers (2, {len(JHMDB15)}, T): x and y, "
            f"joints, frames; {_ORIGIN}"
        )
    keypoints = pos.transpose(2, 1, 0).astype(np.float64) - 1
    finite = np.isfinite(keypoints)
    if not finite.all():
        frame, joint, _ = np.argwhere(~finite)[0]
        raise JhmdbError(
            f"{path}: pos_img, frame {frame}, joint {JHMDB15.joints[joint]}: not finite ({(~finite).sum()} "
            f"such values); {_ORIGIN}"
        )
    return keypoints


def _mask_boxes(path: Path, clip: Clip, *, frames: int) -> Float[np.ndarray, "T 4"]:
    """x1, y1, x2, y2 of the mask's outermost pixels; NaN in frames without a mask."""
    mask = _load(path, "part_mask", clip)
    if mask.ndim == 2:
        mask = mask[..., None]
    if mask.ndim != 3 or mask.shape[:2] != IMAGE_SIZE[::-1] or mask.shape[2] > frames:
        raise JhmdbError(
            f"{path}: part_mask is {mask.shape}, expected (240, 320, {frames}) or fewer frames, as this clip "
            f"has joints; {_ORIGIN}, or take boxes by joints"
        )
    boxes = np.full((frames, 4), np.nan)
    for t in range(mask.shape[2]):
        rows, columns = np.nonzero(mask[..., t])
        if len(rows):
            boxes[t] = columns.min(), rows.min(), columns.max(), rows.max()
    return boxes


def _load(path: Path, name: str, clip: Clip) -> np.ndarray:
    """One array of a MATLAB file."""
    if not path.is_file():
        archive = path.parents[2].name
        raise JhmdbError(
            f"{path}: no such file, but the split has clip {clip.name} of action {clip.action}: unpack "
            f"{archive}.zip of jhmdb.is.tue.mpg.de to {path.parents[3]}"
            + ("" if name == "pos_img" else ", or take boxes by joints")
        )
    try:
        fields = read_arrays(path, [name])
    except (OSError, MatFileError) as error:
        raise JhmdbError(f"{path}: not a whole MATLAB file ({error}); {_ORIGIN}") from error
    if name not in fields:
        raise JhmdbError(f"{path}: no array {name}; {_ORIGIN}")
    return np.asarray(fields[name])
