"""One person in one frame of an update, and how it goes into the lists of a document."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float


@dataclass(frozen=True, eq=False)
class Row:
    """One frame of an update: what a person's entry should hold.

    Attributes:
        values: (J, 2) coordinates in the unit of the track, NaN for missing joints.
        changed: joints with new coordinates.
        filled: those of them that were missing.
        dropped: joints that have no coordinates any more.
    """

    values: Float[np.ndarray, "J 2"]
    changed: Bool[np.ndarray, " J"]
    filled: Bool[np.ndarray, " J"]
    dropped: Bool[np.ndarray, " J"]


Put = Callable[[Any, Row], None]
"""Write one person's new numbers into the person's entry of a document."""


def filled_score(score: Any) -> float | int:
    """The score of a filled joint: what the source says, 0 where that marks the joint as missing.

    So a program that looks at scores still knows which joints were seen.
    """
    ok = isinstance(score, (int, float)) and not isinstance(score, bool) and score >= 0
    return score if ok else 0.0


def put_triples(
    values: list[Any], row: Row, *, first: int = 0, count: int | None = None, flag: bool = False
) -> None:
    """Write joints into a flat list of x, y and score; joints that did not change keep their notation.

    Args:
        values: the list, changed in place.
        row: the numbers.
        first: joint of the row that the list begins with.
        count: joints in the list; None for the rest of the row.
        flag: the third number is COCO's visibility: a filled joint gets 1, "labelled but not visible".
    """
    stop = len(row.values) if count is None else first + count
    found = row.values[first:stop].tolist()
    for j in np.flatnonzero((row.changed | row.dropped)[first:stop]).tolist():
        score = values[3 * j + 2]
        if row.dropped[first + j]:
            values[3 * j : 3 * j + 3] = [0, 0, 0]
            continue
        if row.filled[first + j]:
            score = (score or 1) if flag else filled_score(score)
        values[3 * j : 3 * j + 3] = [*found[j], score]
