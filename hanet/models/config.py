"""What the networks' configurations share: to and from plain values, and checks that name the field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any, TypeVar

S = TypeVar("S", bound="Settings")


@dataclass(frozen=True)
class Settings:
    """A frozen dataclass of plain values; a subclass is called ``<Network>Config``."""

    @classmethod
    def from_dict(cls: type[S], values: Mapping[str, Any]) -> S:
        """The configuration of a mapping; a ValueError names keys that are unknown or missing."""
        network = cls.__name__.removesuffix("Config")
        known = {f.name: f.default is MISSING for f in fields(cls)}
        if unknown := sorted(set(values) - set(known)):
            raise ValueError(
                f"unknown {network} settings {', '.join(unknown)}; known: {', '.join(sorted(known))}"
            )
        if missing := [name for name, required in known.items() if required and name not in values]:
            raise ValueError(f"missing {network} settings {', '.join(missing)}")
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """All settings as plain values, for JSON or YAML."""
        return asdict(self)

    def _require(self, ok: bool, name: str, expected: str) -> None:
        """Refuse the value of field `name` where it is not `ok`."""
        if not ok:
            raise ValueError(f"{name} must be {expected}, got {getattr(self, name)!r}")

    def _require_whole(self, *names: str) -> None:
        """Refuse fields that are not whole numbers of at least 1."""
        for name in names:
            value = getattr(self, name)
            whole = isinstance(value, int) and is_number(value) and value >= 1
            self._require(whole, name, "a whole number of at least 1")

    def _require_flags(self, *names: str) -> None:
        """Refuse fields that are neither True nor False."""
        for name in names:
            self._require(isinstance(getattr(self, name), bool), name, "true or false")

    def _require_share(self, *names: str) -> None:
        """Refuse fields that are no share of a whole, or all of it."""
        for name in names:
            value = getattr(self, name)
            self._require(is_number(value) and 0 <= value < 1, name, "in [0, 1)")

    def _require_heads(self, hidden: int, heads: int) -> None:
        """Refuse a `hidden` width that cannot hold pairs of sine and cosine, or equal heads."""
        fits = hidden % heads == 0 and hidden % 2 == 0
        self._require(fits, "hidden", f"even and a multiple of heads={heads}")

    def _require_window(self, window: int, interval: int) -> None:
        """Refuse a `window` whose first and last frame are not both watched."""
        nearest = max(window - 1, interval) // interval * interval + 1
        self._require(
            window > interval and (window - 1) % interval == 0,
            "window",
            f"interval·Q + 1 with Q ≥ 1 (its first and last frame are watched; interval is {interval}, "
            f"nearest window {nearest})",
        )


def is_number(value: object) -> bool:
    """True for int and float, which bool is not."""
    return isinstance(value, int | float) and not isinstance(value, bool)
