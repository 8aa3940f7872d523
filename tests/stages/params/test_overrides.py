"""Changes of single parameters."""

from __future__ import annotations

from typing import Any

import pytest

from stages.params.overrides import OverrideError, put


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("a.b=2", {"a": {"b": 2}}),
        ("a.b=[1, 2.5]", {"a": {"b": [1, 2.5]}}),
        ("a.b={c: off}", {"a": {"b": {"c": "off"}}}),
        ("a.b=", {"a": {"b": None}}),
        ("a.b=x=y", {"a": {"b": "x=y"}}),
        ("+a.c=true", {"a": {"b": 1, "c": True}}),
        ("+a.b=3", {"a": {"b": 3}}),
        ("+c.d.e=3", {"a": {"b": 1}, "c": {"d": {"e": 3}}}),
    ],
)
def test_changes(override: str, expected: dict[str, Any]) -> None:
    params = {"a": {"b": 1}}
    put(params, override)
    assert params == expected


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("a.x=1", "'a.x=1': a has no key 'x'; it has b (to add a key, begin with +)"),
        ("z=1", "'z=1': params.yaml has no key 'z'; it has a (to add a key, begin with +)"),
        ("a.b.c=1", "'a.b.c=1': a.b is 1, which has no keys"),
        ("+a.b.c=1", "'+a.b.c=1': a.b is 1, which has no keys"),
        ("a.b", "expected key.of.params=value, got 'a.b'"),
        ("a..b=1", "expected key.of.params=value, got 'a..b=1'"),
        ("=1", "expected key.of.params=value, got '=1'"),
        ("a.b=[1", "'a.b=[1': the value does not fit: line 2, column 1: not YAML: while parsing a flow "
         "sequence did not find expected ',' or ']'"),
        ("a.b=.nan", "'a.b=.nan': the value does not fit: expected a finite number, got nan"),
    ],
)  # fmt: skip
def test_changes_that_do_not_fit(override: str, message: str) -> None:
    params = {"a": {"b": 1}}
    with pytest.raises(OverrideError) as caught:
        put(params, override)
    assert str(caught.value) == message
    assert params == {"a": {"b": 1}}


def test_a_value_of_a_preset() -> None:
    params = {
        "models": {"hanet": {"training": {"epochs": 20}}, "wide": {"extends": "hanet"}},
        "filters": {"gaussian": {"sigma": [1.0]}},
        "experiments": {"e": {"models": {"hanet": {}, "other": {"extends": "wide"}}}},
    }
    with pytest.raises(OverrideError) as caught:
        put(params, "experiments.e.models.hanet.training.epochs=3")
    assert str(caught.value).endswith(
        "experiments.e.models.hanet.training.epochs comes from a preset; change it there "
        "(models.hanet.training.epochs=3) or only here (+experiments.e.models.hanet.training.epochs=3)"
    )
    with pytest.raises(OverrideError, match=r"change it there \(models\.hanet\.training\.epochs=3\)"):
        put(params, "experiments.e.models.other.training.epochs=3")
    with pytest.raises(OverrideError, match=r"change it there \(filters\.gaussian\.sigma=\[2.0\]\)"):
        put(params, "experiments.e.filters.gaussian.sigma=[2.0]")
    put(params, "+experiments.e.models.hanet.training.epochs=3")
    assert params["experiments"]["e"]["models"]["hanet"] == {"training": {"epochs": 3}}
