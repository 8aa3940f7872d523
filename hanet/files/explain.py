"""Validation errors in words: which key, what it holds, what it may be."""

from __future__ import annotations

import reprlib
from typing import Any

from pydantic import ValidationError


def explain(error: ValidationError, schema: dict[str, Any]) -> list[str]:
    """A line for every key that is wrong.

    Args:
        error: what pydantic found.
        schema: the JSON schema of what was validated, which knows the keys of every section.
    """
    # By key: a value that fits no type of a union is one problem, not one for each type.
    problems = dict(_problem(detail, schema) for detail in error.errors())
    return [f"{key}: {problem}" if key else problem for key, problem in problems.items()]


def _problem(detail: Any, schema: dict[str, Any]) -> tuple[str, str]:
    """The key of an error, and what is wrong with it."""
    key, known = _locate(detail["loc"], schema)
    got = reprlib.repr(detail["input"])
    match detail["type"]:
        case "value_error":  # of this module or of the library: says itself what came
            return key, str(detail["ctx"]["error"])
        case "missing":
            return key, "missing"
        case "extra_forbidden" | "unexpected_keyword_argument":
            return key, f"unknown key; known here: {', '.join(known)}"
        case "union_tag_not_found":
            return f"{key}.kind", "missing"
        case "union_tag_invalid":
            tag, tags = detail["ctx"]["tag"], detail["ctx"]["expected_tags"]
            return f"{key}.kind", f"expected one of {tags}; got {tag!r}"
        case "model_type" | "model_attributes_type" | "dataclass_type" | "dict_type":
            return key, f"expected a mapping; got {got}"
        case "too_short":
            return key, f"expected at least {detail['ctx']['min_length']} of them; got {got}"
    return key, f"{detail['msg'].replace('Input should', 'should')}; got {got}"


def _locate(steps: tuple[int | str, ...], schema: dict[str, Any]) -> tuple[str, list[str]]:
    """The key that the steps of an error lead to, and all keys known in the section that holds it."""
    node, key, known = schema, [], []
    for step in steps:
        node = _resolve(node, schema)
        if "discriminator" in node:  # the step tells which of a union's sections it is, and is no key
            node = {"$ref": node["discriminator"]["mapping"][step]}
            continue
        if "anyOf" in node:  # the step tells which of a union's types was tried
            break
        key.append(str(step))
        known = sorted(node.get("properties", {}))
        below = node.get("properties", {}).get(step)
        node = below or node.get("additionalProperties") or node.get("items") or {}
    return ".".join(key), known


def _resolve(node: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
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
