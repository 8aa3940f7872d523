"""Filters and the general refiner on tracks with gaps: joint by joint, in seconds.

Axes: T frames, J joints, D coordinates.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from functools import reduce
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from hanet.formats.missing import LARGEST
from hanet.methods.base import require_frames
from hanet.methods.gap_filling import fill_by_motion
from hanet.methods.names import GENERAL
from hanet.methods.smoothers import Smoother
from hanet.methods.state_space import SMOOTHERS
from hanet.methods.swaps import Swap
from hanet.methods.tuned import smooth_runs
from hanet.poses.gaps import fill_gaps, runs
from hanet.poses.scale import known_joints
from hanet.poses.sequence import PoseSequence

DEFAULT_GAP = 0.25
"""Longest gap that is filled, in seconds."""


@dataclass(frozen=True, eq=False)
class Smoothed:
    """A track after smoothing, and what was done to it.

    Attributes:
        sequence: the refined track; not `labelled` where there was no detection.
        filled: (T, J) joints that were missing and have a place now.
        missing: (T, J) joints that are missing still.
        chosen: by smoother the parameter of each joint, (J,); only where it was chosen from the data.
        swaps: left-right swaps that were mended first.
        outliers: (T, J) detections far from the refined pose; None where nobody looked.
        radii: (T, J) that hold the true place in nine of ten cases (`hanet.methods.intervals`); None where
            nobody asked.
    """

    sequence: PoseSequence
    filled: Bool[np.ndarray, "T J"]
    missing: Bool[np.ndarray, "T J"]
    chosen: dict[str, Float[np.ndarray, " J"]]
    swaps: tuple[Swap, ...] = ()
    outliers: Bool[np.ndarray, "T J"] | None = None
    radii: Float[np.ndarray, "T J"] | None = None


@dataclass(frozen=True)
class GapAware(ABC):
    """A method for tracks with gaps, which needs no training.

    A joint that is missing for at most `max_gap` between known frames gets a place. Longer gaps stay missing.
    A joint that is missing changes nothing for other joints.

    Attributes:
        max_gap: seconds.
    """

    max_gap: float = DEFAULT_GAP
    observed = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.max_gap < np.inf:
            raise ValueError(f"the longest gap must be a finite number of seconds, got {self.max_gap}")

    @property
    @abstractmethod
    def name(self) -> str:
        """Short name for tables and files."""

    @property
    @abstractmethod
    def parameters(self) -> dict[str, Any]:
        """What was given, as JSON values; None where the data decide."""

    @abstractmethod
    def describe(self, results: Sequence[Smoothed]) -> str:
        """The method with its parameters; of those chosen from the data the range over joints and tracks."""

    @abstractmethod
    def _smooth(
        self, sequence: PoseSequence, known: Bool[np.ndarray, "T J"]
    ) -> tuple[Float[np.ndarray, "T J D"], dict[str, Float[np.ndarray, " J"]]]:
        """Smoothed values and chosen parameters of a track in float64 whose short gaps are filled."""

    def _filled(self, sequence: PoseSequence) -> PoseSequence:
        """The track with its short gaps filled."""
        return fill_gaps(sequence, self.longest(sequence.fps))

    def longest(self, fps: float) -> int:
        """`max_gap` in frames."""
        return int(min(self.max_gap * fps + 1e-6, 2**31))

    def refine(self, sequence: PoseSequence) -> PoseSequence:
        """Refined poses of the same frames; NaN where a joint is missing for longer than `max_gap`.

        Raises:
            ValueError: the track is empty, or a parameter that its frame rate does not allow.
        """
        return self.smooth(sequence).sequence

    def smooth(self, sequence: PoseSequence) -> Smoothed:
        """As `refine`, with what was done."""
        require_frames(sequence)
        values = sequence.values.astype(np.float64)
        # Number by number: far quicker than a maximum over so few. NaN compares as False.
        near = (np.abs(values[..., d]) < LARGEST for d in range(values.shape[2]))
        known = reduce(np.logical_and, near)
        values[~known] = np.nan
        prepared = self._filled(replace(sequence, values=values))
        values, chosen = self._smooth(prepared, known)
        there = known_joints(values)
        labelled = known if sequence.labelled is None else known & sequence.labelled
        refined = replace(sequence.with_values(values.astype(sequence.values.dtype)), labelled=labelled)
        return Smoothed(refined, filled=there & ~known, missing=~there, chosen=chosen)


@dataclass(frozen=True)
class Smoothing(GapAware):
    """Filters one after another.

    Short gaps are drawn on straight lines first. Long gaps part a joint's runs, each smoothed by itself.
    A run that is too short for a filter stays as it is.

    Attributes:
        smoothers: in order.
        max_gap: seconds.
    """

    smoothers: tuple[Smoother, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.smoothers:
            raise ValueError(f"name a filter: {', '.join(SMOOTHERS)}")

    @property
    def name(self) -> str:
        """The smoothers' names."""
        return "+".join(smoother.name for smoother in self.smoothers)

    @property
    def parameters(self) -> dict[str, Any]:
        """What was given, as JSON values; None where the data decide."""
        given = {
            smoother.name: {option.name: getattr(smoother, option.name) for option in fields(smoother)}  # type: ignore[arg-type]
            for smoother in self.smoothers
        }
        return {**given, "max_gap_seconds": self.max_gap}

    def describe(self, results: Sequence[Smoothed]) -> str:
        """The smoothers with their parameters; of those chosen the range over joints and tracks."""
        return ", then ".join(_described(smoother, results) for smoother in self.smoothers)

    def _smooth(
        self, sequence: PoseSequence, known: Bool[np.ndarray, "T J"]
    ) -> tuple[Float[np.ndarray, "T J D"], dict[str, Float[np.ndarray, " J"]]]:
        values = sequence.values
        there = np.asarray(np.isfinite(values).all(axis=2))
        chosen: dict[str, np.ndarray] = {}
        for smoother in self.smoothers:
            values, parameter = _each_joint(smoother, values, there, sequence.fps)
            if np.isfinite(parameter).any():
                chosen[smoother.name] = parameter
        return values, chosen


@dataclass(frozen=True)
class General(GapAware):
    """The general refiner, see `hanet.methods.general.refine_general`.

    Short gaps are filled by the joint's motion and the other joints (`hanet.methods.gap_filling`).

    Attributes:
        max_gap: seconds.
        trust, bones: size of the trust region.
    """

    trust: float = 0.5
    bones: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (self.trust >= 0 and 0 <= self.bones < np.inf):
            raise ValueError(
                f"general: trust and bones must be at least 0 and bones finite, got {self.trust:g} and "
                f"{self.bones:g}"
            )

    @property
    def name(self) -> str:
        """Short name for tables and files."""
        return GENERAL

    @property
    def parameters(self) -> dict[str, Any]:
        """What was given, as JSON values."""
        given = {"trust": self.trust, **({"bones": self.bones} if self.bones else {})}
        return {GENERAL: given, "max_gap_seconds": self.max_gap}

    def describe(self, results: Sequence[Smoothed]) -> str:
        """The method with its parameter."""
        more = f", bones {self.bones:g}" if self.bones else ""
        return f"general refiner (trust {self.trust:g}{more})"

    def _filled(self, sequence: PoseSequence) -> PoseSequence:
        longest = self.longest(sequence.fps)
        return replace(sequence, values=fill_by_motion(sequence.values, sequence.fps, longest))

    def _smooth(
        self, sequence: PoseSequence, known: Bool[np.ndarray, "T J"]
    ) -> tuple[Float[np.ndarray, "T J D"], dict[str, Float[np.ndarray, " J"]]]:
        from hanet.methods.general import refine_general

        refined = refine_general(sequence.values, sequence.fps, trust=self.trust, bones=self.bones)
        refined[~known_joints(sequence.values)] = np.nan
        return refined, {}


@dataclass(frozen=True)
class Recorded:
    """A method that remembers what it did to each track."""

    smoothing: GapAware
    results: list[Smoothed] = field(default_factory=list)
    observed = 1.0

    @property
    def name(self) -> str:
        """The method's name."""
        return self.smoothing.name

    def refine(self, sequence: PoseSequence) -> PoseSequence:
        """As the method's own `refine`."""
        self.results.append(self.smoothing.smooth(sequence))
        return self.results[-1].sequence


def _each_joint(
    smoother: Smoother, values: Float[np.ndarray, "T J D"], there: Bool[np.ndarray, "T J"], fps: float
) -> tuple[Float[np.ndarray, "T J D"], Float[np.ndarray, " J"]]:
    """Smooth joints that are known in the same frames together."""
    result = values.copy()
    parameter = np.full(values.shape[1], np.nan)
    patterns, group = np.unique(there, axis=1, return_inverse=True)
    group = group.reshape(-1)
    for g, pattern in enumerate(patterns.T):
        spans = runs(np.asarray(pattern))
        if not spans:
            continue
        joints = np.flatnonzero(group == g)
        found = smooth_runs(smoother, [values[span][:, joints] for span in spans], fps)
        for span, smooth in zip(spans, found.values, strict=True):
            result[span, joints] = smooth
        parameter[joints] = found.parameter
    return result, parameter


def _described(smoother: Smoother, results: Sequence[Smoothed]) -> str:
    parts = []
    for option in fields(smoother):  # type: ignore[arg-type]
        value = getattr(smoother, option.name)
        unit = f" {smoother.unit}" if option.name == smoother.tuned and smoother.unit else ""
        if value is not None:
            parts.append(f"{option.name} {value:g}{unit}")
        elif option.name == smoother.tuned:
            found = [r.chosen[smoother.name] for r in results if smoother.name in r.chosen]
            every = np.concatenate(found) if found else np.empty(0)
            every = every[np.isfinite(every)]
            if len(every) == 0:
                parts.append(f"{option.name} not chosen: tracks too short, left as they are")
                continue
            low, middle, high = np.percentile(every, [0, 50, 100])
            span = f"{low:.3g}" if np.isclose(low, high) else f"{low:.3g} to {high:.3g}"
            middle_text = "" if np.isclose(low, high) else f", median {middle:.3g}"
            parts.append(f"{option.name} {span}{unit} chosen per joint{middle_text}")
    return f"{smoother.name} ({'; '.join(parts)})" if parts else smoother.name
