"""Leaks between splits that are known and allowed; `hanet.datasets.common.leakage` is the guard."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["clip", "group", "sequence", "frame"]


@dataclass(frozen=True)
class Declaration:
    """A leak that is known and allowed, to be stated with every number.

    Attributes:
        splits: the two splits, in either order.
        kinds: which kinds of leak between them are allowed.
        reason: why, in words for the reader of the numbers.
    """

    splits: tuple[str, str]
    kinds: tuple[Kind, ...]
    reason: str

    def __post_init__(self) -> None:
        if not self.reason.strip():
            raise ValueError(f"the declared leak between {' and '.join(self.splits)} needs a reason")

    def covers(self, kind: Kind, splits: tuple[str, str]) -> bool:
        """Whether it allows a leak of this kind between these splits."""
        return kind in self.kinds and set(splits) == set(self.splits)
