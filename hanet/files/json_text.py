"""JSON that may be damaged or of another kind: one error that names the file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypeVar

T = TypeVar("T", dict, list)
_NAMES = {dict: "object", list: "array", str: "string", bool: "boolean", int: "number", float: "number"}


def parse_json(text: str | bytes, kind: type[T], *, where: str, remedy: str) -> T:
    """Parse a JSON object (`dict`) or array (`list`).

    Args:
        text: as UTF-8 where it is bytes.
        kind: what the document must be.
        where: the file, for the message.
        remedy: what to do about a damaged file, for the message.

    Raises:
        ValueError: not JSON, nested too deeply, or of another kind.
    """
    try:
        value = json.loads(text)
    except RecursionError:
        raise ValueError(f"{where}: expected JSON, got one nested too deeply; {remedy}") from None
    except ValueError as error:
        raise ValueError(f"{where}: expected JSON, got other content ({error}); {remedy}") from error
    if not isinstance(value, kind):
        got = "null" if value is None else f"a JSON {_NAMES[type(value)]}"
        raise ValueError(f"{where}: expected a JSON {_NAMES[kind]}, got {got}; {remedy}")
    return value


def read_json(path: Path, kind: type[T], *, remedy: str) -> T:
    """Read a file as `parse_json` does.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not JSON, nested too deeply, or of another kind; the message names the file.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: no such file; {remedy}") from None
    return parse_json(content, kind, where=str(path), remedy=remedy)
