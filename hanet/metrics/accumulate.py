"""From the scores of single sequences to those of a data set; no pose is kept.

Axes: T frames, N rows, K columns of a metric (its joints, or one).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from jaxtyping import Float

from hanet.metrics.functional import fast_frames
from hanet.metrics.statistics import bootstrap_interval, pooled_mean

if TYPE_CHECKING:
    import pandas as pd


class Tally(NamedTuple):
    """One metric over one sequence as numerator and denominator, for each of its columns."""

    total: Float[np.ndarray, " K"]
    weight: Float[np.ndarray, " K"]

    @property
    def mean(self) -> float:
        """The metric of this sequence alone."""
        return pooled_mean(self.total[None], self.weight[None])


def tally(errors: Float[np.ndarray, "N K"], *, scale: float = 1.0) -> Tally:
    """Sum of the known errors of each column, times `scale`, and how many they are."""
    known = np.isfinite(errors)
    return Tally(scale * np.where(known, errors, 0.0).sum(axis=0), known.sum(axis=0).astype(np.float64))


@dataclass(frozen=True)
class SequenceScores:
    """The scores of one track.

    Attributes:
        sequence, track: which one.
        frames: frames that were scored.
        tallies: each metric's numerators and denominators, by name.
    """

    sequence: str
    track: int
    frames: int
    tallies: Mapping[str, Tally]


@dataclass(frozen=True)
class Scores:
    """The scores of a set of sequences under one protocol.

    Attributes:
        protocol: ``full``, ``released`` or ``smoothnet``.
        joints: joint names, the columns of the metrics that have a value per joint.
        rows: one entry a sequence.
        means: each metric over all sequences: ``*_mm`` in millimetres, PCK as shares of 1; NaN where no
            frame counts.
        intervals: 95 % bootstrap interval of each mean over sequences; NaN below two sequences.
        resampled: each resample's score of a metric that is no mean over sequences, and so is in no row.
    """

    protocol: str
    joints: tuple[str, ...]
    rows: tuple[SequenceScores, ...]
    means: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]]
    resampled: Mapping[str, Float[np.ndarray, " R"]] = field(default_factory=dict)

    @property
    def frames(self) -> int:
        """Frames that were scored."""
        return sum(row.frames for row in self.rows)

    @property
    def sequences(self) -> int:
        """Sequences that were scored."""
        return len(self.rows)

    def per_joint(self, metric: str) -> dict[str, float]:
        """One metric for each joint by name.

        Raises:
            ValueError: no such metric, or one that has no value per joint.
        """
        if metric not in self.means:
            raise ValueError(f"no metric {metric!r}; there are {', '.join(self.means)}")
        totals, weights = _stack(self.rows, metric)
        if totals.shape[1] != len(self.joints):
            raise ValueError(f"{metric} is a number per frame, not per joint")
        return {joint: pooled_mean(totals[:, [j]], weights[:, [j]]) for j, joint in enumerate(self.joints)}

    def to_dict(self) -> dict[str, Any]:
        """Protocol, counts, means and intervals for JSON; NaN, which JSON lacks, becomes None."""
        return {
            "protocol": self.protocol,
            "sequences": self.sequences,
            "frames": self.frames,
            "means": {name: _json(value) for name, value in self.means.items()},
            "intervals_95": {name: [_json(v) for v in ends] for name, ends in self.intervals.items()},
        }

    def to_frame(self) -> pd.DataFrame:
        """One row a sequence: sequence, track, frames and each metric's mean over that sequence."""
        import pandas as pd  # half a second that a command without tables need not wait

        return pd.DataFrame(
            [
                {"sequence": row.sequence, "track": row.track, "frames": row.frames}
                | {name: entry.mean for name, entry in row.tallies.items()}
                for row in self.rows
            ]
        )

    def to_tallies(self) -> pd.DataFrame:
        """What means, intervals and comparisons are computed from: a row a sequence, metric and column.

        Columns: sequence, track, metric, column (0 to K-1, see `Tally`), total, weight.
        """
        import pandas as pd

        return pd.DataFrame(
            [
                (row.sequence, row.track, metric, column, total, weight)
                for row in self.rows
                for metric, entry in row.tallies.items()
                for column, (total, weight) in enumerate(zip(entry.total, entry.weight, strict=True))
            ],
            columns=["sequence", "track", "metric", "column", "total", "weight"],
        )


class Accumulator:
    """Collects sequences one by one; keeps sums and, for the fastest frames, two numbers a frame."""

    def __init__(self, *, protocol: str, joints: tuple[str, ...]) -> None:
        self._protocol = protocol
        self._joints = joints
        self._rows: list[SequenceScores] = []
        self._speed: list[Float[np.ndarray, " T"]] = []
        self._error: list[Float[np.ndarray, " T"]] = []

    def add(
        self,
        row: SequenceScores,
        *,
        speed: Float[np.ndarray, " T"] | None = None,
        error: Float[np.ndarray, " T"] | None = None,
    ) -> None:
        """Take in one sequence; with `speed` of the truth and `error` (mm) of its frames where 3D."""
        self._rows.append(row)
        if speed is not None and error is not None:
            self._speed.append(speed)
            self._error.append(error)

    def scores(self, *, resamples: int = 1000, seed: int = 4321) -> Scores:
        """Pool all that was added.

        Raises:
            ValueError: nothing was added.
        """
        if not self._rows:
            raise ValueError("nothing to score: no sequences were given")
        rows = self._with_fast_frames()
        stacks = {name: _stack(rows, name) for name in rows[0].tallies}
        return Scores(
            protocol=self._protocol,
            joints=self._joints,
            rows=tuple(rows),
            means={name: pooled_mean(*stack) for name, stack in stacks.items()},
            intervals={
                name: bootstrap_interval(*stack, resamples=resamples, seed=seed)
                for name, stack in stacks.items()
            },
        )

    def _with_fast_frames(self) -> list[SequenceScores]:
        """The fastest frames are those of the whole set, so they are known once all sequences are in."""
        if not self._speed:
            return self._rows
        fast = fast_frames(np.concatenate(self._speed))
        parts = np.split(fast, np.cumsum([len(speed) for speed in self._speed])[:-1])
        return [
            SequenceScores(
                row.sequence,
                row.track,
                row.frames,
                {**row.tallies, "mpjpe_fast5_mm": tally(error[part][:, None])},
            )
            for row, error, part in zip(self._rows, self._error, parts, strict=True)
        ]


def _stack(
    rows: tuple[SequenceScores, ...] | list[SequenceScores], metric: str
) -> tuple[Float[np.ndarray, "S K"], Float[np.ndarray, "S K"]]:
    entries = [row.tallies[metric] for row in rows]
    return np.stack([entry.total for entry in entries]), np.stack([entry.weight for entry in entries])


def _json(value: float) -> float | None:
    return value if math.isfinite(value) else None
