"""The general refiner's network at a fixed lag: it refines the last frames again for every new frame.

The network was trained on short tracks too, so its decisions near the end of a track are about as good as
its others. It costs ten times what `hanet.methods.stream` does without the network, and is more accurate.

Axes: W frames kept, J joints, D numbers per joint.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from hanet.methods.general import FASTEST, refine_general

WINDOW = 48
"""Frames that are refined at once, at up to `FASTEST` frames per second; above they grow with it."""


class Window:
    """The last frames of a track.

    A joint without a detection keeps its last refined place for `longest` frames, and then is NaN.
    """

    def __init__(self, fps: float, lag: int, longest: int) -> None:
        """Start a track.

        Args:
            fps: frames per second.
            lag: frames.
            longest: frames.
        """
        self.fps, self.lag, self.longest = fps, lag, longest
        self._frames: list[np.ndarray] = []
        self._kept = max(WINDOW * max(1, int(np.ceil(fps / FASTEST))), 2 * lag)
        self._last: Float[np.ndarray, "J D"] | None = None
        self._missed: Float[np.ndarray, " J"] | None = None
        self.taken = 0

    def push(
        self, values: Float[np.ndarray, "J D"], detected: Bool[np.ndarray, " J"]
    ) -> Float[np.ndarray, "J D"] | None:
        """Take the next frame and give back the refined one of `lag` frames before it, as `Stream.push`."""
        self._frames.append(np.where(detected[:, None], values, np.nan))
        del self._frames[: -self._kept]
        self.taken += 1
        if self.taken <= self.lag:
            return None
        at = len(self._frames) - 1 - self.lag
        if self._last is None or self._missed is None:
            self._last, self._missed = np.full_like(values, np.nan), np.full(len(values), np.inf)
        self._missed = np.where(np.isfinite(self._frames[at]).all(axis=1), 0, self._missed + 1)
        given = refine_general(np.stack(self._frames), self.fps)[at]
        given = np.where(np.isfinite(given), given, self._last)
        self._last = given
        return np.where((self._missed <= self.longest)[:, None], given, np.nan)

    def finish(self) -> list[Float[np.ndarray, "J D"]]:
        """The refined frames that are still to come."""
        if not self._frames:
            return []
        nothing = np.full_like(self._frames[-1], np.nan)
        pushed = [self.push(nothing, np.zeros(len(nothing), dtype=bool)) for _ in range(self.lag)]
        return [frame for frame in pushed if frame is not None]
