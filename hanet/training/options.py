"""Options of training a network, set in params.yaml and used by `hanet.training.trainer`."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from hanet.models.hanet_options import MutualLearning


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """Random augmentation of a window; off by default.

    Attributes:
        mirror_axis: axis from a person's left to right, negated with probability one half while left and
            right joints swap (0, the image's horizontal, in a camera's frame); None: never.
        rotation_degrees: turns about the vertical, evenly from ± this.
        vertical_axis: 1 in a camera's frame, 2 in a z-up world.
        scale: body sizes, a factor evenly from 1 ± this.
        stretch: body proportions, a factor of its own for each axis, evenly from 1 ± this.
        reverse: play the window backwards with probability one half.
    """

    mirror_axis: int | None = None
    rotation_degrees: float = 0.0
    vertical_axis: int = 1
    scale: float = 0.0
    stretch: float = 0.0
    reverse: bool = False

    def __post_init__(self) -> None:
        if self.mirror_axis not in (None, 0, 1, 2) or self.vertical_axis not in (0, 1, 2):
            raise ValueError(
                f"axes are 0, 1 or 2, got mirror_axis={self.mirror_axis}, vertical_axis={self.vertical_axis}"
            )
        for name in ("scale", "stretch"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} must be in [0, 1), a share of the body, got {getattr(self, name)}")

    def __bool__(self) -> bool:
        return self.mirror_axis is not None or bool(
            self.rotation_degrees or self.scale or self.stretch or self.reverse
        )


@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """Options of training a network; the defaults after `loss_weight` are those of HANet's released training.

    Attributes:
        epochs: passes over the training windows.
        batch: windows per step.
        stride: frames between training windows' starts.
        learning_rate: peak of the schedule.
        loss_weight: weight of the term at all frames: HANet's decoder (λ), DeciWatch's recovered poses,
            SmoothNet's positions.
        warmup_epochs: epochs of linear warm-up, before a cosine down to `last_learning_rate`.
        last_learning_rate: where the cosine ends.
        weight_decay: AdamW's.
        oml: HANet's mutual learning, see `hanet_loss`.
        ohkm: HANet's hard keypoint mining.
        clip_norm: largest gradient norm; None: no clipping.
        seed: of weights, order, dropout and augmentation.
        joint_weight: weight of `joint_loss` of rotations, for each of a network's branches; above 0 the rows
            need `joints`.
        acceleration_weight: weight of `acceleration_loss`: 0.1 in SmoothNet's released training, for other
            networks beyond the papers when above 0.
        augmentation: beyond the paper when enabled, see `Augmentation`.
        jitter_starts: shift each window's start by up to `stride` - 1 frames, drawn again in every epoch, so
            that over epochs windows start at every frame. The releases of HANet, DeciWatch and SmoothNet
            draw a window at every frame in each epoch: `stride` epochs with this option are one of those.
        average: beyond the paper when above 0: decay of an exponential moving average of the weights, which
            is validated and saved.

    Raises:
        ValueError: fewer than one epoch, window per batch or frame of stride; a negative rate, weight or
            number of warm-up epochs; a decay outside [0, 1); a gradient norm that is not positive.
    """

    epochs: int
    batch: int
    stride: int
    learning_rate: float
    loss_weight: float
    warmup_epochs: int = 5
    last_learning_rate: float = 1e-5
    weight_decay: float = 0.01
    oml: MutualLearning = "symmetric"
    ohkm: bool = True
    clip_norm: float | None = None
    seed: int = 4321
    joint_weight: float = 0.0
    acceleration_weight: float = 0.0
    augmentation: Augmentation = field(default_factory=Augmentation)
    jitter_starts: bool = False
    average: float = 0.0

    def __post_init__(self) -> None:
        for names, least in ((_AT_LEAST_1, 1), (_AT_LEAST_0, 0)):
            for name in names:
                if not least <= getattr(self, name) < math.inf:
                    raise ValueError(f"{name} must be at least {least}, got {getattr(self, name)}")
        if not 0 <= self.average < 1:
            raise ValueError(f"average must be in [0, 1), got {self.average}")
        if self.clip_norm is not None and not self.clip_norm > 0:
            raise ValueError(f"clip_norm must be above 0, or null for no clipping, got {self.clip_norm}")


_AT_LEAST_1 = ("epochs", "batch", "stride")
_AT_LEAST_0 = (
    "learning_rate", "last_learning_rate", "loss_weight", "warmup_epochs", "weight_decay",
    "joint_weight", "acceleration_weight",
)  # fmt: skip
