"""Presets of params.yaml: entries that take the keys of another entry and list only those that they change.

Seven rules, applied to the plain content of the file before the schema checks it:

- An entry of `datasets`, `models`, `experiments` or `tables` with the key ``extends`` takes all keys of the
  entry of that name in the same section.
- A model of an experiment takes all keys of the preset under `models` that has its name, or that ``extends``
  names; with ``extends: null`` it takes none.
- The filters of an experiment are those of `filters`, its other comparators those of `comparators`.
- The `training` or `refine` of a model with the key ``extends`` takes the keys of that of another model of
  the experiment, or else of the preset of that name; variants are not taken over.
- Where a table or summary lists experiments, a pattern (``clips-fcn*``) stands for all experiments that it
  matches.
- ``published: {figures: NAME}`` takes the figures of that name in published.yaml. They belong to one data
  set: an entry never takes them over from the entry that it extends.
- Mappings are merged key by key, other values are replaced. ``null`` in place of a mapping removes it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

from stages.params.document import read

EXTENDS = "extends"
FIGURES = "figures"
PARTS = ("training", "refine")
"""Parts of a model that may extend those of another model."""
SECTIONS = ("datasets", "models", "experiments", "tables")
"""Sections whose entries may extend each other."""

Key = tuple[str, ...]


class PresetError(ValueError):
    """An entry extends itself, or names another entry, figures or experiments that are not there."""


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
        if isinstance(models := self.content.get("models"), Mapping):
            self.content["models"] = filled = {**models}
            for row in filled:
                self._extend_parts(("models", row), filled, filled)
        for section in ("tables", "summaries"):
            if isinstance(entries := self.content.get(section), Mapping):
                self.content[section] = {
                    name: self._look_up(section, name, entry) if isinstance(entry, Mapping) else entry
                    for name, entry in entries.items()
                }

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
            kept = {k: v for k, v in base["published"].items() if k not in (FIGURES, "rows")}
            base = {**base, "published": kept}
        self.sources[section, name] = section, other
        return merge(base, {key: value for key, value in entry.items() if key != EXTENDS})

    def _look_up(self, section: str, name: str, entry: Mapping[str, Any]) -> Mapping[str, Any]:
        """A table or summary with its published figures, and with names in place of patterns."""
        key, found = f"{section}.{name}", {**entry}
        if isinstance(published := entry.get("published"), Mapping) and FIGURES in published:
            figures = published[FIGURES]
            if not isinstance(figures, str) or figures not in published_figures():
                raise PresetError(
                    f"{key}.published.{FIGURES}: expected a name in stages/params/published.yaml, "
                    f"got {figures!r}; there are {', '.join(published_figures())}"
                )
            found["published"] = {**published_figures()[figures], **published}
            del found["published"][FIGURES]
        if isinstance(experiments := entry.get("experiments"), list):
            found["experiments"] = self._matches(f"{key}.experiments", experiments)
        if isinstance(over := entry.get("over"), Mapping):
            found["over"] = {
                group: self._matches(f"{key}.over.{group}", names) if isinstance(names, list) else names
                for group, names in over.items()
            }
        return found

    def _matches(self, key: str, names: list[Any]) -> list[Any]:
        """The names, each pattern replaced by the experiments that it matches."""
        experiments = self.content.get("experiments")
        found: list[Any] = []
        for name in names:
            if not isinstance(name, str) or not set(name) & set("*?["):
                found.append(name)
                continue
            known = experiments if isinstance(experiments, Mapping) else ()
            if not (matched := [experiment for experiment in known if fnmatchcase(experiment, name)]):
                raise PresetError(f"{key}: no experiment matches {name}")
            found.extend(matched)
        return found

    def _fill_in(self, name: str, experiment: Mapping[str, Any]) -> None:
        """Give an experiment's filters and models the keys of their presets."""
        filled = self.content["experiments"][name] = {**experiment}
        models = self.content.get("models")
        for section in ("filters", "comparators"):
            if isinstance(preset := self.content.get(section), Mapping):
                filled[section] = merge(preset, experiment.get(section, {}))
                self.sources["experiments", name, section] = (section,)
        if isinstance(rows := experiment.get("models"), Mapping):
            presets = models if isinstance(models, Mapping) else {}
            filled["models"] = {
                row: self._with_preset(("experiments", name, "models", row), described, presets)
                for row, described in rows.items()
            }
            for row in filled["models"]:
                self._extend_parts(("experiments", name, "models", row), filled["models"], presets)

    def _extend_parts(self, key: Key, rows: dict[str, Any], presets: Mapping[str, Any]) -> None:
        """Give a model's training and use the keys of another model's, where they extend it."""
        described = rows[key[-1]]
        for part in PARTS if isinstance(described, Mapping) else ():
            if not isinstance(own := described.get(part), Mapping) or EXTENDS not in own:
                continue
            other = own[EXTENDS]
            known = {**presets, **rows}
            base = known[other].get(part) if isinstance(known.get(other), Mapping) else None
            if not isinstance(base, Mapping) or EXTENDS in base:
                place = ".".join(map(str, (*key, part, EXTENDS)))
                raise PresetError(
                    f"{place}: expected a model whose {part} is written out, got {other!r}; there are "
                    f"{', '.join(known)}"
                )
            base = {name: value for name, value in base.items() if name != "variants"}
            changes = {name: value for name, value in own.items() if name != EXTENDS}
            described = {**described, part: merge(base, changes)}
            self.sources[*key, part] = (*(key[:-1] if other in rows else ("models",)), other, part)
        rows[key[-1]] = described

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


@cache
def published_figures() -> Mapping[str, Any]:
    """The figures of published.yaml by name."""
    return read(Path(__file__).with_name("published.yaml"))


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
