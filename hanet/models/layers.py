"""Transformer layers: attention, feed-forward, encoder and decoder layers.

Axes: B windows, Q queries, K keys, H heads, T frames, W watched frames (the memory), D width.
"""

from __future__ import annotations

import torch.nn.functional as F  # noqa: N812
from jaxtyping import Bool, Float
from torch import Tensor, nn


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
        heads = (self.heads, -1)
        mixed = F.scaled_dot_product_attention(
            self.query(query).unflatten(-1, heads).transpose(1, 2),  # B H Q D/H
            self.key(key).unflatten(-1, heads).transpose(1, 2),
            self.value(value).unflatten(-1, heads).transpose(1, 2),
            attn_mask=allowed,
            dropout_p=self.dropout if self.training else 0.0,
        )
        return self.out(mixed.transpose(1, 2).flatten(-2))


class FeedForward(nn.Module):
    """Position-wise feed-forward network."""

    def __init__(self, width: int, inner: int, *, dropout: float) -> None:
        super().__init__()
        self.widen = linear(width, inner)
        self.narrow = linear(inner, width)
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Float[Tensor, "B Q D"]) -> Float[Tensor, "B Q D"]:
        return self.narrow(self.drop(F.leaky_relu(self.widen(x), 0.01)))


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
        self, x: Float[Tensor, "B Q D"], position: Float[Tensor, "Q D"], *, allowed: Bool[Tensor, "Q Q"]
    ) -> Float[Tensor, "B Q D"]:
        """`allowed` is True where a frame may attend to another."""
        y = self.norm_attention(x) if self.pre_norm else x
        x = x + self.drop(self.attention(y + position, y + position, y, allowed=allowed))
        x = x if self.pre_norm else self.norm_attention(x)

        y = self.norm_feedforward(x) if self.pre_norm else x
        x = x + self.drop(self.feedforward(y))
        return x if self.pre_norm else self.norm_feedforward(x)


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
