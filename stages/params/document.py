"""Read params.yaml as plain data: mappings with text keys, lists, text, finite numbers, booleans and null."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, StringMark, YAMLError
from ruamel.yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent

DEEPEST = 50
"""Levels of mappings and lists: the parser crashes on thousands."""


class DocumentError(ValueError):
    """The text is not YAML, or holds something that is not plain data; one line per problem."""


def parse(text: str | bytes) -> Any:
    """The content of a YAML 1.2 text, which DVC reads the same way: `on` and `off` are words, not booleans.

    Raises:
        DocumentError: for text that is not YAML, for two equal keys in a mapping, for aliases, for keys that
            are not text, for dates and other tagged values, for infinity and NaN.
    """
    try:
        text = text if isinstance(text, str) else text.decode()
        _check_events(text)
        content = YAML(typ="safe").load(text)
    except UnicodeError as error:
        raise DocumentError(f"the file is not UTF-8 text: {error}") from None
    except DuplicateKeyError as error:
        what = (error.problem or "").split(" with value")[0].removeprefix("found duplicate key ").strip('"')
        place = _place(error.problem_mark)
        raise DocumentError(f"{place}the key {what} occurs twice in one mapping; keep one") from None
    except MarkedYAMLError as error:
        problem = " ".join(part for part in (error.context, error.problem) if part)
        raise DocumentError(
            f"{_place(error.problem_mark or error.context_mark)}not YAML: {problem}"
        ) from None
    except (YAMLError, ValueError) as error:
        if isinstance(error, DocumentError):
            raise
        raise DocumentError(f"not YAML: {' '.join(str(error).split())}") from None
    if problems := [*_problems(content, "")]:
        raise DocumentError("\n".join(problems))
    return content


def read(path: Path) -> Any:
    """The content of a YAML file, see `parse`.

    Raises:
        DocumentError: as `parse`.
        OSError: for a file that cannot be read.
    """
    return parse(path.read_bytes())


def _check_events(text: str) -> None:
    """Refuse aliases, and nesting that the parser would crash on."""
    depth = 0
    for event in YAML(typ="safe").parse(text):
        depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        place = _place(event.start_mark)
        if depth > DEEPEST:
            raise DocumentError(f"{place}nested more than {DEEPEST} levels deep")
        if isinstance(event, AliasEvent):
            raise DocumentError(
                f"{place}a YAML alias (*{event.anchor}); write the value out, or use `extends`: "
                "`dvc exp run -S` loses changes below an alias"
            )


def _place(mark: StringMark | None) -> str:
    return "" if mark is None else f"line {mark.line + 1}, column {mark.column + 1}: "


def _problems(value: Any, key: str) -> Iterator[str]:
    """What is not plain data, by dotted key."""
    where = f"{key}: " if key else ""
    match value:
        case dict():
            for name, inner in value.items():
                place = f"{key}.{name}".lstrip(".")
                if isinstance(name, str):
                    yield from _problems(inner, place)
                else:
                    yield f"{place}: expected text as the key, got {name!r}; write it in quotes"
        case list():
            for number, inner in enumerate(value):
                yield from _problems(inner, f"{key}.{number}".lstrip("."))
        case float() if not math.isfinite(value):
            yield f"{where}expected a finite number, got {value}"
        case str() | int() | float() | None:
            return
        case _:
            yield f"{where}expected text, a number, true, false or null, got {value}; write it in quotes"
