"""Options of the per-frame MLP and the TCN, without importing torch."""

from __future__ import annotations

from dataclasses import dataclass

from hanet.models.config import Count, Fraction, Settings, Window


@dataclass(frozen=True)
class MLPConfig(Settings):
    """The architecture of a per-frame MLP.

    Attributes:
        channels: C, numbers per frame: joints × 2 (keypoints), × 3 (joints) or × 6 (rotations).
        window: T, frames per window. No frame sees another; windows are what training draws and augments.
        hidden: width between the residual blocks.
        blocks: residual blocks.
        dropout: share of a block's features dropped in training.

    Raises:
        ValueError: an invalid value; the message names the field, expected and got.
    """

    channels: Count
    window: Window
    hidden: Count
    blocks: Count = 1
    dropout: Fraction = 0.0

    @property
    def reads(self) -> tuple[int, ...]:
        """Frames of a window that are read: all."""
        return tuple(range(self.window))


@dataclass(frozen=True)
class TCNConfig(Settings):
    """The architecture of a dilated temporal convolution network.

    Attributes:
        channels: C, numbers per frame: joints × 2 (keypoints), × 3 (joints) or × 6 (rotations).
        window: T, frames per window.
        hidden: width of all convolutions.
        blocks: residual blocks; block i convolves three frames that lie 2^i apart.
        dropout: share of a block's features dropped in training.
        frame_path: as in `HANetConfig`.

    Raises:
        ValueError: an invalid value; the message names the field, expected and got.
    """

    channels: Count
    window: Window
    hidden: Count
    blocks: Count = 4
    dropout: Fraction = 0.0
    frame_path: bool = False

    @property
    def reads(self) -> tuple[int, ...]:
        """Frames of a window that are read: all."""
        return tuple(range(self.window))
