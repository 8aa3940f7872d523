"""From the scores of single sequences to those of a data set; no pose is kept.

Sums are kept in arrays: 16 bytes per sequence and column of a metric.

Axes: T frames, N rows, S sequences, K columns of a metric (its joints, or one).
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from hanet.metrics.clusters import Clusters
from hanet.metrics.functional import fast_frames
from hanet.metrics.statistics import Resampled, cluster_interval, mean_of_ratios, pooled_mean

if TYPE_CHECKING:
    import pandas as pd


class Tally(NamedTuple):
    """One metric as numerators and denominators, for each of its columns: of one sequence, or of several."""

    total: Float[np.ndarray, "*S K"]
    weight: Float[np.ndarray, "*S K"]

    @property
    def mean(self) -> float:
        """The metric over these sequences."""
        return pooled_mean(np.atleast_2d(self.total), np.atleast_2d(self.weight))


def tally(errors: Float[np.ndarray, "N K"], *, scale: float = 1.0) -> Tally:
    """Sum of the known errors of each column, times `scale`, and how many they are."""
    known = np.isfinite(errors)
    if known.all():
        return Tally(scale * errors.sum(axis=0), np.full(errors.shape[1], float(len(errors))))
    return Tally(scale * np.where(known, errors, 0.0).sum(axis=0), known.sum(axis=0).astype(np.float64))


@dataclass(frozen=True)
class SequenceScores:
    """The scores of one track.

    Attributes:
        sequence, track: which one.
        frames: frames that were scored.
        tallies: each metric's numerators and denominators, by name.
        person: who moves, None where unknown.
    """

    sequence: str
    track: int
    frames: int
    tallies: Mapping[str, Tally]
    person: str | None = None


@dataclass(frozen=True, eq=False)
class ScoredTracks:
    """The tracks of a set of scores, in the order of evaluation.

    Attributes:
        names, numbers: each one's sequence and track.
        frames: how many frames of each were scored (S).
        people: who moves in each, None where unknown.
    """

    names: tuple[str, ...]
    numbers: Int[np.ndarray, " S"]
    frames: Int[np.ndarray, " S"]
    people: tuple[str | None, ...]

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def clusters(self) -> Clusters:
        """The people, or else the clips, of the sequences."""
        return Clusters.of_sequences(self.names, self.people)


@dataclass(frozen=True, eq=False)
class Scores:
    """The scores of a set of sequences under one protocol.

    Attributes:
        protocol: ``full``, ``released`` or ``smoothnet``.
        joints: joint names, the columns of the metrics that have a value per joint.
        tracks: what was scored.
        tallies: each metric's numerators and denominators (S, K), by name.
        means: each metric over all sequences: ``*_mm`` in millimetres, PCK as shares of 1; NaN where no
            frame counts.
        intervals: 95 % interval of each mean over people or clips (see `Clusters`); NaN below two of them.
        resampled: each resample's score of a metric that is no mean over sequences, and so has no tally.
    """

    protocol: str
    joints: tuple[str, ...]
    tracks: ScoredTracks
    tallies: Mapping[str, Tally]
    means: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]]
    resampled: Mapping[str, Resampled] = field(default_factory=dict)

    @property
    def frames(self) -> int:
        """Frames that were scored."""
        return int(self.tracks.frames.sum())

    @property
    def sequences(self) -> int:
        """Sequences that were scored."""
        return len(self.tracks)

    @property
    def clusters(self) -> Clusters:
        """The people, or else the clips, of the sequences."""
        return self.tracks.clusters

    def per_joint(self, metric: str) -> dict[str, float]:
        """One metric for each joint by name.

        Raises:
            ValueError: no such metric, or one that has no value per joint.
        """
        if metric not in self.tallies:
            raise ValueError(f"no metric {metric!r}; there are {', '.join(self.tallies)}")
        totals, weights = self.tallies[metric]
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

    @property
    def rows(self) -> tuple[SequenceScores, ...]:
        """Each sequence's scores, made from the arrays when asked for."""
        tracks = self.tracks
        tallies = [
            {name: Tally(entry.total[i], entry.weight[i]) for name, entry in self.tallies.items()}
            for i in range(len(tracks))
        ]
        columns = (tracks.names, tracks.numbers.tolist(), tracks.frames.tolist(), tallies, tracks.people)
        return tuple(SequenceScores(*row) for row in zip(*columns, strict=True))

    def to_frame(self) -> pd.DataFrame:
        """One row a sequence: sequence, track, frames and each metric's mean over that sequence."""
        import pandas as pd  # half a second that a command without tables need not wait

        tracks = self.tracks
        return pd.DataFrame(
            {"sequence": tracks.names, "track": tracks.numbers, "frames": tracks.frames}
            | {name: mean_of_ratios(*entry) for name, entry in self.tallies.items()}
        )


class Accumulator:
    """Collects sequences one by one; keeps sums and, for the fastest frames, two numbers a frame."""

    def __init__(self, *, protocol: str, joints: tuple[str, ...]) -> None:
        self._protocol = protocol
        self._joints = joints
        self._names: list[str] = []
        self._numbers: array[int] = array("q")
        self._frames: array[int] = array("q")
        self._people: list[str | None] = []
        self._sums: dict[str, tuple[array[float], array[float]]] = {}
        self._speed: list[Float[np.ndarray, " T"]] = []
        self._error: list[Float[np.ndarray, " T"]] = []

    def add(
        self,
        row: SequenceScores,
        *,
        speed: Float[np.ndarray, " T"] | None = None,
        error: Float[np.ndarray, " T"] | None = None,
    ) -> None:
        """Take in one sequence; with `speed` of the truth and `error` (mm) of its frames where 3D.

        Raises:
            ValueError: it has other metrics than the sequences before it.
        """
        if not self._names:
            self._sums = {name: (array("d"), array("d")) for name in row.tallies}
        if self._sums.keys() != row.tallies.keys():
            raise ValueError(
                f"{row.sequence}: expected scores of {', '.join(self._sums)}, as of the sequences before, "
                f"got {', '.join(row.tallies)}"
            )
        self._names.append(row.sequence)
        self._numbers.append(row.track)
        self._frames.append(row.frames)
        self._people.append(row.person)
        for name, entry in row.tallies.items():
            for kept, new in zip(self._sums[name], entry, strict=True):
                kept.frombytes(np.ascontiguousarray(new, dtype=np.float64).tobytes())
        if speed is not None and error is not None:
            self._speed.append(speed)
            self._error.append(error)

    def scores(self, *, resamples: int = 1000, seed: int = 4321) -> Scores:
        """Pool all that was added.

        Raises:
            ValueError: nothing was added.
        """
        if not self._names:
            raise ValueError("nothing to score: no sequences were given")
        S = len(self._names)
        tallies = {
            name: Tally(*(np.array(part).reshape(S, -1) for part in parts))
            for name, parts in self._sums.items()
        }
        if self._speed:
            tallies["mpjpe_fast5_mm"] = self._fast_frames()
        tracks = ScoredTracks(
            tuple(self._names),
            np.array(self._numbers, dtype=np.int64),
            np.array(self._frames, dtype=np.int64),
            tuple(self._people),
        )
        clusters = tracks.clusters.of
        return Scores(
            protocol=self._protocol,
            joints=self._joints,
            tracks=tracks,
            tallies=tallies,
            means={name: entry.mean for name, entry in tallies.items()},
            intervals={
                name: cluster_interval(
                    entry.total[None, None], entry.weight, clusters, resamples=resamples, seed=seed
                )
                for name, entry in tallies.items()
            },
        )

    def _fast_frames(self) -> Tally:
        """The fastest frames are those of the whole set, so they are known once all sequences are in."""
        fast = fast_frames(np.concatenate(self._speed))
        parts = np.split(fast, np.cumsum([len(speed) for speed in self._speed])[:-1])
        sums = [tally(error[part][:, None]) for error, part in zip(self._error, parts, strict=True)]
        return Tally(np.stack([one.total for one in sums]), np.stack([one.weight for one in sums]))


def _json(value: float) -> float | None:
    return value if math.isfinite(value) else None
