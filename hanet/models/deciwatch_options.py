"""Options of DeciWatch; without torch, which reading params.yaml does not need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hanet.models.config import Settings


@dataclass(frozen=True)
class DeciWatchConfig(Settings):
    """All that shapes a DeciWatch; the defaults are the released 3DPW model's.

    Attributes:
        channels: C, numbers a frame: joints × 2 (keypoints), × 3 (joints) or × 6 (rotations).
        interval: frames from one watched frame to the next.
        window: T, frames a window: ``interval·Q + 1`` with Q ≥ 1.
        hidden: width of all layers.
        encoder_layers: layers of DenoiseNet.
        decoder_layers: layers of RecoverNet.
        heads: attention heads of every layer.
        feedforward: inner width of every layer.
        pre_norm: LayerNorm before attention and feed-forward, or after (the released 2D model).
        dropout: share of attention weights and of features dropped in training.

    Raises:
        ValueError: a value that cannot be; the message names the field, what came and what was expected.
    """

    channels: int
    interval: int
    window: int
    hidden: int
    encoder_layers: int = 5
    decoder_layers: int = 5
    heads: int = 4
    feedforward: int = 256
    pre_norm: bool = True
    dropout: float | int = 0.1

    def __post_init__(self) -> None:
        self._require_whole("channels", "interval", "window", "hidden")
        self._require_whole("encoder_layers", "decoder_layers", "heads", "feedforward")
        self._require_flags("pre_norm")
        self._require_share("dropout")
        self._require_heads(self.hidden, self.heads)
        self._require_window(self.window, self.interval)

    @property
    def reads(self) -> tuple[int, ...]:
        """Frames of a window that are read: the watched ones."""
        return tuple(range(0, self.window, self.interval))

    @property
    def layer_options(self) -> dict[str, Any]:
        """What all layers share."""
        return {"heads": self.heads, "pre_norm": self.pre_norm, "dropout": self.dropout}
