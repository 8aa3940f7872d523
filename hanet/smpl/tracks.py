"""Tracks of SMPL parameters: rotations as a PoseSequence, with shape and translation.

The rotations are ordinary poses: (T, 24, 6) on skeleton ``smpl24``, unit ``rot6d``, each relative to the
joint's parent, the first (the root) to the camera or world. They are cached, refined and compared as such. In
this package a joint's six numbers always have the layout `CACHE_LAYOUT`, that of HANet's released data.
Parameters that refinement does not change (shape, translation, size) are stored in a side table: one Parquet
file next to the cache, one row per frame.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from hanet.poses.rotations import (
    Layout6D,
    axis_angle_to_matrix,
    matrix_to_axis_angle,
    matrix_to_rotation_6d,
    rotation_6d_to_matrix,
)
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import SMPL24

CACHE_LAYOUT: Layout6D = "interleaved"
"""The 6D layout of every SMPL pose sequence and cache."""


@dataclass(frozen=True)
class SmplTrack:
    """One body over T consecutive frames.

    Attributes:
        poses: rotations (T, 24, 6) in `CACHE_LAYOUT`; NaN where missing.
        betas: shape of each frame (estimators return one per frame), 10 coefficients.
        transl: translation (metres) in the root's frame of reference, or None where unknown.
        scaling: size of the body, a factor on vertices and joints before translation (AIST++'s `scaling`).

    Raises:
        ValueError: poses that are not SMPL rotations, or lengths that differ.
    """

    poses: PoseSequence
    betas: Float[np.ndarray, "T 10"]
    transl: Float[np.ndarray, "T 3"] | None = None
    scaling: float = 1.0

    def __post_init__(self) -> None:
        poses, T = self.poses, len(self.poses)
        if (poses.representation, poses.skeleton) != ("smpl", SMPL24):
            raise ValueError(
                f"{poses.name}: expected smpl poses on {SMPL24.name}, got {poses.representation} on "
                f"{poses.skeleton.name}"
            )
        if self.betas.shape != (T, 10):
            raise ValueError(f"{poses.name}: betas must be {(T, 10)}, got {self.betas.shape}")
        if self.transl is not None and self.transl.shape != (T, 3):
            raise ValueError(f"{poses.name}: transl must be {(T, 3)}, got {self.transl.shape}")
        if not self.scaling > 0:
            raise ValueError(f"{poses.name}: scaling must be positive, got {self.scaling}")

    def __len__(self) -> int:
        return len(self.poses)

    def matrices(self, rows: slice = slice(None)) -> Float[Tensor, "T 24 3 3"]:
        """Rotation matrices of some rows, single precision; NaN for NaN poses."""
        six = torch.from_numpy(np.array(self.poses.values[rows], dtype=np.float32))
        return rotation_6d_to_matrix(six, layout=CACHE_LAYOUT)

    def axis_angle(self) -> Float[np.ndarray, "T 24 3"]:
        """Rotations as axis times angle (radians), as SMPL data sets store them."""
        return matrix_to_axis_angle(self.matrices()).numpy()

    def with_poses(self, poses: PoseSequence) -> SmplTrack:
        """The same shape and translation with other rotations, e.g. refined ones."""
        return replace(self, poses=poses)

    def part(self, rows: slice) -> SmplTrack:
        """Some consecutive rows, with their frame numbers."""
        return self._with_rows(self.poses.part(rows), rows)

    def thinned(self, stride: int) -> SmplTrack:
        """Like `PoseSequence.thinned`, with the shapes and translations of the kept frames."""
        return self._with_rows(self.poses.thinned(stride), slice(None, None, stride))

    def _with_rows(self, poses: PoseSequence, rows: slice) -> SmplTrack:
        transl = None if self.transl is None else self.transl[rows]
        return replace(self, poses=poses, betas=self.betas[rows], transl=transl)

    def turned(self, rotation: Float[np.ndarray, "*T 3 3"]) -> SmplTrack:
        """The same body in another frame of reference: only the root's rotation changes.

        The translation is unknown afterwards: SMPL rotates about the pelvis of its rest pose, so it depends
        on the body.

        Args:
            rotation: from the old frame to the new one, (3, 3) or one per frame (T, 3, 3).
        """
        values = self.poses.values.copy()
        columns = values[:, 0].reshape(-1, 3, 2)  # see `CACHE_LAYOUT`
        values[:, 0] = (rotation @ columns).reshape(-1, 6)
        return replace(self, poses=replace(self.poses, values=values), transl=None)


def smpl_sequence(
    name: str,
    rotations: Float[np.ndarray, "T 24 3 3"],
    *,
    fps: float,
    track: int = 0,
    start: int = 0,
    person: str | None = None,
) -> PoseSequence:
    """Rotation matrices relative to the parents as a pose sequence."""
    six = matrix_to_rotation_6d(torch.from_numpy(rotations), layout=CACHE_LAYOUT).numpy()
    values = six.astype(np.float32)
    return PoseSequence.rotations(name, values, fps=fps, track=track, start=start, person=person)


def from_axis_angle(
    name: str,
    axis_angle: Float[np.ndarray, "T ..."],
    *,
    fps: float,
    betas: Float[np.ndarray, " *shape"] | None = None,
    transl: Float[np.ndarray, "T 3"] | None = None,
    scaling: float = 1.0,
    track: int = 0,
    start: int = 0,
) -> SmplTrack:
    """A track from the arrays of 3DPW, AIST++ and the released pose files.

    Args:
        name, fps, track, start: as in `PoseSequence`.
        axis_angle: (T, 72) or (T, 24, 3), radians; the first three are the global orientation.
        betas: (10,) for the whole track or (T, 10); coefficients beyond ten are an error; None: zeros.
        transl: metres; None: unknown.
        scaling: as in `SmplTrack`.

    Raises:
        ValueError: arrays of another shape.
    """
    T = len(axis_angle)
    if axis_angle.shape not in ((T, 72), (T, 24, 3)):
        raise ValueError(f"{name}: axis-angle poses are (T, 72) or (T, 24, 3), got {axis_angle.shape}")
    shape = np.zeros(10) if betas is None else betas
    if shape.shape not in ((10,), (T, 10)):
        raise ValueError(f"{name}: betas must be (10,) or {(T, 10)}, got {shape.shape}")
    vectors = torch.from_numpy(axis_angle.reshape(T, 24, 3).astype(np.float64))
    return SmplTrack(
        smpl_sequence(name, axis_angle_to_matrix(vectors).numpy(), fps=fps, track=track, start=start),
        np.broadcast_to(shape, (T, 10)).astype(np.float32),
        None if transl is None else transl.astype(np.float32),
        scaling,
    )
