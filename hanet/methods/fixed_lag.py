"""The general refiner at a fixed lag on whole tracks: what `hanet.Stream` gives frame by frame.

Axes: T frames, J joints, D coordinates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from hanet.methods.smoothing import GapAware, Smoothed
from hanet.methods.stream import Stream
from hanet.poses.sequence import PoseSequence


@dataclass(frozen=True)
class FixedLag(GapAware):
    """`Stream` over a track: no frame depends on what comes more than `lag` after it.

    The first `max_gap` seconds of a gap are filled.

    Attributes:
        max_gap: seconds.
        lag: milliseconds.
    """

    lag: float = 100.0
    network: bool = False

    @property
    def name(self) -> str:
        """``fixed_lag``."""
        return "fixed_lag"

    def __post_init__(self) -> None:
        super().__post_init__()
        Stream(1.0, 1, self.lag)

    @property
    def parameters(self) -> dict[str, Any]:
        """What was given, as JSON values."""
        return {
            self.name: {"lag_ms": self.lag, "network": self.network}, "max_gap_seconds": self.max_gap
        }  # fmt: skip

    def describe(self, results: Sequence[Smoothed]) -> str:
        """The method with its lag."""
        text = f"general refiner at a lag of {self.lag:g} ms"
        return f"{text}, by the network" if self.network else text

    def _filled(self, sequence: PoseSequence) -> PoseSequence:
        return sequence

    def _smooth(
        self, sequence: PoseSequence, known: Bool[np.ndarray, "T J"]
    ) -> tuple[Float[np.ndarray, "T J D"], dict[str, Float[np.ndarray, " J"]]]:
        joints = sequence.values.shape[1]
        stream = Stream(sequence.fps, joints, self.lag, max_gap=self.max_gap, network=self.network)
        frames = [stream.push(frame) for frame in sequence.values]
        given = [frame for frame in [*frames, *stream.finish()] if frame is not None]
        return np.stack(given), {}
