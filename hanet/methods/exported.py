"""A trained network that was exported to ONNX, as a refinement method: NumPy and ONNX Runtime, no PyTorch.

Axes: N frames of a track, W windows, T frames per window, C channels (joints × dims).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from hanet.methods.base import image_scale, require_frames
from hanet.methods.window_use import (
    require_channels,
    require_known,
    require_mirror,
    require_phases,
    require_stride,
    share_read,
)
from hanet.models.exported import ExportedNetwork
from hanet.poses.segments import window_starts
from hanet.poses.sequence import PoseSequence

BATCH = 64
"""Windows per call: beyond that, a core's cache overflows."""


@dataclass(frozen=True, eq=False)
class ExportedMethod:
    """An exported network over overlapping windows; `hanet.methods.learned.LearnedMethod` without PyTorch.

    Attributes:
        network: the exported network.
        stride, phases, mirror_axis, name: as there.

    Raises:
        ValueError: a stride that leaves frames out, or invalid phases.
    """

    network: ExportedNetwork
    stride: int
    phases: Sequence[int] = (0,)
    mirror_axis: int | None = None
    name: str = "hanet"

    def __post_init__(self) -> None:
        require_stride(self.stride, self.network.config.window)
        require_phases(self.phases, self.stride)

    @property
    def observed(self) -> float:
        """Share of frames that at least one window reads."""
        return share_read(self.network.config.reads, self.stride, self.phases)

    def refine(self, sequence: PoseSequence) -> PoseSequence:
        """Refined poses.

        Raises:
            ValueError: an empty track, poses with NaN, or a track of other channels than the model's.
        """
        require_frames(sequence)
        require_known(sequence)
        require_channels(sequence, getattr(self.network.config, "channels", None))
        require_mirror(sequence, self.mirror_axis)
        scale = image_scale(sequence) if sequence.representation == "2d" else 1.0
        N, J, D = sequence.values.shape
        rows = np.asarray(sequence.values / scale, dtype=np.float32).reshape(N, J * D)
        refined = self._over_windows(rows, sequence)
        values = refined.reshape(N, J, D) * scale
        return sequence.with_values(values.astype(sequence.values.dtype, copy=False))

    def _over_windows(
        self, rows: Float[np.ndarray, "N C"], sequence: PoseSequence
    ) -> Float[np.ndarray, "N C"]:
        """Mean of the overlapping windows at every frame; repeated last frames do not count."""
        T = self.network.config.window
        track = np.array([0, len(rows)])
        total = np.zeros(rows.shape, dtype=np.float64)
        count = np.zeros(len(rows), dtype=np.int64)
        for number, phase in enumerate(self.phases):
            starts, _ = window_starts(track, window=T, stride=self.stride, tail=number == 0, phase=phase)
            for first in range(0, len(starts), BATCH):
                start = starts[first : first + BATCH]
                index = np.minimum(start[:, None] + np.arange(T), len(rows) - 1)
                refined = self._refined(rows[index], sequence)
                for frame in range(T):  # starts differ, so do the rows of one frame of all windows
                    inside = start + frame < len(rows)
                    at = start[inside] + frame
                    total[at] += refined[inside, frame]
                    count[at] += 1
        return total / count[:, None]

    def _refined(
        self, windows: Float[np.ndarray, "W T C"], sequence: PoseSequence
    ) -> Float[np.ndarray, "W T C"]:
        refined = self.network.refine(windows)
        if self.mirror_axis is None:
            return refined
        partners = sequence.skeleton.mirror
        image = self.network.refine(mirrored(windows, partners, self.mirror_axis))
        return (refined + mirrored(image, partners, self.mirror_axis)) / 2


def mirrored(
    windows: Float[np.ndarray, "W T C"], partners: np.ndarray, axis: int
) -> Float[np.ndarray, "W T C"]:
    """Mirror images of windows of 3D joints: one coordinate negated, left and right joints swapped."""
    W, T, C = windows.shape
    poses = windows.reshape(W, T, C // 3, 3)[:, :, partners].copy()
    poses[..., axis] *= -1
    return poses.reshape(W, T, C)
