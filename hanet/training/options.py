"""How a network is trained: what `hanet.training.trainer` follows and params.yaml sets."""

from __future__ import annotations

from dataclasses import dataclass, field

from hanet.models.losses import MutualLearning
from hanet.training.augmentation import Augmentation


@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """How a network is trained; the defaults after `loss_weight` are HANet's released training.

    Attributes:
        epochs: passes over the training windows.
        batch: windows a step.
        stride: frames between training windows' starts.
        learning_rate: peak of the schedule.
        loss_weight: weight of the term at all frames: HANet's decoder (λ), DeciWatch's recovered poses,
            SmoothNet's positions.
        warmup_epochs: epochs of linear warm-up, before a cosine down to 1e-8.
        weight_decay: AdamW's.
        oml: HANet's mutual learning, see `hanet_loss`.
        ohkm: HANet's hard keypoint mining.
        clip_norm: largest gradient norm; None: no clipping.
        seed: of weights, order, dropout and augmentation.
        joint_weight: weight of `joint_loss` of rotations, for each of a network's branches; above 0 the rows
            need `joints`.
        acceleration_weight: weight of `acceleration_loss`: 1 in SmoothNet's released training, for the other
            networks beyond the papers when above 0.
        augmentation: beyond the paper when it draws anything, see `Augmentation`.
        jitter_starts: beyond the paper when True: shift each window's start by up to `stride` - 1 frames,
            anew in every epoch.
        average: beyond the paper when above 0: decay of an exponential moving average of the weights,
            which is what is validated and kept.

    Raises:
        ValueError: no epochs, an empty batch, a stride of nothing, or a decay that is none.
    """

    epochs: int
    batch: int
    stride: int
    learning_rate: float
    loss_weight: float
    warmup_epochs: int = 5
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
        for name in ("epochs", "batch", "stride"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not 0 <= self.average < 1:
            raise ValueError(f"average must be in [0, 1), got {self.average}")
