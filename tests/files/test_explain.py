"""Validation errors in words."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, ValidationError, field_validator

from hanet.files.explain import explain, shown


class Inner(BaseModel, extra="forbid"):
    share: float = Field(default=0.5, gt=0, lt=1)
    steps: Annotated[list[int], Field(min_length=1, max_length=2)] = [1]


class Cat(BaseModel, extra="forbid"):
    kind: Literal["cat"]
    lives: int = Field(default=9, ge=1, le=9)


class Dog(BaseModel, extra="forbid"):
    kind: Literal["dog"]


class Outer(BaseModel, extra="forbid"):
    inner: Inner | None = None
    either: Inner | list[str] | None = None
    number: int | float = 1
    by_name: dict[str, Inner] = {}
    pair: tuple[float, float] = (0.0, 1.0)
    pets: list[Annotated[Cat | Dog, Field(discriminator="kind")]] = []
    mode: Literal["on", "off"] = "on"
    flag: bool = False
    text: str = Field(default="a", min_length=1)

    @field_validator("mode")
    @classmethod
    def _mode(cls, value: str) -> str:
        if value == "off":
            raise ValueError("expected on today, got off")
        return value


@pytest.mark.parametrize(
    ("values", "lines"),
    [
        ({"inner": {"share": 2}}, ["inner.share: expected a number below 1, got 2"]),
        ({"inner": {"share": 0}}, ["inner.share: expected a number above 0, got 0"]),
        ({"inner": {"sahre": 0}}, ["inner.sahre: unknown key; known here: share, steps"]),
        ({"inner": 3}, ["inner: expected a mapping, got 3"]),
        ({"inner": {"steps": []}}, ["inner.steps: expected 1 or more entries, got []"]),
        ({"inner": {"steps": [1, 2, 3]}}, ["inner.steps: expected 2 entries or fewer, got [1, 2, 3]"]),
        ({"inner": {"steps": [1, True]}}, ["inner.steps.1: expected an integer, got true"]),
        ({"inner": {"steps": [2.0]}}, ["inner.steps.0: expected an integer, got 2.0; write 2"]),
        ({"inner": {"steps": ["2"]}}, ['inner.steps.0: expected an integer, got "2"; remove the quotes']),
        ({"by_name": {"a": {"share": "x"}}}, ['by_name.a.share: expected a number, got "x"']),
        ({"by_name": {"a": None}}, ["by_name.a: expected a mapping, got null; write {} for an empty one"]),
        ({"pair": [1.0]}, ["pair: expected more entries, got [1.0]"]),
        ({"pair": 1.0}, ["pair: expected a list, got 1.0"]),
        ({"pets": [{"kind": "cat", "lives": 10}]}, ["pets.0.lives: expected a number of at most 9, got 10"]),
        ({"pets": [{"kind": "cow"}]}, ['pets.0.kind: expected one of cat, dog, got "cow"']),
        ({"pets": [{}]}, ["pets.0.kind: missing, but required"]),
        ({"mode": "of"}, ['mode: expected on or off, got "of"']),
        ({"mode": "off"}, ["mode: expected on today, got off"]),
        ({"flag": 1, "text": ""},
         ["flag: expected true or false, got 1", 'text: expected text of at least 1 characters, got ""']),
        ({"text": 3}, ["text: expected text, got 3; write it in quotes"]),
        # Unions: one line, of the type that the value was meant to be where that is plain.
        ({"either": {"share": 2}}, ["either.share: expected a number below 1, got 2"]),
        ({"either": [1]}, ["either.0: expected text, got 1; write it in quotes"]),
        ({"either": "x"}, ['either: expected a mapping or a list, got "x"']),
        ({"number": "x"}, ['number: expected a number, got "x"']),
    ],
)  # fmt: skip
def test_what_is_wrong_by_key(values: dict[str, Any], lines: list[str]) -> None:
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate(values, strict=not isinstance(values.get("pair"), list))
    assert explain(caught.value, Outer.model_json_schema()) == lines


def test_values_are_shown_as_in_the_file() -> None:
    assert shown({"a": [None, True, "é"]}) == '{"a": [null, true, "é"]}'
    assert shown("x" * 100) == '"' + "x" * 58 + "…"
    assert shown({1, 2}) == "{1, 2}"
