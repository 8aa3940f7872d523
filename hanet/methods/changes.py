"""What a method changed and where: swaps mended, outliers, gaps filled, joints still missing.

Axes: T frames, J joints, D coordinates.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from hanet.methods.around import Around
from hanet.methods.smoothing import GapAware, Smoothed
from hanet.methods.swaps import mend_swaps
from hanet.poses.gaps import runs
from hanet.poses.scale import body_scale
from hanet.poses.sequence import PoseSequence

FAR = 6.0
"""Distance from the refined pose, in the joint's own noise, from which a detection is an outlier."""
LEAST = 0.02
"""The same in body scales: shorter distances are no outliers, however steady the joint is."""
NORMAL = 1.4826
"""Standard deviation over median absolute deviation."""


@dataclass(frozen=True)
class Noted(Around):
    """A method that notes outliers, and may mend swaps first (`hanet.methods.swaps`).

    Attributes:
        max_gap: seconds, as the method's.
        method: what refines.
        mend: whether swaps are mended.
    """

    mend: bool = False

    @classmethod
    def of(cls, method: GapAware, *, mend: bool) -> Noted:
        """The method with notes."""
        return cls(method.max_gap, method, mend)

    @property
    def parameters(self) -> dict[str, Any]:
        """The method's, and whether swaps are mended."""
        return {**self.inner.parameters, "mend_swaps": self.mend}

    def describe(self, results: Sequence[Smoothed]) -> str:
        """The method, and how many swaps were mended."""
        text = self.inner.describe(results)
        if not self.mend:
            return text
        count = sum(len(result.swaps) for result in results)
        return f"{count} left-right swap{'' if count == 1 else 's'} mended, then {text}"

    def smooth(self, sequence: PoseSequence) -> Smoothed:
        """As the method's `smooth`, with swaps and outliers."""
        mended, swaps = mend_swaps(sequence) if self.mend else (sequence, [])
        result = self.inner.smooth(mended)
        found = outliers(mended.values, result.sequence.values)
        return replace(result, swaps=tuple(swaps), outliers=found)


def outliers(
    detected: Float[np.ndarray, "T J D"], refined: Float[np.ndarray, "T J D"]
) -> Bool[np.ndarray, "T J"]:
    """Detections far from the refined pose, measured by the joint's median distance (Hampel 1974)."""
    distance = np.linalg.norm(detected.astype(np.float64) - refined, axis=2)
    known = np.isfinite(distance)
    distance[:, ~known.any(axis=0)] = 0.0
    usual = NORMAL * np.nanmedian(distance, axis=0)
    return known & (distance > np.maximum(FAR * usual, LEAST * body_scale(detected)))


def listed(results: Iterable[Smoothed]) -> list[dict[str, Any]]:
    """What was done to each track, as JSON values; ranges of frames include both ends."""
    return [_listed(result) for result in results]


def _listed(result: Smoothed) -> dict[str, Any]:
    sequence = result.sequence
    start, names = sequence.start, sequence.skeleton.joints

    def span(first: int, stop: int) -> list[int]:
        return [start + first, start + stop - 1]

    def spans(mask: Bool[np.ndarray, "T J"] | None) -> dict[str, list[list[int]]]:
        if mask is None:
            return {}
        found = {name: runs(np.asarray(mask[:, j])) for j, name in enumerate(names)}
        return {name: [span(run.start, run.stop) for run in each] for name, each in found.items() if each}

    return {
        "name": sequence.name,
        "track": sequence.track,
        "frames": span(0, len(sequence)),
        "swapped": [{"what": swap.what, "frames": span(swap.start, swap.stop)} for swap in result.swaps],
        "outliers": spans(result.outliers),
        "filled": spans(result.filled),
        "missing": spans(result.missing),
    }
