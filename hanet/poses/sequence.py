"""PoseSequence: the poses of one person over consecutive frames, with all that gives them meaning.

Axes: T frames, J joints, D numbers a joint (2 keypoints, 3 joints, 6 rotation 6D).
"""

from __future__ import annotations

import reprlib
from dataclasses import dataclass, replace
from typing import Any, Literal, TypedDict, Unpack

import numpy as np
from jaxtyping import Bool, Float, Int

from hanet.poses.skeletons import SMPL24, Skeleton

Representation = Literal["2d", "3d", "smpl"]
Unit = Literal["px", "m", "rot6d"]
FrameOfReference = Literal[
    "image", "camera", "world", "camera_root_relative", "world_root_relative", "parent"
]

DIMS: dict[Representation, int] = {"2d": 2, "3d": 3, "smpl": 6}
FPS = (0.1, 10_000.0)
"""The lowest and the highest frame rate; what lies beyond is an error of the program that wrote it."""
_ROW_ARRAYS = ("values", "scores", "labelled", "boxes")


class SequenceFields(TypedDict, total=False):
    """What a sequence may have besides its poses; see `PoseSequence`."""

    track: int
    start: int
    scores: Float[np.ndarray, "T J"] | None
    labelled: Bool[np.ndarray, "T J"] | None
    boxes: Float[np.ndarray, "T 4"] | None
    image_size: tuple[int, int] | None
    person: str | None


@dataclass(frozen=True)
class PoseSequence:
    """One track: T consecutive frames of one person.

    Make one by `keypoints`, `joints` or `rotations`, which set representation and unit.

    Attributes:
        name: sequence name, unique in its dataset split together with `track`.
        values: poses (T, J, D) in `unit` and `frame_of_reference`; NaN where there is none.
        skeleton: the joints' names and order.
        representation: ``2d`` keypoints, ``3d`` joints, ``smpl`` rotations.
        fps: frames per second.
        unit: ``px`` for 2D, ``m`` for 3D, ``rot6d`` for SMPL.
        frame_of_reference: ``image``, ``camera``, ``world``, ``camera_root_relative``,
            ``world_root_relative`` or ``parent`` (joint rotations).
        track: the person's number in the sequence.
        start: frame number of the first row; rows are consecutive.
        scores: detector confidence (T, J), or None.
        labelled: True where a value may be trusted as ground truth or was detected (T, J), or None for all.
        boxes: person boxes (T, 4) as x1, y1, x2, y2 in pixels, or None.
        image_size: (width, height) in pixels, or None.
        person: who it is, an id unique in the data set, or None where nobody says.

    Raises:
        ValueError: where shapes disagree; the message names the field, what came and what was expected.
    """

    name: str
    values: Float[np.ndarray, "T J D"]
    skeleton: Skeleton
    representation: Representation
    fps: float
    unit: Unit
    frame_of_reference: FrameOfReference
    track: int = 0
    start: int = 0
    scores: Float[np.ndarray, "T J"] | None = None
    labelled: Bool[np.ndarray, "T J"] | None = None
    boxes: Float[np.ndarray, "T 4"] | None = None
    image_size: tuple[int, int] | None = None
    person: str | None = None

    def __post_init__(self) -> None:
        if self.representation not in DIMS:
            raise ValueError(
                f"{self.name}: representation {self.representation!r} is none of {', '.join(DIMS)}"
            )
        expected = (len(self.skeleton), DIMS[self.representation])
        if self.values.ndim != 3 or self.values.shape[1:] != expected:
            raise ValueError(
                f"{self.name}: {self.representation} poses on skeleton {self.skeleton.name} are "
                f"(T, {expected[0]}, {expected[1]}), got {self.values.shape}"
            )
        if self.values.dtype.kind != "f":
            raise ValueError(
                f"{self.name}: poses must be floating-point numbers, got {self.values.dtype}; convert them"
            )
        check_fps(self.fps, f"{self.name}: ")
        T, J = self.values.shape[:2]
        for field, shape in (("scores", (T, J)), ("labelled", (T, J)), ("boxes", (T, 4))):
            array = getattr(self, field)
            if array is not None and array.shape != shape:
                raise ValueError(f"{self.name}: {field} must be {shape}, got {array.shape}")

    @classmethod
    def keypoints(
        cls,
        name: str,
        values: Float[np.ndarray, "T J 2"],
        skeleton: Skeleton,
        *,
        fps: float,
        **optional: Unpack[SequenceFields],
    ) -> PoseSequence:
        """Image points (T, J, 2) in pixels."""
        return cls(name, values, skeleton, "2d", fps, "px", "image", **optional)

    @classmethod
    def joints(
        cls,
        name: str,
        values: Float[np.ndarray, "T J 3"],
        skeleton: Skeleton,
        *,
        fps: float,
        frame_of_reference: FrameOfReference,
        **optional: Unpack[SequenceFields],
    ) -> PoseSequence:
        """3D points (T, J, 3) in metres."""
        return cls(name, values, skeleton, "3d", fps, "m", frame_of_reference, **optional)

    @classmethod
    def rotations(
        cls, name: str, values: Float[np.ndarray, "T 24 6"], *, fps: float, **optional: Unpack[SequenceFields]
    ) -> PoseSequence:
        """Rotations 6D (T, 24, 6) of SMPL's joints; the layout is `hanet.smpl.tracks.CACHE_LAYOUT`."""
        return cls(name, values, SMPL24, "smpl", fps, "rot6d", "parent", **optional)

    def __len__(self) -> int:
        return len(self.values)

    @property
    def key(self) -> tuple[str, int]:
        """(sequence, track): what pairs a detected sequence with its ground truth."""
        return self.name, self.track

    @property
    def frames(self) -> Int[np.ndarray, " T"]:
        """Frame numbers of the rows."""
        return np.arange(self.start, self.start + len(self))

    def with_values(self, values: Float[np.ndarray, "T J D"]) -> PoseSequence:
        """The same sequence with other poses, e.g. refined ones; scores do not carry over."""
        return replace(self, values=values, scores=None)

    def part(self, rows: slice) -> PoseSequence:
        """Consecutive rows; frame numbers go along."""
        first, stop, _ = rows.indices(len(self))
        return replace(self, start=self.start + first, **self._rows(slice(first, stop)))

    def thinned(self, stride: int) -> PoseSequence:
        """Every `stride`-th frame of a sequence that begins with frame 0; frame numbers count those kept."""
        return replace(self, fps=self.fps / stride, **self._rows(slice(None, None, stride)))

    def _rows(self, rows: slice) -> dict[str, Any]:
        """Rows of the arrays that have one entry per frame, where they are not None."""
        arrays = {name: getattr(self, name) for name in _ROW_ARRAYS}
        return {name: array[rows] for name, array in arrays.items() if array is not None}

    def root_relative(self) -> PoseSequence:
        """3D joints minus the skeleton's root (the mean of its root joints), frame by frame."""
        if self.representation != "3d":
            raise ValueError(
                f"{self.name}: only 3D joints have a root to subtract, not {self.representation}"
            )
        root = self.values[:, list(self.skeleton.root)].mean(axis=1, keepdims=True)
        relative: dict[FrameOfReference, FrameOfReference] = {
            "camera": "camera_root_relative",
            "world": "world_root_relative",
        }
        reference = relative.get(self.frame_of_reference, self.frame_of_reference)
        return replace(self, values=self.values - root, frame_of_reference=reference)


def check_fps(fps: Any, where: str = "") -> None:
    """Refuse a frame rate that is not a number or outside of `FPS` (ValueError)."""
    got = f"got {reprlib.repr(fps)}"
    if isinstance(fps, bool) or not isinstance(fps, int | float | np.number):
        raise ValueError(f"{where}fps must be a number, {got}")
    if not fps > 0:
        raise ValueError(f"{where}fps must be positive, {got}")
    low, high = FPS
    if not low <= fps <= high:
        raise ValueError(f"{where}fps must be from {low:g} to {high:g} frames per second, {got}")


def check_pair(gt: PoseSequence, detected: PoseSequence) -> None:
    """Refuse two sequences that cannot be compared, naming the field that differs."""
    for field in ("key", "skeleton", "representation", "fps", "unit", "frame_of_reference", "start"):
        a, b = getattr(gt, field), getattr(detected, field)
        if a != b:
            raise ValueError(f"{gt.name}: ground truth has {field} {a}, the poses to compare have {b}")
    if len(gt) != len(detected):
        raise ValueError(
            f"{gt.name}: ground truth has {len(gt)} frames, the poses to compare have {len(detected)}"
        )
