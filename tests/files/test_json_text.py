"""JSON of another kind is one error that names file, kind and remedy."""

from __future__ import annotations

import pytest

from hanet.files.json_text import parse_json, read_json


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1]", "f: expected a JSON object, got a JSON array; do it again"),
        ("null", "f: expected a JSON object, got null"),
        ("true", "f: expected a JSON object, got a JSON boolean"),
        ("1e999", "f: expected a JSON object, got a JSON number"),
        ('"a"', "f: expected a JSON object, got a JSON string"),
        ("[" * 100_000, "f: expected JSON, got one nested too deeply; do it again"),
        ('{"a":' * 100_000, "f: expected JSON, got one nested too deeply"),
        ("", r"f: expected JSON, got other content \(Expecting value.*\); do it again"),
        (b"\xff\xfe{", "f: expected JSON, got other content"),
        ("9" * 5000, "f: expected JSON, got other content"),
    ],
)
def test_other_kinds_are_refused(text, message):
    with pytest.raises(ValueError, match=message):
        parse_json(text, dict, where="f", remedy="do it again")


def test_files_are_read_and_named(tmp_path):
    path = tmp_path / "a.json"
    with pytest.raises(FileNotFoundError, match=r"a\.json: no such file; do it again"):
        read_json(path, dict, remedy="do it again")
    path.write_text('{"ü": [1]}', encoding="utf-8")
    assert read_json(path, dict, remedy="") == {"ü": [1]}
    with pytest.raises(ValueError, match=r"a\.json: expected a JSON array, got a JSON object"):
        read_json(path, list, remedy="")
