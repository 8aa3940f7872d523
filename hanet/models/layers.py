"""Transformer layers: attention, feed-forward, encoder and decoder layers.

Axes: B windows, Q queries, K keys, H heads, T frames, W watched frames (the memory), D width,
E width of a head or of what follows, F inner width of a feed-forward network.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from jaxtyping import Bool, Float
from torch import Tensor, nn

ATTENTION = "hanet::Attention"
"""Name of ONNX's operator until `hanet.models.export` gives it its own: the exporter does not know it."""


def linear(inputs: int, outputs: int, *, gain: float = 1.0) -> nn.Linear:
    """An affine map with Xavier-uniform weights (Glorot and Bengio, 2010) and zero bias."""
    layer = nn.Linear(inputs, outputs)
    nn.init.xavier_uniform_(layer.weight, gain=gain)
    nn.init.zeros_(layer.bias)
    return layer


class Attention(nn.Module):
    """Multi-head attention (Vaswani et al., 2017).

    Query, key and value are initialised like one Xavier matrix of three times the height, hence their gain.
    """

    def __init__(self, width: int, *, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.dropout = dropout
        self.query = linear(width, width, gain=0.5**0.5)
        self.key = linear(width, width, gain=0.5**0.5)
        self.value = linear(width, width, gain=0.5**0.5)
        self.out = linear(width, width)

    def forward(
        self,
        query: Float[Tensor, "B Q D"],
        key: Float[Tensor, "B K D"],
        value: Float[Tensor, "B K D"],
        *,
        allowed: Bool[Tensor, "Q K"] | None = None,
    ) -> Float[Tensor, "B Q D"]:
        """Attend to the values; `allowed` is True where a query may attend to a key."""
        p = self.dropout if self.training else 0.0
        mixed = Mixed.apply if torch.onnx.is_in_onnx_export() else mix
        return self.out(mixed(self.query(query), self.key(key), self.value(value), allowed, self.heads, p))


def mix(
    query: Float[Tensor, "B Q D"],
    key: Float[Tensor, "B K D"],
    value: Float[Tensor, "B K D"],
    allowed: Bool[Tensor, "Q K"] | None,
    heads: int,
    p: float,
) -> Float[Tensor, "B Q D"]:
    """Scaled dot-product attention of several heads, which drops a share `p` of its weights."""
    q, k, v = (x.unflatten(-1, (heads, -1)).transpose(1, 2) for x in (query, key, value))  # B H Q E
    mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=allowed, dropout_p=p)
    return mixed.transpose(1, 2).flatten(-2)


class Mixed(torch.autograd.Function):
    """`mix` as one node of an ONNX graph: its operator Attention, which knows heads by itself."""

    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> Tensor:
        return mix(*inputs)

    @staticmethod
    def symbolic(graph: Any, query: Any, key: Any, value: Any, allowed: Any, heads: int, p: float) -> Any:
        mask = [] if allowed is None else [allowed]
        node = graph.op(ATTENTION, query, key, value, *mask, q_num_heads_i=heads, kv_num_heads_i=heads)
        return node.setType(query.type())


class FeedForward(nn.Module):
    """Position-wise feed-forward network."""

    def __init__(self, width: int, inner: int, *, dropout: float) -> None:
        super().__init__()
        self.widen = linear(width, inner)
        self.narrow = linear(inner, width)
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Float[Tensor, "B Q D"]) -> Float[Tensor, "B Q D"]:
        return self.narrow(self.inner(x))

    def inner(self, x: Float[Tensor, "B Q D"]) -> Float[Tensor, "B Q F"]:
        """What the second layer reads."""
        return self.drop(F.leaky_relu_(self.widen(x), 0.01))

    def mapped(self, x: Float[Tensor, "B Q D"], after: nn.Linear) -> Float[Tensor, "B Q E"]:
        """The result through the linear map `after`, without its bias, by one matrix for its two."""
        return F.linear(self.inner(x), after.weight @ self.narrow.weight, after.weight @ self.narrow.bias)


def _pays(x: Float[Tensor, "B Q D"], after: nn.Linear) -> bool:
    """Whether there are enough rows for a product of weights, which an export's reader makes once."""
    return x.shape[:-1].numel() >= 2 * after.out_features or torch.onnx.is_in_onnx_export()


class EncoderLayer(nn.Module):
    """Self-attention and feed-forward; position embeddings are added to queries and keys, not to values.

    With `pre_norm` a branch normalises what it reads, otherwise the sum with its result is normalised.
    """

    def __init__(self, width: int, inner: int, *, heads: int, pre_norm: bool, dropout: float) -> None:
        super().__init__()
        self.pre_norm = pre_norm
        self.attention = Attention(width, heads=heads, dropout=dropout)
        self.feedforward = FeedForward(width, inner, dropout=dropout)
        self.norm_attention = nn.LayerNorm(width)
        self.norm_feedforward = nn.LayerNorm(width)
        self.drop = nn.Dropout(dropout)

    def forward(
        self,
        x: Float[Tensor, "B Q D"],
        position: Float[Tensor, "Q D"],
        *,
        allowed: Bool[Tensor, "Q Q"],
        after: nn.Linear | None = None,
    ) -> Float[Tensor, "B Q E"]:
        """Features of the same frames.

        Args:
            x: features.
            position: position embeddings.
            allowed: True where a frame may attend to another.
            after: a linear map to a smaller width of which only the result is needed. In evaluation, without
                a norm between, the feed-forward network's second matrix and this one are one, whose
                product costs as much as E frames and is made from 2 E frames on, and in every export.
        """
        y = self.norm_attention(x) if self.pre_norm else x
        x = x + self.drop(self.attention(y + position, y + position, y, allowed=allowed))
        x = x if self.pre_norm else self.norm_attention(x)

        y = self.norm_feedforward(x) if self.pre_norm else x
        if after is not None and self.pre_norm and not self.training and _pays(x, after):
            return after(x) + self.feedforward.mapped(y, after)
        x = x + self.drop(self.feedforward(y))
        x = x if self.pre_norm else self.norm_feedforward(x)
        return x if after is None else after(x)


class DecoderLayer(nn.Module):
    """Self-attention over all frames, attention to the memory, feed-forward; else like `EncoderLayer`."""

    def __init__(self, width: int, inner: int, *, heads: int, pre_norm: bool, dropout: float) -> None:
        super().__init__()
        self.pre_norm = pre_norm
        self.attention = Attention(width, heads=heads, dropout=dropout)
        self.memory_attention = Attention(width, heads=heads, dropout=dropout)
        self.feedforward = FeedForward(width, inner, dropout=dropout)
        self.norm_attention = nn.LayerNorm(width)
        self.norm_memory = nn.LayerNorm(width)
        self.norm_feedforward = nn.LayerNorm(width)
        self.drop = nn.Dropout(dropout)

    def forward(
        self,
        x: Float[Tensor, "B T D"],
        memory: Float[Tensor, "B W D"],
        *,
        position: Float[Tensor, "T D"],
        memory_position: Float[Tensor, "W D"],
    ) -> Float[Tensor, "B T D"]:
        y = self.norm_attention(x) if self.pre_norm else x
        x = x + self.drop(self.attention(y + position, y + position, y))
        x = x if self.pre_norm else self.norm_attention(x)

        y = self.norm_memory(x) if self.pre_norm else x
        x = x + self.drop(self.memory_attention(y + position, memory + memory_position, memory))
        x = x if self.pre_norm else self.norm_memory(x)

        y = self.norm_feedforward(x) if self.pre_norm else x
        x = x + self.drop(self.feedforward(y))
        return x if self.pre_norm else self.norm_feedforward(x)
