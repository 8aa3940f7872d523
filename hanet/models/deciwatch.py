"""DeciWatch: denoise the poses of every `interval`-th frame, then recover those between.

Source: Zeng et al., "DeciWatch: A Simple Baseline for 10× Efficient 2D and 3D Pose Estimation", ECCV 2022.
Read top to bottom: configuration, DenoiseNet (the encoder), DeciWatch, loss, released checkpoints.

Axes: B windows, T frames of a window, W watched frames (every `interval`-th), C channels (joints × dims),
D hidden width.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from hanet.models.deciwatch_options import DeciWatchConfig
from hanet.models.hanet import Decoder
from hanet.models.layers import EncoderLayer, linear
from hanet.models.losses import mean_absolute
from hanet.models.released_weights import LAYER_NAMES, Source, grouped, load_weights, substitute
from hanet.models.temporal import interpolation_matrix, mix_frames, sine_positions
from hanet.poses.windows import watched_frames


class DeciWatchOutput(NamedTuple):
    """Refined poses, in the unit and frame of reference of the input."""

    recovered_pose: Float[Tensor, "B T C"]
    """Poses at all frames, the result."""
    denoised_pose: Float[Tensor, "B W C"]
    """Poses at the watched frames, from DenoiseNet only; used by the loss."""


class Encoder(nn.Module):
    """DenoiseNet: layers in which a watched frame attends to all watched frames except itself.

    The published form computes all T frames, with unwatched ones set to zero, and masks them in attention,
    interpolation, decoder and loss; here masked frames are not computed.
    """

    position: Tensor
    allowed: Tensor

    def __init__(self, config: DeciWatchConfig) -> None:
        super().__init__()
        d = config.hidden
        self.enter = linear(config.channels, d)
        self.layers = nn.ModuleList(
            EncoderLayer(d, config.feedforward, **config.layer_options) for _ in range(config.encoder_layers)
        )
        self.norm = nn.LayerNorm(d) if config.pre_norm else nn.Identity()
        watched = watched_frames(config.window, config.interval)
        position = sine_positions(config.window, d)[watched].float()
        self.register_buffer("position", position, persistent=False)
        allowed = ~torch.eye(len(watched), dtype=torch.bool)
        self.register_buffer("allowed", allowed, persistent=False)

    def forward(self, x: Float[Tensor, "B W C"]) -> Float[Tensor, "B W D"]:
        """Features at the watched frames, the decoder's memory."""
        x = self.enter(x)
        for layer in self.layers:
            x = layer(x, self.position, allowed=self.allowed)
        return self.norm(x)


class DeciWatch(nn.Module):
    """Refine a window of detected poses from its watched frames.

    Both of its networks predict an offset: DenoiseNet to the detected poses at the watched frames, RecoverNet
    to DenoiseNet's poses interpolated to all frames. RecoverNet and HANet's decoder have the same
    architecture.
    """

    interpolation: Tensor

    def __init__(self, config: DeciWatchConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.encoder_offset = linear(config.hidden, config.channels)
        self.decoder = Decoder(
            channels=config.channels,
            interval=config.interval,
            window=config.window,
            hidden=config.hidden,
            layers=config.decoder_layers,
            feedforward=config.feedforward,
            **config.layer_options,
        )
        self.decoder_offset = linear(config.hidden, config.channels)
        interpolation = interpolation_matrix(config.window, config.interval, "linear")
        self.register_buffer("interpolation", interpolation.float(), persistent=False)

    def forward(self, detected: Float[Tensor, "B T C"]) -> DeciWatchOutput:
        """Refined poses at all and at the watched frames; raises ValueError for another shape than the
        model's.
        """
        T, C = self.config.window, self.config.channels
        if detected.ndim != 3 or detected.shape[1:] != (T, C):
            raise ValueError(f"this DeciWatch reads windows (B, {T}, {C}), got {tuple(detected.shape)}")
        x = detected[:, :: self.config.interval]
        memory = self.encoder(x)
        denoised = self.encoder_offset(memory) + x
        interpolated = mix_frames(self.interpolation, denoised)
        recovered = self.decoder_offset(self.decoder(interpolated, memory)) + interpolated
        return DeciWatchOutput(recovered, denoised)


class DeciWatchLoss(NamedTuple):
    """A loss and its parts, scalars; the parts add up to `total`."""

    total: Float[Tensor, ""]
    recover: Float[Tensor, ""]
    """Recovered poses against ground truth at all frames, times the loss weight."""
    denoise: Float[Tensor, ""]
    """Denoised poses against ground truth at the watched frames."""


def deciwatch_loss(
    output: DeciWatchOutput,
    gt: Float[Tensor, "B T C"],
    *,
    interval: int,
    loss_weight: float,
    mask: Bool[Tensor, "B T #C"] | None = None,
) -> DeciWatchLoss:
    """DeciWatch's loss: ``loss_weight·mean|recovered - gt| + mean|denoised - gt|``, in the poses' unit.

    Unlike HANet's, each mean is over its own frames: all, and the watched ones.

    Args:
        output: what the model returned.
        gt: ground truth; may be NaN where `mask` is False.
        interval: frames from one watched frame to the next.
        loss_weight: weight of the recovered poses (λ; released: 5 in 2D, 1 on 3DPW).
        mask: True where the ground truth is labelled; the means are over these values only.

    Raises:
        ValueError: shapes that disagree.
    """
    recovered, denoised = output
    watched = gt[:, ::interval]
    if recovered.shape != gt.shape or denoised.shape != watched.shape:
        raise ValueError(
            f"ground truth {tuple(gt.shape)} at interval {interval} needs recovered poses of that shape "
            f"and denoised poses {tuple(watched.shape)}; "
            f"got {tuple(recovered.shape)} and {tuple(denoised.shape)}"
        )
    labelled = None if mask is None else mask.expand(gt.shape)
    recover = loss_weight * mean_absolute(recovered - gt, labelled)
    denoise = mean_absolute(denoised - watched, None if labelled is None else labelled[:, ::interval])
    return DeciWatchLoss(recover + denoise, recover, denoise)


_PREFIX = "transformer."
_RELEASED_NAMES = (
    (r"^(encoder)\.enter\.|^(decoder)\.embed\.", r"\1\2_embed."),
    (r"^(encoder|decoder)_offset\.", r"\1_joints_embed."),
    (r"^(encoder\..+)\.norm_feedforward\.", r"\1.norm2."),
    *LAYER_NAMES,
)


def released_names(model: DeciWatch) -> dict[str, tuple[str, ...]]:
    """Map released tensor names to the names of ours that they contain, stacked along the first axis.

    The map is one to one, except for attention's query, key and value, which the released models store as
    one.
    """
    return grouped(model.state_dict(), lambda name: _PREFIX + substitute(name, _RELEASED_NAMES))


def load_released(source: Source, config: DeciWatchConfig) -> DeciWatch:
    """A DeciWatch with the weights of a checkpoint of the authors' implementation, in evaluation mode.

    Args:
        source: a state dict or a file of one, plain or under the key ``state_dict``; names may have or lack
            the prefixes ``module.`` and ``transformer.``.
        config: the checkpoint's configuration; a checkpoint does not contain interval, window or heads.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a file with more than tensors and plain values, or tensors that are missing, unexpected or
            of another shape than `config` implies; the message names them.
    """
    model = DeciWatch(config).eval()
    load_weights(model, source, released_names(model), prefix=_PREFIX)
    return model
