"""Options of the general refiner; without torch, which reading params.yaml does not need."""

from __future__ import annotations

from dataclasses import dataclass

from hanet.models.config import Count, Settings

DILATIONS = (1, 2, 4, 1)


@dataclass(frozen=True)
class GeneralConfig(Settings):
    """All that shapes the general refiner's network.

    Attributes:
        stem: width of the layers that see every frame.
        hidden: width of the layers that see every fourth frame, the watched ones.
        blocks: residual blocks over the watched frames; their dilations are 1, 2, 4, 1, and again.
        context: every second block also sees the mean over all joints of the body.

    Raises:
        ValueError: an invalid value; the message names the field, expected and got.
    """

    stem: Count = 16
    hidden: Count = 48
    blocks: Count = 4
    context: bool = True

    @property
    def dilations(self) -> tuple[int, ...]:
        """Watched frames between the taps of each block's filter."""
        return tuple(DILATIONS[i % len(DILATIONS)] for i in range(self.blocks))
