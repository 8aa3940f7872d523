"""params.yaml as stages see it, to compare with tests/reference/params (its README says how it was made)."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from stages.params.load import Params, load
from stages.params.models import ABLATED, Model

CHANNELS = 36
ABSENT = "absent"
Flat = dict[tuple[str, ...], Any]


def resolved(params: Params) -> dict[str, Any]:
    """All parameters with all defaults; an ablation as what it changes, by key with slashes."""
    found = params.model_dump(mode="json", exclude={"models", "filters", "comparators", "ablations"})
    for name, experiment in params.experiments.items():
        entry = found["experiments"][name]
        entry["models"] = {row: _model(described) for row, described in experiment.models.items()}
        if ABLATED in experiment.models:
            base = flat(entry["models"][ABLATED])
            entry["ablations"] = {
                ablation: _changes(base, flat(_model(params.model(name, ablation))))
                for ablation in params.ablations
            }
    return found


def _model(described: Model) -> dict[str, Any]:
    return described.model_dump(mode="json") | {"model": asdict(described.config(CHANNELS))}


def _changes(base: Flat, changed: Flat) -> dict[str, Any]:
    return {
        "/".join(key): changed.get(key, ABSENT)
        for key in sorted({*base, *changed})
        if base.get(key, ABSENT) != changed.get(key, ABSENT)
    }


def flat(values: Mapping[str, Any], above: tuple[str, ...] = ()) -> Flat:
    """Nested mappings by the steps that lead to a value; an empty mapping is a value."""
    found: Flat = {}
    for key, value in values.items():
        found |= (
            flat(value, (*above, key)) if isinstance(value, Mapping) and value else {(*above, key): value}
        )
    return found


def as_lines(values: Mapping[str, Any]) -> str:
    """JSON with a line for each entry of a section."""
    sections = []
    for name, section in values.items():
        lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in section.items()]
        sections.append(f"{json.dumps(name)}: {{\n" + ",\n".join(f"  {line}" for line in lines) + "\n}")
    return "{" + ",\n".join(sections) + "}\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(as_lines(resolved(load())))
