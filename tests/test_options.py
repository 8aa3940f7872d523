"""Types that sections of params.yaml share."""

from __future__ import annotations

import pytest

from hanet.options import flatten, name, once, three_splits


@pytest.mark.parametrize("text", ["clips", "sub-jhmdb-1", "a.b_c-D", "0", "3dpw"])
def test_a_name(text: str) -> None:
    assert name(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "..",
        "a..b",
        "../../evil",
        "/abs",
        ".hidden",
        "-rf",
        "_a",
        "a b",
        "a/b",
        "a;b",
        "$a",
        "a#",
        "é",
        "a\n",
    ],
)
def test_what_is_no_name(text: str) -> None:
    with pytest.raises(ValueError) as caught:
        name(text)
    assert str(caught.value) == (
        "expected a name of letters, digits, '.', '_' and '-' (first a letter or digit, no '..'), "
        f"got {text!r}"
    )


def test_items_listed_twice() -> None:
    assert once(["b", "a"]) == ["b", "a"]
    with pytest.raises(ValueError, match=r"^listed more than once: 1, b; keep one of each$"):
        once(["b", 1, "a", "b", 1])


def test_three_splits() -> None:
    splits = {"train": [1], "val": [2], "test": [3]}
    assert three_splits(splits) == splits
    with pytest.raises(ValueError, match=r"^expected the splits train, val, test, got train, dev$"):
        three_splits({"train": [1], "dev": [2]})
    with pytest.raises(ValueError, match=r"^listed more than once: 1;"):
        three_splits(splits | {"test": [1]})


def test_flat_keys() -> None:
    assert flatten({"a": {"b": 1, "c": {"d": [2]}}, "e": 3}) == {"a.b": 1, "a.c.d": [2], "e": 3}
