"""HANet in its published form: the encoder computes all frames and masks the unwatched ones.

Tests check that `hanet.models.hanet.HANet` gives equal results; the benchmark compares their speed. Wiring,
masks, neighbours and interpolation are implemented independently; layers and weights are the model's.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from hanet.models.hanet import HANet, HANetOutput
from hanet.models.layers import DecoderLayer
from hanet.models.temporal import sine_positions


class DenseHANet(nn.Module):
    """The published form of `model`, with its weights; for linear interpolation without smoothing."""

    def __init__(self, model: HANet) -> None:
        super().__init__()
        config = model.config
        if config.interpolation != "linear" or config.output_smoothing:
            raise ValueError("the published form interpolates linearly and does not smooth")
        self.model = model
        frames = torch.arange(config.window)
        watched = (frames % config.interval == 0).expand(config.window, -1)
        self.register_buffer("watched", watched.clone(), persistent=False)
        others = watched & (frames != frames[:, None])
        self.register_buffer("watched_others", others, persistent=False)
        self.register_buffer("position", sine_positions(config.window, config.hidden).float())
        for i, width in enumerate(model.encoder.widths):
            self.register_buffer(f"position_{i}", sine_positions(config.window, width).float())

    def forward(self, x: Tensor) -> HANetOutput:
        model, config = self.model, self.model.config
        previous = torch.cat([x[:, :1], x[:, :-1]], dim=1)
        following = torch.cat([x[:, 1:], x[:, -1:]], dim=1)
        flow = torch.stack([previous, x, following]).mean(dim=0)
        tokens = torch.cat([flow, x, previous, following], dim=-1) if config.flow else x

        scales = []
        for i, stage in enumerate(model.encoder.stages):
            tokens = model.encoder.enter[i](tokens)
            tokens = stage(tokens, getattr(self, f"position_{i}"), allowed=self.watched_others)
            if config.multi_scale:
                scales.append(model.encoder.narrow[i](tokens))
        multi_scale = sum(scales) / len(scales) if scales else model.encoder.narrow[0](tokens)
        encoder_pose = (model.encoder_offset(multi_scale) + x)[:, :: config.interval]
        pose = F.interpolate(encoder_pose.mT, size=config.window, mode="linear", align_corners=True).mT

        motion = self._motion(x - previous, following - x)
        memory = model.memory_embed(torch.cat([multi_scale, *motion], dim=-1))
        y = model.decoder.embed(pose.mT).mT
        for layer in model.decoder.layers:
            y = decode(layer, y, memory, position=self.position, watched=self.watched)
        return HANetOutput(model.decoder_offset(model.decoder.norm(y)) + pose, encoder_pose)

    def _motion(self, v_previous: Tensor, v_next: Tensor) -> list[Tensor]:
        config, kinematics = self.model.config, self.model.kinematics
        if config.learn_kinematics and (config.velocity or config.acceleration):
            v_previous = v_previous * kinematics.scale_previous.weight + kinematics.scale_previous.bias
            v_next = v_next * kinematics.scale_next.weight + kinematics.scale_next.bias
        motion = [v_previous, v_next] if config.velocity else []
        if config.acceleration:
            motion.append(kinematics.scale_acceleration((v_next - v_previous).square()))
        return motion


def decode(layer: DecoderLayer, x: Tensor, memory: Tensor, *, position: Tensor, watched: Tensor) -> Tensor:
    """One decoder layer with all frames in its memory (`position`), of which `watched` may be read."""
    branches = (
        (layer.norm_attention, lambda y: layer.attention(y + position, y + position, y)),
        (
            layer.norm_memory,
            lambda y: layer.memory_attention(y + position, memory + position, memory, allowed=watched),
        ),
        (layer.norm_feedforward, layer.feedforward),
    )
    for norm, branch in branches:
        x = x + layer.drop(branch(norm(x))) if layer.pre_norm else norm(x + layer.drop(branch(x)))
    return x
