"""HANet in its published form: the encoder computes all frames and masks the unwatched ones.

Tests check that `hanet.models.hanet.HANet` gives equal results; the benchmark compares their speed. Wiring,
masks, neighbours, interpolation and layers are implemented independently, from PyTorch's own functions with
frames first and attention weights returned, as implementations derived from DETR (Carion et al., 2020) have
them; only the weights are the model's.

Axes: T frames, B windows, D width, C channels.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from hanet.models.hanet import HANet, HANetOutput
from hanet.models.layers import Attention, DecoderLayer, EncoderLayer, FeedForward
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
        unwatched = frames % config.interval != 0
        self.register_buffer("unwatched", unwatched, persistent=False)
        self.register_buffer("itself", torch.eye(config.window, dtype=torch.bool), persistent=False)
        for i, width in enumerate(model.encoder.widths):
            position = sine_positions(config.window, width).float()
            self.register_buffer(f"position_{i}", position[:, None], persistent=False)

    def forward(self, x: Tensor) -> HANetOutput:
        model, config = self.model, self.model.config
        unwatched = self.unwatched.expand(len(x), -1)
        previous = torch.cat([x[:, :1], x[:, :-1]], dim=1)
        following = torch.cat([x[:, 1:], x[:, -1:]], dim=1)
        flow = torch.stack([previous, x, following]).mean(dim=0)
        tokens = torch.cat([flow, x, previous, following], dim=-1) if config.flow else x

        tokens, scales = tokens.transpose(0, 1), []  # frames first
        for i, stage in enumerate(model.encoder.stages):
            tokens = model.encoder.enter[i](tokens)
            tokens = encode(stage, tokens, getattr(self, f"position_{i}"), self.itself, unwatched)
            if config.multi_scale:
                scales.append(model.encoder.narrow[i](tokens))
        multi_scale = sum(scales) / len(scales) if scales else model.encoder.narrow[0](tokens)
        encoder_pose = (model.encoder_offset(multi_scale).transpose(0, 1) + x)[:, :: config.interval]
        pose = F.interpolate(encoder_pose.mT, size=config.window, mode="linear", align_corners=True)

        motion = [part.transpose(0, 1) for part in self._motion(x - previous, following - x)]
        memory = model.memory_embed(torch.cat([multi_scale, *motion], dim=-1))
        y = model.decoder.embed(pose).permute(2, 0, 1)
        for layer in model.decoder.layers:
            y = decode(layer, y, memory, self.position_0, unwatched)
        offset = model.decoder_offset(model.decoder.norm(y)).transpose(0, 1)
        return HANetOutput(offset + pose.mT, encoder_pose)

    def _motion(self, v_previous: Tensor, v_next: Tensor) -> list[Tensor]:
        config, kinematics = self.model.config, self.model.kinematics
        if config.learn_kinematics and (config.velocity or config.acceleration):
            v_previous = v_previous * kinematics.scale_previous.weight + kinematics.scale_previous.bias
            v_next = v_next * kinematics.scale_next.weight + kinematics.scale_next.bias
        motion = [v_previous, v_next] if config.velocity else []
        if config.acceleration:
            motion.append(kinematics.scale_acceleration((v_next - v_previous).square()))
        return motion


def encode(layer: EncoderLayer, x: Tensor, position: Tensor, itself: Tensor, unwatched: Tensor) -> Tensor:
    """One encoder layer over all frames (T B D), none of which reads itself or an unwatched frame."""
    branches = (
        (
            layer.norm_attention,
            lambda y: attend(layer.attention, y + position, y + position, y, unwatched, itself),
        ),
        (layer.norm_feedforward, lambda y: feed_forward(layer.feedforward, y)),
    )
    return residual(layer, x, branches)


def decode(layer: DecoderLayer, x: Tensor, memory: Tensor, position: Tensor, unwatched: Tensor) -> Tensor:
    """One decoder layer (T B D) with all frames in its memory, of which the watched ones are read."""
    branches = (
        (layer.norm_attention, lambda y: attend(layer.attention, y + position, y + position, y)),
        (
            layer.norm_memory,
            lambda y: attend(layer.memory_attention, y + position, memory + position, memory, unwatched),
        ),
        (layer.norm_feedforward, lambda y: feed_forward(layer.feedforward, y)),
    )
    return residual(layer, x, branches)


def residual(layer: EncoderLayer | DecoderLayer, x: Tensor, branches: tuple) -> Tensor:
    """Add each branch, with the norm before it or after the sum."""
    for norm, branch in branches:
        if layer.pre_norm:
            x = x + F.dropout(branch(norm(x)), layer.drop.p, layer.training)
        else:
            x = norm(x + F.dropout(branch(x), layer.drop.p, layer.training))
    return x


def attend(
    layer: Attention,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    ignored: Tensor | None = None,
    forbidden: Tensor | None = None,
) -> Tensor:
    """PyTorch's multi-head attention with the layer's weights."""
    parts = layer.query, layer.key, layer.value
    mixed, _ = F.multi_head_attention_forward(
        query,
        key,
        value,
        embed_dim_to_check=query.shape[-1],
        num_heads=layer.heads,
        in_proj_weight=None,
        in_proj_bias=torch.cat([part.bias for part in parts]),
        bias_k=None,
        bias_v=None,
        add_zero_attn=False,
        dropout_p=layer.dropout,
        out_proj_weight=layer.out.weight,
        out_proj_bias=layer.out.bias,
        training=layer.training,
        key_padding_mask=ignored,
        need_weights=True,
        attn_mask=forbidden,
        use_separate_proj_weight=True,
        q_proj_weight=layer.query.weight,
        k_proj_weight=layer.key.weight,
        v_proj_weight=layer.value.weight,
    )
    return mixed


def feed_forward(layer: FeedForward, x: Tensor) -> Tensor:
    """Widen, LeakyReLU, dropout, narrow."""
    inner = F.dropout(F.leaky_relu(layer.widen(x), 0.01), layer.drop.p, layer.training)
    return layer.narrow(inner)
