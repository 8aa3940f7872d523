"""Validation errors in words: which key, what was expected, what it holds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

Key = tuple[str, ...]
"""The steps that lead to a value."""
LONGEST = 60
"""Characters of a value that a message shows."""

_EXPECTED = {
    "int_type": "an integer",
    "int_from_float": "an integer",
    "int_parsing": "an integer",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "string_type": "text",
    "list_type": "a list",
    "tuple_type": "a list",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "dataclass_type": "a mapping",
    "dataclass_exact_type": "a mapping",
    "dict_type": "a mapping",
    "greater_than": "a number above {gt:g}",
    "greater_than_equal": "a number of at least {ge:g}",
    "less_than": "a number below {lt:g}",
    "less_than_equal": "a number of at most {le:g}",
    "too_short": "{min_length} or more entries",
    "too_long": "{max_length} entries or fewer",
    "string_too_short": "text of at least {min_length} characters",
    "string_pattern_mismatch": "text that matches {pattern}",
}
"""What was expected, by pydantic's type of error."""


def explain(error: ValidationError, schema: dict[str, Any]) -> list[str]:
    """A line for each wrong key, see `problems`."""
    found = problems(error, schema)
    return [f"{'.'.join(key)}: {problem}" if key else problem for key, problem in found.items()]


def problems(error: ValidationError, schema: dict[str, Any]) -> dict[Key, str]:
    """What is wrong, by key.

    Args:
        error: what pydantic found.
        schema: the JSON schema of what was validated, which knows the keys of each section.
    """
    found: dict[Key, str] = {}
    of_union: set[Key] = set()
    for detail in error.errors():
        key, known, union = _locate(detail["loc"], schema)
        key, problem = _problem(detail, key, known)
        if union:
            problem = _either(found.get(key), problem)
            of_union.add(key)
        found[key] = problem
    # A value that fits no type of a union is one problem: the one in the section that it was meant to be.
    return {
        key: problem
        for key, problem in found.items()
        if key not in of_union
        or not any(len(other) > len(key) and other[: len(key)] == key for other in found)
    }


def shown(value: Any) -> str:
    """A value as JSON has it, cut where it is long."""
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        text = repr(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _problem(detail: Any, key: Key, known: list[str]) -> tuple[Key, str]:
    """The key of an error, and what is wrong with it."""
    kind, value, context = detail["type"], detail["input"], detail.get("ctx", {})
    got = f"got {shown(value)}"
    match kind:
        case "value_error":  # raised by a validator, which says what it got
            return key, str(context["error"])
        case "missing" if isinstance(detail["loc"][-1], int):
            return key[:-1], f"expected more entries, {got}"
        case "missing":
            return key, "missing, but required"
        case "extra_forbidden" | "unexpected_keyword_argument":
            return key, f"unknown key; known here: {', '.join(known)}"
        case "union_tag_not_found":
            return (*key, "kind"), "missing, but required"
        case "union_tag_invalid":
            tags = context["expected_tags"].replace("'", "")
            return (*key, "kind"), f"expected one of {tags}, got {shown(context['tag'])}"
        case "literal_error":
            return key, f"expected {context['expected'].replace(chr(39), '')}, {got}"
    if kind in _EXPECTED:
        return key, f"expected {_EXPECTED[kind].format(**context)}, {got}{_remedy(kind, value)}"
    return key, f"{detail['msg'][:1].lower()}{detail['msg'][1:]}, {got}"


def _either(first: str | None, second: str) -> str:
    """What to say of a value that fits neither of two types of a union."""
    types = {
        f"expected {what}": what for what in ("a mapping", "a list", "text", "true or false", "a number")
    }
    one, two = (types.get((problem or "").partition(", got ")[0]) for problem in (first, second))
    if one is None or two is None or one == two:
        return second
    return f"expected {one} or {second.removeprefix('expected ')}"


def _remedy(kind: str, value: Any) -> str:
    """What to write instead, where that is plain."""
    if kind == "int_type" and isinstance(value, float) and value.is_integer():
        return f"; write {int(value)}"
    if value is None and _EXPECTED[kind] == "a mapping":
        return "; write {} for an empty one"
    if kind == "string_type" and isinstance(value, int | float):
        return "; write it in quotes"
    if kind in ("int_type", "float_type") and isinstance(value, str) and _is_number(value):
        return "; remove the quotes"
    return ""


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _locate(steps: tuple[int | str, ...], schema: Mapping[str, Any]) -> tuple[Key, list[str], bool]:
    """The key that the steps of an error lead to, the keys known beside it, and whether it is of a union."""
    node, key, known, union = schema, [], [], False
    for step, after in zip(steps, (*steps[1:], None), strict=False):
        if step == "[key]":  # the key itself is wrong, not its value
            break
        node = _resolve(node, schema)
        if "discriminator" in node:  # the step names the section of a union, and is no key
            node = {"$ref": node["discriminator"]["mapping"][step]}
        elif "anyOf" in node:  # the step names the type of a union
            union = True
            if (chosen := _option(node["anyOf"], step, after)) is None:
                break
            node = chosen
        else:
            key.append(str(step) if str(step).isprintable() else repr(step))
            union = False
            known = sorted(node.get("properties", {}))
            below = node.get("properties", {}).get(step)
            node = below or node.get("additionalProperties") or _item(node, step) or {}
    return tuple(key), known, union


def _option(options: list[dict[str, Any]], step: int | str, after: int | str | None) -> dict[str, Any] | None:
    """The type of a union that a step names, where the error is below it: a section, or its only list."""
    named = [option for option in options if option.get("$ref", "").endswith(f"/{step}")]
    lists = [option for option in options if option.get("type") == "array" and isinstance(after, int)]
    found = named or lists
    return found[0] if len(found) == 1 else None


def _item(node: Mapping[str, Any], step: int | str) -> Any:
    """The schema of an item of a list."""
    if isinstance(step, int) and step < len(first := node.get("prefixItems", ())):
        return first[step]
    return node.get("items")


def _resolve(node: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a reference refers to; of a section that may be left out, the section."""
    while True:
        sections = [option for option in node.get("anyOf", ()) if option.get("type") != "null"]
        if "$ref" in node:
            node = schema["$defs"][node["$ref"].rsplit("/", 1)[1]]
        elif len(sections) == 1:
            node = sections[0]
        else:
            return node


def first_fault(error: ValidationError) -> str:
    """The first place that is wrong, and how many there are: for files, whose schema is nobody's to read."""
    first = error.errors(include_url=False)[0]
    place = ".".join(map(str, first["loc"])) or "file"
    return f"{place}: {first['msg']} ({error.error_count()} such faults)"
