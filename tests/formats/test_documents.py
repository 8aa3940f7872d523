"""JSON and lines: bounded, refused in one line, written back in their own style."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hanet.formats import FORMATS, FormatError, ReadOptions, documents, read
from hanet.formats.documents import Document, Lines, numbers
from tests.support import keypoint_writers as writers

VALUE = {"b": [1, 2.5, -0.0, 1e-7, 1e22, None, True], "a": {}, "é": 'ü\u2028"\\', "list": [[], [0]]}


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(VALUE),
        json.dumps(VALUE, separators=(",", ":")),
        json.dumps(VALUE, separators=(",", ": ")),
        json.dumps(VALUE, indent=2),
        json.dumps(VALUE, indent="\t"),
        json.dumps(VALUE, indent=4) + "\n",
        json.dumps(VALUE, indent=1, ensure_ascii=False),
        "\ufeff" + json.dumps(VALUE),
        json.dumps(VALUE, indent=2).replace("\n", "\r\n") + "\r\n",
        json.dumps({"a": [float("nan"), float("inf")]}),
        "[]",
        "{}\n\n",
        "[1,2]",
        '["a, b", "c"]',
    ],
)
def test_a_document_is_dumped_in_its_style(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(text.encode())
    document = Document.open(path)
    assert document.dump(document.parse()) == text.encode()


@pytest.mark.parametrize("text", ["1 2.50  3\n\n 4\t5 \n", "1 2", "1 2\r\n3 4\r\n", "", "\ufeff1 2\n"])
def test_lines_keep_their_blanks(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(text.encode())
    lines = Lines.open(path)
    assert lines.dump(lines.parse()) == text.encode()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"not a whole JSON document \(Expecting value"),
        (b"not json", r"not a whole JSON document \(Expecting value"),
        (b'[{"image_id": 1, "keyp', r"not a whole JSON document \(Unterminated string"),
        (b"[1] [2]", r"not a whole JSON document \(Extra data"),
        (b"\xff\xfe[\x00", r"not a whole JSON document \(UTF-16 text\); save it as UTF-8"),
        (b'["\xff"]', r"not a whole JSON document \('utf-8' codec can't decode"),
        (b"[" * 100_000, r"lists or objects nested too deeply"),
        (b'{"a":' * 100_000, r"lists or objects nested too deeply"),
        (b"[" + b"9" * 5000 + b"]", r"not a whole JSON document \(Exceeds the limit"),
        (b'[{"image_id": 1, "image_id": 2}]', r"the key 'image_id' comes twice in an object"),
    ],
)
def test_what_is_no_json(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(content)
    for name in (name for name, entry in FORMATS.items() if ".json" in entry.endings):
        with pytest.raises(FormatError, match=rf"a\.json: {message}") as caught:
            read(path, ReadOptions(image_size=(6, 4)), format=name)
        assert "\n" not in str(caught.value) and len(str(caught.value)) < 400


def test_large_files_are_not_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.json"
    with path.open("wb") as file:
        file.truncate(documents.MAX_BYTES + 1)
    with pytest.raises(
        FormatError, match=r"a\.json: 1024 MiB, expected at most 1024; split the file by video"
    ):
        read(path, format="coco")
    folder = writers.write_openpose(tmp_path / "o", writers.bodies("body25"))
    monkeypatch.setattr(documents, "MAX_BYTES", 6000)
    with pytest.raises(FormatError, match="o: more than 0 MiB of files; give one video's folder"):
        read(folder)


def test_numbers() -> None:
    found = numbers([1, 2.5, None, float("nan")], "f.json, entry 3", expected="coordinates")
    assert found[:2].tolist() == [1, 2.5] and str(found[2:].tolist()) == "[nan, nan]"
    for values, message in (
        (None, "f.json, entry 3: expected coordinates, got None"),
        ({"a": 1}, "f.json, entry 3: expected coordinates, got {'a': 1}"),
        ([1, "2"], r"entry 3\.1: expected a number or null, got '2'"),
        ([1, True], r"entry 3\.1: expected a number or null, got True"),
        ([1, [2]], r"entry 3\.1: expected a number or null, got \[2\]"),
        ([1, 10**400], "entry 3: expected coordinates, got an integer beyond any coordinate"),
    ):
        with pytest.raises(FormatError, match=message):
            numbers(values, "f.json, entry 3", expected="coordinates")
