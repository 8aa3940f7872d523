"""Presets of params.yaml: entries that take the keys of another entry and list only those that they change.

Four rules, applied to the plain content of the file before the schema checks it:

- An entry of `datasets`, `models`, `experiments` or `tables` with the key ``extends`` takes all keys of the
  entry of that name in the same section.
- A model of an experiment takes all keys of the preset under `models` that has its name, or that ``extends``
  names; with ``extends: null`` it takes none.
- The filters of an experiment are those of `filters`.
- Mappings are merged key by key, other values are replaced. ``null`` in place of a mapping removes it.

Figures that others published are never taken over: they belong to one data set.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

EXTENDS = "extends"
SECTIONS = ("datasets", "models", "experiments", "tables")
"""Sections whose entries may extend each other."""

Key = tuple[str, ...]


class PresetError(ValueError):
    """An entry extends one that does not exist, or itself."""


class Presets:
    """The content of params.yaml with all presets filled in.

    Attributes:
        content: the filled-in content; what has the wrong type is left as it is, for the schema to report.
        sources: for each entry that takes keys from another one, by key: the key of that other entry.
    """

    def __init__(self, content: Any) -> None:
        self.sources: dict[Key, Key] = {}
        self.content = content
        if not isinstance(content, Mapping):
            return
        self.content = {**content}
        for section in SECTIONS:
            if isinstance(entries := content.get(section), Mapping):
                self.content[section] = {name: self._extend(section, name, entries, ()) for name in entries}
        experiments = self.content.get("experiments")
        for name, experiment in experiments.items() if isinstance(experiments, Mapping) else ():
            if isinstance(experiment, Mapping):
                self._fill_in(name, experiment)

    def origins(self, key: Key) -> Iterator[Key]:
        """The keys that a value may have been taken from, nearest first."""
        for length in range(len(key), 0, -1):
            if source := self.sources.get(key[:length]):
                origin = (*source, *key[length:])
                yield origin
                yield from self.origins(origin)

    def _extend(self, section: str, name: str, entries: Mapping[str, Any], below: tuple[str, ...]) -> Any:
        """An entry with the keys of the entry that it extends; `below` are those that extend this one."""
        entry = entries[name]
        if not isinstance(entry, Mapping) or EXTENDS not in entry:
            return entry
        other = entry[EXTENDS]
        if not isinstance(other, str) or other not in entries:
            raise PresetError(
                f"{section}.{name}.{EXTENDS}: expected the name of another entry of {section}, "
                f"got {other!r}; there are {', '.join(entries)}"
            )
        if other in (name, *below):
            raise PresetError(f"{section}.{name}.{EXTENDS}: {other} extends itself; break the circle")
        base = self._extend(section, other, entries, (name, *below))
        if section == "tables" and isinstance(base, Mapping) and isinstance(base.get("published"), Mapping):
            base = {**base, "published": {k: v for k, v in base["published"].items() if k != "rows"}}
        self.sources[section, name] = section, other
        return merge(base, {key: value for key, value in entry.items() if key != EXTENDS})

    def _fill_in(self, name: str, experiment: Mapping[str, Any]) -> None:
        """Give an experiment's filters and models the keys of their presets."""
        filled = self.content["experiments"][name] = {**experiment}
        filters, models = (self.content.get(section) for section in ("filters", "models"))
        if isinstance(filters, Mapping):
            filled["filters"] = merge(filters, experiment.get("filters", {}))
            self.sources["experiments", name, "filters"] = ("filters",)
        if isinstance(rows := experiment.get("models"), Mapping):
            presets = models if isinstance(models, Mapping) else {}
            filled["models"] = {
                row: self._with_preset(("experiments", name, "models", row), described, presets)
                for row, described in rows.items()
            }

    def _with_preset(self, key: Key, row: Any, presets: Mapping[str, Any]) -> Any:
        """A model of an experiment, with the keys of its preset if it has one."""
        if not isinstance(row, Mapping):
            return row
        preset = row.get(EXTENDS, key[-1])
        if preset is None:
            return {name: value for name, value in row.items() if name != EXTENDS}
        if isinstance(preset, str) and preset in presets:
            self.sources[key] = "models", preset
            return merge(presets[preset], {name: value for name, value in row.items() if name != EXTENDS})
        if EXTENDS in row or not row:
            place = ".".join(map(str, key))
            names = ", ".join(presets) or "none"
            raise PresetError(f"{place}: there is no preset {preset!r} under models; there are {names}")
        return row


def merge(base: Any, changes: Any) -> Any:
    """A mapping with changes: mappings merged, other values replaced, ``null`` removes a mapping."""
    if not isinstance(base, Mapping) or not isinstance(changes, Mapping):
        return changes
    merged = {**base}
    for key, value in changes.items():
        if value is None and isinstance(base.get(key), Mapping):
            del merged[key]
        elif key in base:
            merged[key] = merge(base[key], value)
        else:
            merged[key] = value
    return merged
