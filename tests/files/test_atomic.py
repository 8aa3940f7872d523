"""Files and folders appear whole or not at all, whatever ends the writer."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hanet.files.atomic import fresh_folder, remove_leftovers, whole_file, write_json, write_text
from tests.support.paths import ROOT


def test_a_file_is_flushed_to_disk_under_its_temporary_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, flushed = tmp_path / "made" / "a.bin", []
    monkeypatch.setattr(os, "fsync", lambda number: flushed.append((os.fstat(number).st_size, path.exists())))
    with whole_file(path) as temporary:
        temporary.write_bytes(b"abc")
        assert temporary.parent == path.parent and temporary.match(".a.bin.*.tmp") and not path.exists()
    assert flushed == [(3, False)] and path.read_bytes() == b"abc"
    assert list(path.parent.iterdir()) == [path]


def test_a_file_of_an_error_is_gone_and_the_old_one_stays(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt), whole_file(path) as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_a_temporary_file_lies_where_it_is_asked_to(tmp_path: Path) -> None:
    with whole_file(tmp_path / "made" / "a.txt", beside=tmp_path) as temporary:
        temporary.write_text("new")
        assert temporary.parent == tmp_path and not list((tmp_path / "made").iterdir())
    assert (tmp_path / "made" / "a.txt").read_text() == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["made"]


def test_a_killed_writer_leaves_its_temporary_file_alone(tmp_path: Path) -> None:
    """A later writer does not use it, and `remove_leftovers` removes it and nothing else."""
    path = tmp_path / "a.txt"
    (tmp_path / ".ab.txt.0.tmp").touch()
    program = f"""
import os, signal
from pathlib import Path
from hanet.files.atomic import whole_file
with whole_file(Path({str(path)!r})) as temporary:
    temporary.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    killed = subprocess.run([sys.executable, "-c", program], cwd=ROOT)
    assert killed.returncode == -signal.SIGKILL and not path.exists()
    (left,) = tmp_path.glob(".a.txt.*.tmp")
    write_text(path, "new")
    assert left.read_text() == "half" and path.read_text() == "new"
    remove_leftovers(path)
    assert sorted(p.name for p in tmp_path.iterdir()) == [".ab.txt.0.tmp", "a.txt"]


def test_a_fresh_folder_replaces_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "made" / "out"
    for content in ("one", "two"):
        with fresh_folder(path) as folder:
            (folder / content).write_text(content)
            assert not (path / content).exists()
        assert [p.name for p in path.iterdir()] == [content]
    assert [p.name for p in path.parent.iterdir()] == ["out"]


def test_a_folder_of_an_error_is_gone_and_the_old_one_stays(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.mkdir()
    (path / "old").touch()
    with pytest.raises(KeyboardInterrupt), fresh_folder(path) as folder:
        (folder / "half").touch()
        raise KeyboardInterrupt
    assert [p.name for p in tmp_path.rglob("*")] == ["out", "old"]


def test_text_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "note.txt"
    write_text(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_text(path, "new \udc80")
    assert path.read_text() == "old"
    write_text(path, "new")
    assert [p.name for p in path.parent.iterdir()] == ["note.txt"] and path.read_text() == "new"


def test_equal_content_is_equal_json(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"b": 1, "a": [2.5]})
    write_json(tmp_path / "b.json", {"a": [2.5], "b": 1})
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(tmp_path / "a.json", float("nan"))
