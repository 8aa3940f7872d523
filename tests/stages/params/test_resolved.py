"""Presets give the values that params.yaml had when every experiment was written out."""

from __future__ import annotations

import json
from typing import Any

import pytest

from stages.params.load import load
from tests.support.paths import ROOT
from tests.support.resolved_params import flat, resolved

EXPECTED: dict[str, Any] = json.loads(ROOT.joinpath("tests/reference/params/resolved.json").read_text())


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    """Plain data, as the file holds it."""
    return json.loads(json.dumps(resolved(load(ROOT / "params.yaml"))))


def test_every_value_is_what_it_was(found: dict[str, Any]) -> None:
    """Entries that are new since are left out."""
    expected, now = flat(EXPECTED), flat(found)
    entries = {key[:2] for key in expected}
    changed = {
        ".".join(key): (expected.get(key, "absent"), now.get(key, "absent"))
        for key in sorted({*expected, *(key for key in now if key[:2] in entries)})
        if expected.get(key, "absent") != now.get(key, "absent")
    }
    assert changed == {}
    assert len(expected) > 3000


def test_rows_are_in_the_order_that_they_had(found: dict[str, Any]) -> None:
    """Of models and filters, which make rows; of a filter's grid, where ties go to the first; of tables."""
    for name, experiment in EXPECTED["experiments"].items():
        now = found["experiments"][name]
        for key in ("models", "filters"):
            assert list(now[key]) == list(experiment[key]), name
        for row, model in experiment["models"].items():
            assert list(now["models"][row]["refine"]["variants"]) == list(model["refine"]["variants"]), name
        for row, grid in experiment["filters"].items():
            assert list(now["filters"][row]) == list(grid), name
    assert [name for name in found["tables"] if name in EXPECTED["tables"]] == list(EXPECTED["tables"])
    for section in ("tables", "summaries"):
        for name, table in EXPECTED[section].items():
            assert list(found[section][name]["rows"]) == list(table["rows"]), name
    groups = {name: list(summary["over"]) for name, summary in EXPECTED["summaries"].items()}
    assert {name: list(found["summaries"][name]["over"]) for name in groups} == groups
