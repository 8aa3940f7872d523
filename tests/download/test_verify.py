"""First bytes by suffix, the record of hashes, room on the disk."""

from __future__ import annotations

import json
import threading
from collections import namedtuple
from pathlib import Path

import pytest

from hanet.download import verify
from hanet.download.unpack import ArchiveError
from hanet.download.verify import HashRecord, check_content, is_web_page, require_room

EMPTY_ZIP = b"PK\x05\x06" + bytes(18)
TAR = bytes(257) + b"ustar\x0000" + bytes(248)


def content(folder: Path, head: bytes) -> Path:
    path = folder / "content"
    path.write_bytes(head)
    return path


@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("a.zip", b"PK\x03\x04rest" + EMPTY_ZIP),
        ("a.NPZ", EMPTY_ZIP),
        ("a.tgz", b"\x1f\x8b\x08"),
        ("a.tar.gz", b"\x1f\x8b\x08"),
        ("a.tar.xz", b"\xfd7zXZ\x00\x00"),
        ("a.tar", TAR),
        ("a.npy", b"\x93NUMPY\x01"),
        ("a.mat", b"MATLAB 5.0 MAT-file"),
        ("a.cdf", b"\xcd\xf3\x00\x01"),
        ("a.json", b'\xef\xbb\xbf \n{"a": 1}'),
        ("a.json", b"[1]"),
        ("a.pkl", b"\x80\x02}"),
        ("a.pkl", b"(dp0\n"),  # protocol 0
        ("a.txt", b"<1.0>"),
        ("noext", b"anything"),
        ("a.html", b"<html>"),
    ],
)
def test_right_content(name: str, head: bytes, tmp_path: Path) -> None:
    check_content(content(tmp_path, head), name)


@pytest.mark.parametrize("name", ["a.zip", "a.tgz", "a.tar", "a.tar.xz", "a.npz", "a.mat", "a.json", "a.cdf"])
def test_another_kind_of_file(name: str, tmp_path: Path) -> None:
    with pytest.raises(
        ArchiveError, match=rf"{name} begins with b'plain te', expected the first bytes of a \.\w+ file"
    ):
        check_content(content(tmp_path, b"plain text"), name)


@pytest.mark.parametrize("name", ["a.zip", "a.pkl", "a.txt", "a.json", "a.asf", "noext"])
@pytest.mark.parametrize(
    "head",
    [
        b"<!DOCTYPE html>",
        b"\xef\xbb\xbf\r\n<HTML lang=en>",
        b"<!-- 1 -->\n<!-- 2 --> <html>",
        b"<?xml?><head>",
    ],
)
def test_a_web_page_under_any_name(name: str, head: bytes, tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match=f"{name} is a web page, not a .* file: .*accept the terms"):
        check_content(content(tmp_path, head), name)


def test_an_empty_file_and_what_is_no_web_page(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match=r"a\.txt is empty"):
        check_content(content(tmp_path, b""), "a.txt")
    assert not is_web_page(b"PK\x03\x04<html>")
    assert not is_web_page(b"<xml>")


def test_a_zip_file_without_its_end(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match=r"a\.npz has no end of a \.npz file: it was cut off"):
        check_content(content(tmp_path, b"PK\x03\x04 and no more"), "a.npz")


A, B = "a" * 64, "b" * 64


def test_the_first_use_is_noted_and_held_to(tmp_path: Path) -> None:
    path = tmp_path / "new" / "sha256.json"
    record = HashRecord(path)
    assert record.known("x") is None
    record.check("x", A, None)
    record.check("x", A, None)
    assert json.loads(path.read_text()) == {"x": A}
    assert HashRecord(path).known("x") == A
    with pytest.raises(ArchiveError, match=f"x has SHA-256 {B}, but {A} was recorded in .*sha256.json"):
        HashRecord(path).check("x", B, None)
    with pytest.raises(ArchiveError, match=f"x has SHA-256 {A}, expected {B}"):
        HashRecord(path).check("x", A, B)
    assert json.loads(path.read_text()) == {"x": A}
    HashRecord(path).check("x", B, B)  # the pin is the user's word
    assert json.loads(path.read_text()) == {"x": B}
    assert [p.name for p in path.parent.iterdir()] == ["sha256.json"]


def test_threads_lose_no_hash(tmp_path: Path) -> None:
    record = HashRecord(tmp_path / "sha256.json")
    threads = [threading.Thread(target=record.check, args=(f"f{i}", A, None)) for i in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert json.loads(record.path.read_text()) == dict.fromkeys(sorted(f"f{i}" for i in range(20)), A)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "expected JSON, got other content"),
        ("[]", "expected a JSON object, got a JSON array"),
        ('{"a": "AB"}', "expected file names"),
        ('{"a": 1}', "names"),
    ],
)
def test_a_record_that_is_none(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "sha256.json"
    path.write_text(text)
    with pytest.raises(ArchiveError, match=f"sha256.json.*{message}.*correct or delete it"):
        HashRecord(path)


def test_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(
        verify.shutil, "disk_usage", lambda path: asked.append(path) or usage(9, 0, 3_000_000)
    )
    folder = tmp_path / "not" / "yet"
    require_room(folder, 3_000_000, "it")
    with pytest.raises(
        ArchiveError, match=f"{folder} has 3 MB free, it needs 4 MB more: make room or choose"
    ):
        require_room(folder, 4_000_000, "it")
    assert asked == [tmp_path, tmp_path]  # the nearest folder that exists
