"""Options of HANet and of its losses; without torch, which reading params.yaml does not need."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

from hanet.models.config import Settings, is_number

MutualLearning = Literal["symmetric", "stop_gradient", "off"]
"""How HANet's branches learn from each other, see `hanet.models.losses.hanet_loss`."""
Interpolation = Literal["linear", "cubic"]

INTERPOLATIONS: tuple[Interpolation, ...] = ("linear", "cubic")
LEAST_SIGMA = 0.1
"""Narrowest Gaussian of `smoothing_matrix`, in frames: below it the neighbours' weights underflow."""
FEATURES = ("flow", "velocity", "acceleration", "learn_kinematics", "multi_scale")
"""Settings of `HANetConfig` that take one part of the method away when False."""


@dataclass(frozen=True)
class HANetConfig(Settings):
    """All that shapes a HANet; the defaults are the paper's method.

    Attributes:
        channels: C, numbers a frame: joints × 2 (keypoints), × 3 (joints) or × 6 (rotations).
        interval: frames from one watched frame to the next.
        window: T, frames a window: ``interval·Q + 1`` with Q ≥ 1.
        hidden: d, width of the decoder and of the first encoder stage; stage i is d·2^i wide.
        layers: encoder stages and decoder layers, as many of each.
        heads: attention heads of every layer.
        feedforward: inner width of a decoder layer and, times 2^i, of encoder stage i; None: 4·hidden.
        pre_norm: LayerNorm before attention and feed-forward (the paper's 3D models), or after (2D, SMPL).
        dropout: share of attention weights and of features dropped in training.
        flow: the encoder reads [flow, x, previous, next]; without it x alone.
        velocity: velocities join the decoder's memory.
        acceleration: accelerations join the decoder's memory.
        learn_kinematics: velocity and acceleration have a learnt scale and shift ("WB" in the supplement's
            Table 1), which start at 1 and 0; without it they stay there and have no parameters.
        multi_scale: the decoder's memory averages all encoder stages; without it, the last stage alone.
        interpolation: beyond the paper when ``cubic``: a natural cubic spline from watched to all frames.
        output_smoothing: beyond the paper when above 0: width (sigma, frames) of a fixed Gaussian low-pass
            over the decoder's poses, in training and inference alike.

    Raises:
        ValueError: a value that cannot be; the message names the field, what came and what was expected.
    """

    channels: int
    interval: int
    window: int
    hidden: int
    layers: int
    heads: int = 4
    feedforward: int | None = None
    pre_norm: bool = True
    dropout: float | int = 0.1
    flow: bool = True
    velocity: bool = True
    acceleration: bool = True
    learn_kinematics: bool = True
    multi_scale: bool = True
    interpolation: Interpolation = "linear"
    output_smoothing: float | int = 0.0

    def __post_init__(self) -> None:
        self._require_whole("channels", "interval", "window", "hidden", "layers", "heads")
        if self.feedforward is not None:
            self._require_whole("feedforward")
        self._require_flags("pre_norm", *FEATURES)
        self._require_share("dropout")
        sigma = self.output_smoothing
        smooth = is_number(sigma) and (sigma == 0 or LEAST_SIGMA <= sigma < math.inf)
        self._require(smooth, "output_smoothing", f"0 (off) or at least {LEAST_SIGMA} frames")
        kinds = f"one of {', '.join(INTERPOLATIONS)}"
        self._require(self.interpolation in INTERPOLATIONS, "interpolation", kinds)
        self._require_heads(self.hidden, self.heads)
        self._require_window(self.window, self.interval)

    @property
    def watched(self) -> int:
        """W, watched frames a window."""
        return (self.window - 1) // self.interval + 1

    @property
    def reads(self) -> tuple[int, ...]:
        """Frames of a window that are read: the watched ones and, for kinematics, their neighbours."""
        moving = self.flow or self.velocity or self.acceleration
        offsets = (0, 1, self.interval - 1) if moving else (0,)
        return tuple(t for t in range(self.window) if t % self.interval in offsets)

    @property
    def feedforward_width(self) -> int:
        """Inner width of a decoder layer."""
        return 4 * self.hidden if self.feedforward is None else self.feedforward

    @property
    def layer_options(self) -> dict[str, Any]:
        """What all layers share."""
        return {"heads": self.heads, "pre_norm": self.pre_norm, "dropout": self.dropout}
