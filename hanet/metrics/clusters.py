"""Which test sequences hang together: the people, or else the clips, that intervals and tests draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from hanet.poses.names import clip_of


@dataclass(frozen=True, eq=False)
class Clusters:
    """Sequences grouped by person, or by clip where not every person is known.

    Views of a clip, episodes and tracks lie within their cluster: they are alike, and are drawn together.

    Attributes:
        of: number of each sequence's cluster (S), from 0.
        people: how many people there are; None where one is unknown.
        clips: how many clips there are, see `clip_of`.
    """

    of: Int[np.ndarray, " S"]
    people: int | None
    clips: int

    @classmethod
    def of_sequences(cls, names: Sequence[str], people: Sequence[str | None]) -> Clusters:
        """Clusters of sequences by name, with the person of each, None where unknown."""
        clips = [clip_of(name) for name in names]
        known = [person for person in people if person is not None]
        labels = known if known and len(known) == len(clips) else clips
        number = {label: i for i, label in enumerate(dict.fromkeys(labels))}
        return cls(
            of=np.array([number[label] for label in labels], dtype=np.int64),
            people=len(number) if labels is known else None,
            clips=len(set(clips)),
        )

    @property
    def count(self) -> int:
        """Number of clusters."""
        return int(self.of.max()) + 1 if len(self.of) else 0

    def words(self, *, seeds: int = 0, estimators: int = 0) -> str:
        """What an interval is over: ``6 people, 12 clips, 3 seeds``; clips alone where people are unknown."""
        counts = [] if self.people is None else [_counted(self.people, "person", "people")]
        counts.append(_counted(self.clips, "clip", "clips"))
        counts += [_counted(seeds, "seed", "seeds")] if seeds else []
        counts += [_counted(estimators, "estimator", "estimators")] if estimators > 1 else []
        return ", ".join(counts)


def _counted(count: int, one: str, several: str) -> str:
    return f"{count} {one if count == 1 else several}"
