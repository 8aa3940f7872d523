"""A method around another one, whose places it returns and to which it adds what it found.

Axes: T frames, J joints, D coordinates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from hanet.methods.smoothing import GapAware, Smoothed
from hanet.poses.sequence import PoseSequence


@dataclass(frozen=True)
class Around(GapAware):
    """A method around another one, by whose name and parameters it goes.

    Attributes:
        max_gap: seconds, as the other's.
        method: the other.
    """

    method: GapAware | None = None

    @property
    def inner(self) -> GapAware:
        """The other method."""
        assert self.method is not None
        return self.method

    @property
    def name(self) -> str:
        """The other's name."""
        return self.inner.name

    @property
    def parameters(self) -> dict[str, Any]:
        """The other's."""
        return self.inner.parameters

    def describe(self, results: Sequence[Smoothed]) -> str:
        """As the other's."""
        return self.inner.describe(results)

    def _smooth(
        self, sequence: PoseSequence, known: Bool[np.ndarray, "T J"]
    ) -> tuple[Float[np.ndarray, "T J D"], dict[str, Float[np.ndarray, " J"]]]:
        return self.inner._smooth(sequence, known)
