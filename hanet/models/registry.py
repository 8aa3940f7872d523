"""The networks that can be trained: how each is built, run and trained.

Training, checkpoints, refinement and the pipeline use only this table. A new network is an entry in
`NETWORKS` (and in the types above it): a configuration with a `window` and the frames it `reads`, a module
made from it, and the functions below.

Axes: B windows, T frames of a window, C channels (joints × dims).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jaxtyping import Bool, Float
from torch import Tensor

from hanet.models.deciwatch import DeciWatch, DeciWatchConfig, DeciWatchOutput, deciwatch_loss
from hanet.models.hanet import HANet, HANetConfig, HANetOutput
from hanet.models.losses import acceleration_loss, hanet_loss
from hanet.models.mlp import FrameMLP, MLPConfig, position_loss
from hanet.models.options import Config
from hanet.models.smoothnet import SmoothNet, SmoothNetConfig, smoothnet_loss
from hanet.models.tcn import TCN, TCNConfig

if TYPE_CHECKING:
    from hanet.training.options import TrainingOptions

Model = HANet | DeciWatch | SmoothNet | FrameMLP | TCN

ALL = slice(None)
"""All frames of a window."""

Losses = dict[str, Tensor]
"""The loss to minimise under ``loss``, and its parts, without gradients, under ``loss_*``."""


@dataclass(frozen=True)
class Network:
    """The interface of a network for training and refinement.

    Attributes:
        name: its name in params.yaml and in checkpoints.
        config: its configuration's class.
        build: its module's class, made from a configuration.
        output: the module's output for windows of detected poses (B, T, C).
        pose: the refined poses in that output (B, T, C).
        branches: all supervised poses in that output, each with its frames of the window.
        losses: the losses of that output against ground truth under the training options; a mask (B, T, C) is
            True where labelled, None for all.
    """

    name: str
    config: type[Config]
    build: Callable[[Any], Model]
    output: Callable[[Any, Float[Tensor, "B T C"]], Any]
    pose: Callable[[Any], Float[Tensor, "B T C"]]
    branches: Callable[[Any, Any], list[tuple[Float[Tensor, "B W C"], slice]]]
    losses: Callable[
        [Any, Float[Tensor, "B T C"], Any, TrainingOptions, Bool[Tensor, "B T C"] | None],
        Losses,
    ]

    def refine(self, model: Model, detected: Float[Tensor, "B T C"]) -> Float[Tensor, "B T C"]:
        """Windows of detected poses to refined ones."""
        return self.pose(self.output(model, detected))


def _hanet_losses(
    output: HANetOutput,
    gt: Tensor,
    config: HANetConfig,
    options: TrainingOptions,
    mask: Tensor | None,
) -> Losses:
    losses = hanet_loss(
        output,
        gt,
        interval=config.interval,
        loss_weight=options.loss_weight,
        oml=options.oml,
        ohkm=options.ohkm,
        mask=mask,
    )
    parts = _parts(losses, "decoder", "encoder", "mutual")
    return _with_acceleration(losses.total, parts, output.decoder_pose, gt, options, mask)


def _deciwatch_losses(
    output: DeciWatchOutput,
    gt: Tensor,
    config: DeciWatchConfig,
    options: TrainingOptions,
    mask: Tensor | None,
) -> Losses:
    losses = deciwatch_loss(output, gt, interval=config.interval, loss_weight=options.loss_weight, mask=mask)
    parts = _parts(losses, "recover", "denoise")
    return _with_acceleration(losses.total, parts, output.recovered_pose, gt, options, mask)


def _smoothnet_losses(
    refined: Tensor,
    gt: Tensor,
    config: SmoothNetConfig,
    options: TrainingOptions,
    mask: Tensor | None,
) -> Losses:
    losses = smoothnet_loss(
        refined.mT,
        gt.mT,
        position_weight=options.loss_weight,
        acceleration_weight=options.acceleration_weight,
        mask=None if mask is None else mask.mT,
    )
    return {"loss": losses.total, **_parts(losses, "position", "acceleration")}


def _plain_losses(
    refined: Tensor,
    gt: Tensor,
    config: MLPConfig | TCNConfig,
    options: TrainingOptions,
    mask: Tensor | None,
) -> Losses:
    position = position_loss(refined, gt, weight=options.loss_weight, mask=mask)
    return _with_acceleration(position, {"loss_position": position.detach()}, refined, gt, options, mask)


def _parts(losses: Any, *names: str) -> Losses:
    return {f"loss_{name}": getattr(losses, name).detach() for name in names}


def _with_acceleration(
    total: Tensor, parts: Losses, pose: Tensor, gt: Tensor, options: TrainingOptions, mask: Tensor | None
) -> Losses:
    """Losses including the acceleration loss (beyond the papers) where its weight is above 0."""
    if options.acceleration_weight:
        smooth = acceleration_loss(pose, gt, mask)
        total = total + options.acceleration_weight * smooth
        parts["loss_acceleration"] = smooth.detach()
    return {"loss": total, **parts}


NETWORKS: dict[str, Network] = {
    network.name: network
    for network in (
        Network(
            name="hanet",
            config=HANetConfig,
            build=HANet,
            output=lambda model, detected: model(detected),
            pose=lambda output: output.decoder_pose,
            branches=lambda output, config: [
                (output.decoder_pose, ALL),
                (output.encoder_pose, slice(None, None, config.interval)),
            ],
            losses=_hanet_losses,
        ),
        Network(
            name="deciwatch",
            config=DeciWatchConfig,
            build=DeciWatch,
            output=lambda model, detected: model(detected),
            pose=lambda output: output.recovered_pose,
            branches=lambda output, config: [
                (output.recovered_pose, ALL),
                (output.denoised_pose, slice(None, None, config.interval)),
            ],
            losses=_deciwatch_losses,
        ),
        Network(
            name="smoothnet",
            config=SmoothNetConfig,
            build=SmoothNet,
            # SmoothNet has frames last, the other networks channels.
            output=lambda model, detected: model(detected.mT).mT,
            pose=lambda refined: refined,
            branches=lambda refined, config: [(refined, ALL)],
            losses=_smoothnet_losses,
        ),
        Network(
            name="mlp",
            config=MLPConfig,
            build=FrameMLP,
            output=lambda model, detected: model(detected),
            pose=lambda refined: refined,
            branches=lambda refined, config: [(refined, ALL)],
            losses=_plain_losses,
        ),
        Network(
            name="tcn",
            config=TCNConfig,
            build=TCN,
            output=lambda model, detected: model(detected),
            pose=lambda refined: refined,
            branches=lambda refined, config: [(refined, ALL)],
            losses=_plain_losses,
        ),
    )
}


def network_of(config: Config) -> Network:
    """The network of a configuration."""
    return next(network for network in NETWORKS.values() if type(config) is network.config)


def named(name: str) -> Network:
    """A network by name; the ValueError for an unknown name lists the known ones."""
    try:
        return NETWORKS[name]
    except KeyError:
        raise ValueError(f"unknown network {name!r}; known: {', '.join(NETWORKS)}") from None
