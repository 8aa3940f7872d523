"""Known and allowed leaks between splits; `hanet.datasets.common.leakage` is the guard."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["clip", "group", "body", "sequence", "frame"]


@dataclass(frozen=True)
class Declaration:
    """A known and allowed leak, reported with every number.

    Attributes:
        splits: the two splits, in either order.
        kinds: the allowed kinds of leak between them.
        reason: why it is allowed, for the reader of the numbers.
    """

    splits: tuple[str, str]
    kinds: tuple[Kind, ...]
    reason: str

    def __post_init__(self) -> None:
        if not self.reason.strip():
            raise ValueError(f"the declared leak between {' and '.join(self.splits)} needs a reason")

    def covers(self, kind: Kind, splits: tuple[str, str]) -> bool:
        """True where this allows a leak of this kind between these splits."""
        return kind in self.kinds and set(splits) == set(self.splits)
