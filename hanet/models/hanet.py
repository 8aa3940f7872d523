"""HANet: kinematic features, a hierarchical encoder at the watched frames, a decoder at all frames.

Source: Jin et al., "Kinematic-aware Hierarchical Attention Network for Human Pose Estimation in Videos",
WACV 2023, section 3. Read top to bottom: configuration, kinematic features, encoder, decoder, HANet.

Axes: B windows, T frames of a window, W watched frames (every `interval`-th), C channels (joints × dims),
D hidden width d (encoder stage i works at d·2^i), F features of an encoder token.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hanet.models.frame_path import FramePath
from hanet.models.hanet_options import HANetConfig, KinematicsStart
from hanet.models.layers import DecoderLayer, EncoderLayer, linear
from hanet.models.temporal import (
    interpolation_matrix,
    mix_frames,
    sine_positions,
    smoothing_matrix,
)
from hanet.poses.windows import watched_frames


class HANetOutput(NamedTuple):
    """Refined poses, in the unit and frame of reference of the input."""

    decoder_pose: Float[Tensor, "B T C"]
    """Poses at all frames: the result."""
    encoder_pose: Float[Tensor, "B W C"]
    """Poses at the watched frames, from the encoder only: a second branch, also used by the loss."""


class Affine(nn.Module):
    """A learnt scale and shift of every channel ("WB").

    A random start is that of the release, whose layer is a convolution of one channel in and `channels` out:
    scales evenly from ± √(6 / (1 + channels)) (Glorot and Bengio, AISTATS 2010), shifts evenly from ± 1.
    """

    def __init__(self, channels: int, start: KinematicsStart = "identity") -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        if start == "random":
            reach = math.sqrt(6 / (1 + channels))
            nn.init.uniform_(self.weight, -reach, reach)
            nn.init.uniform_(self.bias, -1.0, 1.0)

    def forward(self, x: Float[Tensor, "B W C"]) -> Float[Tensor, "B W C"]:
        return x * self.weight + self.bias


class Kinematics(nn.Module):
    """Velocities and squared accelerations at the watched frames, per frame and frame² (section 3.1).

    The acceleration is built from the scaled velocities, so their scale and shift exist whenever it does.
    """

    def __init__(self, config: HANetConfig) -> None:
        super().__init__()
        self.velocity = config.velocity
        self.acceleration = config.acceleration
        learn = config.learn_kinematics
        moving = config.velocity or config.acceleration
        affine = partial(Affine, config.channels, config.kinematics_start)
        self.scale_previous = affine() if learn and moving else nn.Identity()
        self.scale_next = affine() if learn and moving else nn.Identity()
        self.scale_acceleration = affine() if learn and config.acceleration else nn.Identity()

    @property
    def features(self) -> int:
        """Number of tensors that `forward` returns."""
        return 2 * self.velocity + self.acceleration

    def forward(
        self, previous: Float[Tensor, "B W C"], x: Float[Tensor, "B W C"], following: Float[Tensor, "B W C"]
    ) -> list[Float[Tensor, "B W C"]]:
        """The configured features: [v_previous, v_next], [acceleration]."""
        v_previous = self.scale_previous(x - previous)
        v_next = self.scale_next(following - x)
        features = [v_previous, v_next] if self.velocity else []
        if self.acceleration:
            features.append(self.scale_acceleration((v_next - v_previous) ** 2))
        return features


class Encoder(nn.Module):
    """Stages of doubling width over the watched frames, projected back and averaged (section 3.2).

    Only watched frames are computed. The published form computes all T frames and masks the unwatched ones in
    attention, interpolation, decoder and loss; here masked frames are not computed, and outputs, loss and
    gradients are the same up to rounding.
    """

    positions: Tensor
    allowed: Tensor

    def __init__(self, config: HANetConfig) -> None:
        super().__init__()
        d = config.hidden
        self.widths = [d * 2**i for i in range(config.layers)]
        features = (4 if config.flow else 1) * config.channels
        entries = [linear(features, d), *(linear(width, 2 * width) for width in self.widths[:-1])]
        self.enter = nn.ModuleList(entries)
        self.stages = nn.ModuleList(
            EncoderLayer(width, config.feedforward_width * 2**i, **config.layer_options)
            for i, width in enumerate(self.widths)
        )
        scales = self.widths if config.multi_scale else self.widths[-1:]
        self.narrow = nn.ModuleList(linear(width, d) for width in scales)
        watched = watched_frames(config.window, config.interval)
        positions = [sine_positions(config.window, width)[watched] for width in self.widths]
        self.register_buffer("positions", torch.cat(positions, dim=1).float(), persistent=False)
        # A frame may attend to every watched frame except itself.
        allowed = ~torch.eye(config.watched, dtype=torch.bool)
        self.register_buffer("allowed", allowed, persistent=False)

    def forward(self, x: Float[Tensor, "B W F"]) -> Float[Tensor, "B W D"]:
        """Memory at the watched frames: the mean over stages."""
        positions = self.positions.split(self.widths, dim=1)
        *before, last = zip(self.enter, self.stages, positions, strict=True)
        outputs = []
        for enter, stage, position in before:
            x = stage(enter(x), position, allowed=self.allowed)
            outputs.append(x)
        *narrow, narrow_last = self.narrow  # without `multi_scale` there is only the last
        enter, stage, position = last
        narrowed = [layer(output) for layer, output in zip(narrow, outputs, strict=False)]
        narrowed.append(stage(enter(x), position, allowed=self.allowed, after=narrow_last))
        return torch.stack(narrowed).mean(dim=0)


class Decoder(nn.Module):
    """Layers over all frames, whose queries are embedded poses (section 3.3)."""

    position: Tensor
    memory_position: Tensor

    def __init__(
        self,
        *,
        channels: int,
        interval: int,
        window: int,
        hidden: int,
        layers: int,
        feedforward: int,
        **layer_options: Any,
    ) -> None:
        super().__init__()
        self.embed = nn.Conv1d(channels, hidden, kernel_size=5, padding=2)
        nn.init.xavier_uniform_(self.embed.weight)
        self.layers = nn.ModuleList(DecoderLayer(hidden, feedforward, **layer_options) for _ in range(layers))
        self.norm = nn.LayerNorm(hidden)
        position = sine_positions(window, hidden).float()
        watched = watched_frames(window, interval)
        self.register_buffer("position", position, persistent=False)
        self.register_buffer("memory_position", position[watched], persistent=False)

    def forward(self, pose: Float[Tensor, "B T C"], memory: Float[Tensor, "B W D"]) -> Float[Tensor, "B T D"]:
        """Features at all frames."""
        x = self.embed(pose.transpose(1, 2)).transpose(1, 2)
        for layer in self.layers:
            x = layer(x, memory, position=self.position, memory_position=self.memory_position)
        return self.norm(x)


class HANet(nn.Module):
    """Refine a window of detected poses from its watched frames and their neighbours.

    Both branches predict an offset: the encoder to the detected poses at the watched frames, the decoder to
    the encoder's poses interpolated to all frames.
    """

    interpolation: Tensor
    smoothing: Tensor

    def __init__(self, config: HANetConfig) -> None:
        super().__init__()
        self.config = config
        self.frame_path = FramePath(config.channels) if config.frame_path else None
        self.kinematics = Kinematics(config)
        self.encoder = Encoder(config)
        self.encoder_offset = linear(config.hidden, config.channels)
        self.memory_embed = linear(config.hidden + self.kinematics.features * config.channels, config.hidden)
        self.decoder = Decoder(
            channels=config.channels,
            interval=config.interval,
            window=config.window,
            hidden=config.hidden,
            layers=config.layers,
            feedforward=config.feedforward_width,
            **config.layer_options,
        )
        self.decoder_offset = linear(config.hidden, config.channels)
        if config.residual:
            nn.init.zeros_(self.encoder_offset.weight)
            nn.init.zeros_(self.decoder_offset.weight)
        interpolation = interpolation_matrix(config.window, config.interval, config.interpolation)
        self.register_buffer("interpolation", interpolation.float(), persistent=False)
        if config.output_smoothing:
            smoothing = smoothing_matrix(config.window, config.output_smoothing)
            self.register_buffer("smoothing", smoothing.float(), persistent=False)

    def forward(self, detected: Float[Tensor, "B T C"]) -> HANetOutput:
        """Refined poses at all and at the watched frames; raises ValueError for another shape than the
        model's.
        """
        T, C = self.config.window, self.config.channels
        if detected.ndim != 3 or detected.shape[1:] != (T, C):
            raise ValueError(f"this HANet reads windows (B, {T}, {C}), got {tuple(detected.shape)}")
        if self.frame_path is None:
            return self._refine(detected)
        motion, middle = self.frame_path.split(detected)
        return HANetOutput(*(pose + middle for pose in self._refine(motion)))

    def _refine(self, detected: Float[Tensor, "B T C"]) -> HANetOutput:
        T, step = self.config.window, self.config.interval
        # Neighbours of the watched frames; at the window's ends the watched frame itself is used.
        padded = torch.cat([detected[:, :1], detected, detected[:, -1:]], dim=1)
        previous, x, following = (padded[:, i : i + T : step] for i in range(3))
        tokens = [x]
        if self.config.flow:
            tokens = [(previous + x + following) / 3, x, previous, following]
        scales = self.encoder(torch.cat(tokens, dim=-1))
        encoder_pose = self.encoder_offset(scales) + x

        interpolated = mix_frames(self.interpolation, encoder_pose)
        memory = self.memory_embed(torch.cat([scales, *self.kinematics(previous, x, following)], dim=-1))
        base = detected if self.config.residual else interpolated
        decoder_pose = self.decoder_offset(self.decoder(interpolated, memory)) + base
        if self.config.output_smoothing:
            decoder_pose = mix_frames(self.smoothing, decoder_pose)
        return HANetOutput(decoder_pose, encoder_pose)
