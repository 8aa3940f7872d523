"""Base class of all options in params.yaml, and types shared by many of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

SPLITS = ("train", "val", "test")
NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"
"""A name, as a pattern for forms; `name` checks one."""


class Section(BaseModel):
    """A mapping without unknown keys; the rule also applies to dataclasses within it."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def name(text: str) -> str:
    """A name that is safe as part of a path, a dotted key and a command.

    Raises:
        ValueError: for other text.
    """
    if not re.fullmatch(NAME, text) or ".." in text:
        raise ValueError(
            "expected a name of letters, digits, '.', '_' and '-' (first a letter or digit, no '..'), "
            f"got {text!r}"
        )
    return text


def once(items: list[Any]) -> list[Any]:
    """Check that no item is listed twice; return the items.

    Raises:
        ValueError: a repeated item.
    """
    if twice := sorted({str(item) for item in items if items.count(item) > 1}):
        raise ValueError(f"listed more than once: {', '.join(twice)}; keep one of each")
    return items


def three_splits(value: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """Check a mapping of splits to items; return it.

    Raises:
        ValueError: a split is missing or unknown, or an item is in two splits.
    """
    if set(value) != set(SPLITS):
        raise ValueError(f"expected the splits {', '.join(SPLITS)}, got {', '.join(value) or 'none'}")
    once([item for items in value.values() for item in items])
    return value


Seed = Annotated[int, Field(ge=0)]
Name = Annotated[str, AfterValidator(name)]
Names = Annotated[list[Name], Field(min_length=1), AfterValidator(once)]
Text = Annotated[str, Field(min_length=1)]
Texts = Annotated[list[Text], Field(min_length=1), AfterValidator(once)]


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as dotted keys."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= flatten(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return flat
