"""What every section of params.yaml is, and the types that many of them share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

SPLITS = ("train", "val", "test")


class Section(BaseModel):
    """A mapping whose keys are all known; the library's dataclasses below it are held to the same."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def once(names: list[Any]) -> list[Any]:
    """The names, where none is listed twice."""
    if twice := sorted({str(name) for name in names if names.count(name) > 1}):
        raise ValueError(f"listed more than once: {', '.join(twice)}")
    return names


def three_splits(value: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """Names by split, where there are all three and no name is in two."""
    if set(value) != set(SPLITS):
        raise ValueError(f"expected the splits {', '.join(SPLITS)}, got {', '.join(value)}")
    once([name for names in value.values() for name in names])
    return value


Seed = Annotated[int, Field(ge=0)]
Names = Annotated[list[str], Field(min_length=1), AfterValidator(once)]


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as dotted keys."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= flatten(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return flat
