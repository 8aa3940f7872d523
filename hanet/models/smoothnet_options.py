"""Options of SmoothNet; without torch, which reading params.yaml does not need."""

from __future__ import annotations

from dataclasses import dataclass

from hanet.models.config import Settings


@dataclass(frozen=True)
class SmoothNetConfig(Settings):
    """All that shapes a SmoothNet; the defaults are the released models'.

    Attributes:
        window: T, frames a window (released: 8 to 64).
        hidden: width between the residual blocks.
        residual_hidden: inner width of a residual block.
        blocks: residual blocks.
        dropout: share of a residual block's features dropped in training.

    Raises:
        ValueError: a value that cannot be; the message names the field, what came and what was expected.
    """

    window: int
    hidden: int = 512
    residual_hidden: int = 256
    blocks: int = 3
    dropout: float | int = 0.5

    def __post_init__(self) -> None:
        self._require_whole("window", "hidden", "residual_hidden", "blocks")
        self._require_share("dropout")

    @property
    def reads(self) -> tuple[int, ...]:
        """Frames of a window that are read: all."""
        return tuple(range(self.window))
