"""Files that the user puts somewhere: verified, told about in one go, copied."""

from __future__ import annotations

import hashlib
import json
from collections import namedtuple
from pathlib import Path

import pytest

from hanet.download import verify
from hanet.download.by_hand import ManualFile, collect, user_folder
from hanet.download.unpack import ArchiveError
from tests.support.archive_files import make_tar, make_zip

STEPS = ("register", "download the file")
ZIP = ManualFile("a.zip", "https://a.org", STEPS, members=("p/demo/*.txt", "p/code.py"))
TAR = ManualFile("b.tgz", "https://a.org", STEPS, members=("p/*/deep/?.txt",))
PLAIN = ManualFile("c.txt", "https://c.org", ("send an e-mail",), size=3)
ALL = (ZIP, TAR, PLAIN)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "mine"
    folder.mkdir()
    make_zip(folder / "a.zip")
    make_tar(folder / "b.tgz")
    (folder / "c.txt").write_bytes(b"abc")
    return folder


def call(source: Path | None, tmp_path: Path, manual: tuple[ManualFile, ...] = ALL):
    return collect(
        manual, source, tmp_path / "raw", record=tmp_path / "sha256.json", setting="HANET_X_FOLDER"
    )


def test_copies_and_notes(source: Path, tmp_path: Path) -> None:
    results = call(source, tmp_path)
    assert [result.path for result in results] == [tmp_path / "raw" / file.name for file in ALL]
    assert [result.address for result in results] == [str(source / file.name) for file in ALL]
    assert all(result.path.read_bytes() == (source / result.path.name).read_bytes() for result in results)
    assert results[2].size == 3
    assert results[2].sha256 == hashlib.sha256(b"abc").hexdigest()
    assert json.loads((tmp_path / "sha256.json").read_text()) == {r.path.name: r.sha256 for r in results}
    assert sorted(p.name for p in (tmp_path / "raw").iterdir()) == ["a.zip", "b.tgz", "c.txt"]
    again = call(None, tmp_path)  # the user's folder is not needed any more
    assert [(r.sha256, r.address) for r in again] == [(r.sha256, None) for r in results]


def test_a_copy_is_no_link(source: Path, tmp_path: Path) -> None:
    (copy,) = call(source, tmp_path, (PLAIN,))
    copy.path.write_bytes(b"xyz")
    assert (source / "c.txt").read_bytes() == b"abc"
    with pytest.raises(ArchiveError, match=r"c\.txt has SHA-256 .*, but .* was recorded"):
        call(source, tmp_path, (PLAIN,))


def test_all_that_is_missing_is_told_at_once(source: Path, tmp_path: Path) -> None:
    (source / "a.zip").write_bytes(b"<html>Log in</html>")
    (source / "b.tgz").unlink()
    (source / "c.txt").write_bytes(b"abcd")
    with pytest.raises(ArchiveError) as caught:
        call(source, tmp_path)
    lines = str(caught.value).splitlines()
    assert lines[0] == "files that only you can get are missing or wrong:"
    assert lines[1].startswith("  a.zip: a.zip is a web page, not a .zip file")
    assert lines[2:] == [
        "  b.tgz: missing",
        "  c.txt: c.txt has 4 bytes, expected 3; get it again",
        "at https://a.org",
        "  1. register",
        "  2. download the file",
        "at https://c.org",
        "  1. send an e-mail",
        f"put them into {source}, the folder that HANET_X_FOLDER names",
    ]
    assert not (tmp_path / "raw").exists()
    assert not (tmp_path / "sha256.json").exists()


def test_no_folder_is_set(tmp_path: Path) -> None:
    with pytest.raises(
        ArchiveError, match=r"c\.txt: missing(.|\n)*a folder of yours, and name it in HANET_X_FOLDER$"
    ):
        call(None, tmp_path)


def test_one_wrong_file_keeps_the_others_from_being_copied(source: Path, tmp_path: Path) -> None:
    (source / "c.txt").unlink()
    with pytest.raises(ArchiveError, match=r"c\.txt: missing") as caught:
        call(source, tmp_path)
    assert "a.zip" not in str(caught.value)
    assert not (tmp_path / "raw").exists()


def test_another_archive_under_the_name(source: Path, tmp_path: Path) -> None:
    make_zip(source / "a.zip", {"other/x.txt": b"x", "p/code.py": b""})
    with pytest.raises(
        ArchiveError,
        match=r"has no member that matches p/demo/\*\.txt, but 2 other files, such as other/x\.txt",
    ):
        call(source, tmp_path)
    make_zip(source / "a.zip", {})
    with pytest.raises(ArchiveError, match=r"p/demo/\*\.txt, p/code\.py, but 0 other files, such as none"):
        call(source, tmp_path)


@pytest.mark.parametrize(
    ("name", "message"), [("a.zip", "it was cut off"), ("b.tgz", "is damaged or not a zip or tar archive")]
)
def test_a_damaged_archive(source: Path, name: str, message: str, tmp_path: Path) -> None:
    data = (source / name).read_bytes()
    (source / name).write_bytes(data[: len(data) // 2])
    with pytest.raises(ArchiveError, match=f"{name}: .*{message}"):
        call(source, tmp_path)


def test_a_pinned_sha256(source: Path, tmp_path: Path) -> None:
    file = ManualFile("c.txt", "https://c.org", STEPS, sha256="0" * 64)
    with pytest.raises(
        ArchiveError, match=f"c.txt has SHA-256 {hashlib.sha256(b'abc').hexdigest()}, expected 0000"
    ):
        call(source, tmp_path, (file,))


def test_no_room(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(verify.shutil, "disk_usage", lambda path: usage(1, 1, 2))
    with pytest.raises(ArchiveError, match="raw has 0 MB free, what is to be copied needs 0 MB more"):
        call(source, tmp_path)
    assert not (tmp_path / "raw").exists()


def test_the_environment_comes_before_the_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HANET_X_FOLDER", raising=False)
    assert user_folder("", "HANET_X_FOLDER") is None
    assert user_folder("~/data", "HANET_X_FOLDER") == Path.home() / "data"
    monkeypatch.setenv("HANET_X_FOLDER", "/mine")
    assert user_folder("~/data", "HANET_X_FOLDER") == Path("/mine")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"url": "a.org"}, "url must be a page, https://…, got 'a.org'"),
        ({"steps": ()}, "steps is empty; say what to do at https://a.org"),
        ({"name": "a/b.zip"}, "plain file name"),
    ],
)
def test_descriptions_that_cannot_be_meant(changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ManualFile(**{"name": "a.zip", "url": "https://a.org", "steps": STEPS, **changes})
