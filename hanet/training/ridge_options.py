"""Options of the linear map per frame; without torch, which reading params.yaml does not need."""

from __future__ import annotations

from dataclasses import dataclass, field

from hanet.training.options import Augmentation


@dataclass(frozen=True, kw_only=True)
class RidgeOptions:
    """How a `FrameRidge` is fitted.

    Attributes:
        copies: of each frame the fit sees so many, each drawn by `augmentation`, besides the frame itself.
        augmentation: what is drawn; a frame by itself has no time to reverse.
        mirror_axis: see `FrameRidge`.
        seed: of what is drawn.
    """

    copies: int = 0
    augmentation: Augmentation = field(default_factory=Augmentation)
    mirror_axis: int | None = None
    seed: int = 4321
