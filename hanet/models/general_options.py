"""Options of the general refiner; without torch, which reading params.yaml does not need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from hanet.models.config import Count, Settings, Window

DILATIONS = (1, 2, 4, 1)


@dataclass(frozen=True)
class GeneralConfig(Settings):
    """All that shapes the general refiner's network.

    Attributes:
        stem: width of the layers that see every frame.
        hidden: width of the layers that see every fourth frame, the watched ones.
        blocks: residual blocks over the watched frames; their dilations are 1, 2, 4, 1, and again. 0: a
            watched frame sees its neighbours only.
        context: every second block also sees the mean over all joints of the body.
        faster: how far below the self-tuned log period that of the second difference may fall: the result is
            hardly less smooth than the self-tuned smoother's.
        weighted: frames are trusted more or less; False trusts every detection.
        tuned: log periods are relative to those of the self-tuned smoother, which the network sees.

    Raises:
        ValueError: an invalid value; the message names the field, expected and got.
    """

    stem: Count = 16
    hidden: Count = 48
    blocks: Annotated[int, Field(ge=0)] = 4
    context: bool = True
    faster: Annotated[float, Field(ge=0)] = 0.3
    weighted: bool = True
    tuned: bool = True

    @property
    def dilations(self) -> tuple[int, ...]:
        """Watched frames between the taps of each block's filter."""
        return tuple(DILATIONS[i % len(DILATIONS)] for i in range(self.blocks))


@dataclass(frozen=True)
class BaselineConfig(Settings):
    """A network of `hanet.models.general_baselines`, to compare the general refiner with.

    Attributes:
        network: ``tcn``, dilated convolutions over time, or ``smoothnet``, layers over whole windows.
        width: width of its layers; the defaults have about as many weights as `GeneralConfig`'s.
        blocks: residual blocks; those of a ``tcn`` have dilations 1, 2, 4, 8, …
        window: frames of a ``smoothnet``'s windows.
    """

    network: Literal["tcn", "smoothnet"] = "tcn"
    width: Count = 30
    blocks: Count = 5
    window: Window = 28
