"""Options of HANet and of its losses, without importing torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from hanet.models.config import Count, Fraction, Settings, Window

MutualLearning = Literal["symmetric", "stop_gradient", "off"]
"""Forms of mutual learning of HANet's branches, see `hanet.models.losses.hanet_loss`."""
Interpolation = Literal["linear", "cubic"]
KinematicsStart = Literal["random", "identity"]

INTERPOLATIONS: tuple[Interpolation, ...] = ("linear", "cubic")
LEAST_SIGMA = 0.1
"""Smallest sigma of `smoothing_matrix`, in frames: below it the neighbours' weights underflow."""
FEATURES = ("flow", "velocity", "acceleration", "learn_kinematics", "multi_scale")
"""Settings of `HANetConfig` that remove one part of the method when False."""


@dataclass(frozen=True)
class HANetConfig(Settings):
    """The architecture of a HANet; the defaults are the paper's method.

    Attributes:
        channels: C, numbers per frame: joints × 2 (keypoints), × 3 (joints) or × 6 (rotations).
        interval: frames from one watched frame to the next.
        window: T, frames per window: ``interval·Q + 1`` with Q ≥ 1.
        hidden: d, width of the decoder and of the first encoder stage; stage i is d·2^i wide.
        layers: number of encoder stages, and of decoder layers.
        heads: attention heads of every layer.
        feedforward: inner width of a decoder layer and, times 2^i, of encoder stage i; None: 4·hidden.
        pre_norm: LayerNorm before attention and feed-forward (the paper's 3D models), or after (2D, SMPL).
        dropout: share of attention weights and of features dropped in training.
        flow: the encoder reads [flow, x, previous, next]; without it only x.
        velocity: velocities join the decoder's memory.
        acceleration: accelerations join the decoder's memory.
        learn_kinematics: velocity and acceleration have a learnt scale and shift ("WB" in the supplement's
            Table 1); without it these are 1 and 0 and have no parameters.
        kinematics_start: initial scale and shift: ``random`` as in the release, or ``identity`` (beyond the
            paper), 1 and 0.
        multi_scale: the decoder's memory averages all encoder stages; without it, it is the last stage.
        interpolation: beyond the paper when ``cubic``: a natural cubic spline from watched to all frames.
        output_smoothing: beyond the paper when above 0: width (sigma, frames) of a fixed Gaussian low-pass
            over the decoder's poses, in training and inference.
        residual: beyond the paper when True: the decoder's offset is added to all detected poses
            instead of the interpolated ones, and all offsets start at zero. An untrained model returns its
            input, low-passed by `output_smoothing`, and it reads all frames.
        frame_path: beyond the paper when True: an affine map, fitted before training, corrects every frame by
            itself, and the network sees each joint's motion about its mean in the window, see
            `hanet.models.frame_path`. It reads all frames.

    Raises:
        ValueError: an invalid value; the message names the field, expected and got.
    """

    channels: Count
    interval: Count
    window: Window
    hidden: Count
    layers: Count
    heads: Count = 4
    feedforward: Count | None = None
    pre_norm: bool = True
    dropout: Fraction = 0.1
    flow: bool = True
    velocity: bool = True
    acceleration: bool = True
    learn_kinematics: bool = True
    kinematics_start: KinematicsStart = "random"
    multi_scale: bool = True
    interpolation: Interpolation = "linear"
    output_smoothing: Annotated[float, Field(ge=0)] = 0.0
    residual: bool = False
    frame_path: bool = False

    def _check(self) -> None:
        smooth = self.output_smoothing == 0 or self.output_smoothing >= LEAST_SIGMA
        self._require(smooth, "output_smoothing", f"0 (off) or at least {LEAST_SIGMA} frames")
        self._require_heads(self.hidden, self.heads)
        self._require_window(self.window, self.interval)

    @property
    def watched(self) -> int:
        """W, watched frames per window."""
        return (self.window - 1) // self.interval + 1

    @property
    def reads(self) -> tuple[int, ...]:
        """Frames of a window that are read: the watched ones and, for kinematics, their neighbours."""
        if self.residual or self.frame_path:
            return tuple(range(self.window))
        moving = self.flow or self.velocity or self.acceleration
        offsets = (0, 1, self.interval - 1) if moving else (0,)
        return tuple(t for t in range(self.window) if t % self.interval in offsets)

    @property
    def feedforward_width(self) -> int:
        """Inner width of a decoder layer."""
        return 4 * self.hidden if self.feedforward is None else self.feedforward

    @property
    def layer_options(self) -> dict[str, Any]:
        """Options common to all layers."""
        return {"heads": self.heads, "pre_norm": self.pre_norm, "dropout": self.dropout}
