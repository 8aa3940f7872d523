"""Time spans of simulated errors."""

from __future__ import annotations

import numpy as np


def random_spans(
    rng: np.random.Generator, T: int, fps: float, rate: float, time: float
) -> list[tuple[int, int]]:
    """Poisson-placed spans (first frame, frame after the last) with exponential lengths."""
    count = rng.poisson(rate * T / fps)
    start = rng.integers(0, T, size=count)
    length = np.maximum(1, np.round(rng.exponential(time * fps, size=count))).astype(int)
    return [(int(a), int(min(a + n, T))) for a, n in zip(start, length, strict=True)]
