"""Base class of the networks' configurations: checked by pydantic, to and from plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from functools import cache
from typing import Annotated, Any, TypeVar, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from hanet.files.explain import explain
from hanet.options import Section

S = TypeVar("S", bound="Settings")
LONGEST_WINDOW = 10_000
"""Frames; published windows have 8 to 201, and matrices over a window grow with its square."""

Count = Annotated[int, Field(ge=1)]
Window = Annotated[int, Field(ge=1, le=LONGEST_WINDOW)]
Fraction = Annotated[float, Field(ge=0, lt=1)]
"""A share below 1. Integers are kept, so `to_dict` returns the values given."""


@dataclass(frozen=True)
class Settings:
    """A frozen dataclass of plain values; the types of its fields are checked as in params.yaml.

    Raises:
        ValueError: one line that names every invalid field, the expected and the given value.
    """

    def __post_init__(self) -> None:
        _validate(type(self), vars(self))
        self._check()

    def _check(self) -> None:
        """Check the fields against each other, after their types."""

    @classmethod
    def from_dict(cls: type[S], values: Mapping[str, Any]) -> S:
        """The configuration of a mapping.

        Raises:
            ValueError: as the class, or unknown or missing keys.
        """
        _validate(cls, values)
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """All settings as plain values, for JSON or YAML."""
        return asdict(self)

    def _require(self, ok: bool, name: str, expected: str) -> None:
        """Refuse the value of field `name` where it is not `ok`."""
        if not ok:
            raise ValueError(f"{name} must be {expected}, got {getattr(self, name)!r}")

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


class _Strict(Section):
    model_config = ConfigDict(strict=True)


@cache
def _schema(kind: type[Settings]) -> type[BaseModel]:
    """The fields of a configuration as a pydantic model, which refuses unknown keys."""
    hints = get_type_hints(kind, include_extras=True)
    described: dict[str, Any] = {
        field.name: (hints[field.name], ... if field.default is MISSING else field.default)
        for field in fields(kind)
    }
    return create_model(kind.__name__, __base__=_Strict, **described)


def _validate(kind: type[Settings], values: Mapping[str, Any]) -> None:
    schema = _schema(kind)
    try:
        schema.model_validate(dict(values))
    except ValidationError as error:
        raise ValueError("; ".join(explain(error, schema.model_json_schema()))) from None
