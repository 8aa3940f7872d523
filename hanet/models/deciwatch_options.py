"""Options of DeciWatch, without importing torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hanet.models.config import Count, Fraction, Settings, Window


@dataclass(frozen=True)
class DeciWatchConfig(Settings):
    """The architecture of a DeciWatch; the defaults are those of the released 3DPW model.

    Attributes:
        channels: C, numbers per frame: joints × 2 (keypoints), × 3 (joints) or × 6 (rotations).
        interval: frames from one watched frame to the next.
        window: T, frames per window: ``interval·Q + 1`` with Q ≥ 1.
        hidden: width of all layers.
        encoder_layers: layers of DenoiseNet.
        decoder_layers: layers of RecoverNet.
        heads: attention heads of every layer.
        feedforward: inner width of every layer.
        pre_norm: LayerNorm before attention and feed-forward, or after (the released 2D model).
        dropout: share of attention weights and of features dropped in training.

    Raises:
        ValueError: an invalid value; the message names the field, expected and got.
    """

    channels: Count
    interval: Count
    window: Window
    hidden: Count
    encoder_layers: Count = 5
    decoder_layers: Count = 5
    heads: Count = 4
    feedforward: Count = 256
    pre_norm: bool = True
    dropout: Fraction = 0.1

    def _check(self) -> None:
        self._require_heads(self.hidden, self.heads)
        self._require_window(self.window, self.interval)

    @property
    def reads(self) -> tuple[int, ...]:
        """Frames of a window that are read: the watched ones."""
        return tuple(range(0, self.window, self.interval))

    @property
    def layer_options(self) -> dict[str, Any]:
        """Options common to all layers."""
        return {"heads": self.heads, "pre_norm": self.pre_norm, "dropout": self.dropout}
