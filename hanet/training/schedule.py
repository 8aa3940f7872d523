"""The learning rate of every step."""

from __future__ import annotations

import math


def learning_rate(step: int, *, peak: float, warmup: int, last: int, floor: float = 1e-8) -> float:
    """Linear warm-up to `peak` over `warmup` steps, then a cosine to `floor` (or `peak`) at step `last`."""
    floor = min(floor, peak)
    if step < warmup:
        return peak * (step + 1) / warmup
    cosine = math.cos(math.pi * (step - warmup) / (last - warmup))
    return floor + (peak - floor) * (1 + cosine) / 2
