"""YAML to plain data, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from stages.params.document import DocumentError, parse, read


def test_plain_data(tmp_path: Path) -> None:
    """YAML 1.2, as DVC reads it: `off` and `no` are words, 1e3 is a number."""
    text = "a: off\nb: [1, 2.5, 1e3, true, null, no]\nc: {d: é, '60': x}\n"
    expected = {"a": "off", "b": [1, 2.5, 1000.0, True, None, "no"], "c": {"d": "é", "60": "x"}}
    assert parse(text) == expected
    (tmp_path / "a.yaml").write_text(text)
    assert read(tmp_path / "a.yaml") == expected
    assert [type(value) for value in expected["b"]] == [type(value) for value in parse(text)["b"]]


ALIAS = "write the value out, or use `extends`: `dvc exp run -S` loses changes below an alias"
BRACKET = "not YAML: while parsing a flow sequence did not find expected ',' or ']'"
TAG = "not YAML: could not determine a constructor for the tag 'tag:yaml.org,2002:python/name:os.system'"
PLAIN = "expected text, a number, true, false or null"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", "line 3, column 1: the key a occurs twice in one mapping; keep one"),
        ("a: {b: 1, b: 2}", "line 1, column 11: the key b occurs twice in one mapping; keep one"),
        ("a: &x {b: 1}\nc: [*x]", f"line 2, column 5: a YAML alias (*x); {ALIAS}"),
        ("a: &x word\nb: *x", f"line 2, column 4: a YAML alias (*x); {ALIAS}"),
        ("a: &x {b: 1}\nc:\n  <<: *x", f"line 3, column 7: a YAML alias (*x); {ALIAS}"),
        ("a: {1: x}", "a.1: expected text as the key, got 1; write it in quotes"),
        ("a: {true: x}", "a.True: expected text as the key, got True; write it in quotes"),
        ("a: [2020-01-02]", f"a.0: {PLAIN}, got 2020-01-02; write it in quotes"),
        ("a: .inf", "a: expected a finite number, got inf"),
        ("a: {b: [.nan]}", "a.b.0: expected a finite number, got nan"),
        (".nan", "expected a finite number, got nan"),
        ("a: .nan\nb: {1: 2}", "a: expected a finite number, got nan\n"
         "b.1: expected text as the key, got 1; write it in quotes"),
        ("a: [1, 2\n", f"line 2, column 1: {BRACKET}"),
        ("a: b: c", "line 1, column 5: not YAML: mapping values are not allowed in this context"),
        ("a: !!python/name:os.system", f"line 1, column 4: {TAG}"),
        ("a:\n- " + "[" * 100_000, "line 2, column 51: nested more than 50 levels deep"),
    ],
)  # fmt: skip
def test_what_is_refused(text: str, message: str) -> None:
    with pytest.raises(DocumentError) as caught:
        parse(text)
    assert str(caught.value) == message


def test_what_is_not_text() -> None:
    with pytest.raises(
        DocumentError, match=r"^the file is not UTF-8 text: 'utf-8' codec can't decode byte 0xff"
    ):
        parse(b"\xff\xfe")
