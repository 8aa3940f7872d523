"""Changes of single parameters: `path.to.key=value` applied to the content of params.yaml."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

from stages.params.document import DocumentError, parse
from stages.params.presets import Key, PresetError, Presets


class OverrideError(ValueError):
    """A change that does not fit params.yaml."""


def put(params: Any, override: str) -> None:
    """Apply one change to nested mappings, in place.

    `key=value` changes a key that exists, `+key=value` adds one, with the sections above it. Values are YAML,
    so `[1, 2]` is a list.

    Raises:
        OverrideError: naming the part of the path that does not exist and what does, or the value that is not
            YAML.
    """
    path, equals, text = override.partition("=")
    adds = path.startswith("+")
    key = tuple(path.removeprefix("+").strip().split("."))
    if not equals or not all(key):
        raise OverrideError(f"expected key.of.params=value, got {override!r}")
    try:
        value = parse(text)
    except DocumentError as error:
        raise OverrideError(f"{override!r}: the value does not fit: {error}") from None
    section = params
    for length, step in enumerate(key):
        if not isinstance(section, dict):
            above = ".".join(key[:length])
            raise OverrideError(f"{override!r}: {above} is {section!r}, which has no keys")
        if step not in section and not adds:
            raise OverrideError(f"{override!r}: {_missing(params, section, key, length, text)}")
        if length == len(key) - 1:
            section[step] = value
        elif section.get(step) is None and adds:
            section[step] = {}
        section = section[step]


def _missing(params: Any, section: dict[str, Any], key: Key, length: int, text: str) -> str:
    """What to type instead of a key that does not exist."""
    if (origin := _preset(params, key)) is not None:
        return (
            f"{'.'.join(key)} comes from a preset; change it there ({'.'.join(origin)}={text}) or only here "
            f"(+{'.'.join(key)}={text})"
        )
    where = ".".join(key[:length]) or "params.yaml"
    near = get_close_matches(key[length], [*section]) or [*section]
    return (
        f"{where} has no key {key[length]!r}; it has {', '.join(near) or 'none'} (to add a key, begin with +)"
    )


def _preset(params: Any, key: Key) -> Key | None:
    """The key of the preset that a value is taken from, if it is."""
    try:
        presets = Presets(params)
    except PresetError:
        return None
    return next((origin for origin in presets.origins(key) if _exists(params, origin)), None)


def _exists(section: Any, key: Key) -> bool:
    for step in key:
        if not isinstance(section, dict) or step not in section:
            return False
        section = section[step]
    return True
