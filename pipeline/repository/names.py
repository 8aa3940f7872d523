"""What names, stages and revisions may look like: they become arguments of commands and parts of paths.

DVC inserts names from params.yaml into shell commands before any stage validates them, so they are checked
before they are written. No name begins with a dash or a dot, or contains a space, a slash or a shell's
special character.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hanet.options import NAME, name
from stages.params.names import LONGEST

STAGE = rf"{NAME}(@{NAME})?"
"""A stage or a group of stages: `train@clips-fcn-hanet-4321`, `train`."""
KEY = r"[A-Za-z0-9_@-]+"
"""One part of the path to a parameter."""
REVISION = r"[A-Za-z0-9_][A-Za-z0-9_./@^~{}-]*"
"""A git revision."""
RUN = "run"
"""The section of params.yaml whose names dvc.yaml inserts into commands."""


def invalid_names(params: dict[str, Any]) -> Iterator[str]:
    """Yield each text under `run` that is not a name, with its place: `run.datasets.0: 'x; id'`."""
    yield from _invalid(params.get(RUN), RUN)


def _invalid(value: Any, place: str) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _invalid(key, f"{place} (key)")
            yield from _invalid(inner, f"{place}.{key}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _invalid(inner, f"{place}.{index}")
    elif value is not None and not isinstance(value, bool | int | float):
        text = str(value)
        try:
            name(text)
        except ValueError:
            yield f"{place}: {value!r}" if len(text) <= LONGEST else _long(place, text)
        else:
            if len(text) > LONGEST:
                yield _long(place, text)


def _long(place: str, text: str) -> str:
    return f"{place}: {text[:20]!r} … ({len(text)} characters, at most {LONGEST})"
