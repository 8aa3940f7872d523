"""Options of SmoothNet, without importing torch."""

from __future__ import annotations

from dataclasses import dataclass

from hanet.models.config import Count, Fraction, Settings, Window


@dataclass(frozen=True)
class SmoothNetConfig(Settings):
    """The architecture of a SmoothNet; the defaults are those of the released models.

    Attributes:
        window: T, frames per window (released: 8 to 64).
        hidden: width between the residual blocks.
        residual_hidden: inner width of a residual block.
        blocks: residual blocks.
        dropout: share of a residual block's features dropped in training.

    Raises:
        ValueError: an invalid value; the message names the field, expected and got.
    """

    window: Window
    hidden: Count = 512
    residual_hidden: Count = 256
    blocks: Count = 3
    dropout: Fraction = 0.5

    @property
    def reads(self) -> tuple[int, ...]:
        """Frames of a window that are read: all."""
        return tuple(range(self.window))
