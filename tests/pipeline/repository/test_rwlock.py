"""A DVC that is killed while it notes who reads what does not stop the next one."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from pipeline.processes.locks import locked
from pipeline.repository.command import DVCError, dvc
from pipeline.repository.rwlock import FILE, GUARD, mend

GRAPH = "stages:\n  a:\n    cmd: echo 1 > out\n    outs: [out]\n"


def test_dvc_goes_on_after_a_kill_between_emptying_and_writing(tmp_path: Path) -> None:
    dvc(tmp_path, "init", "--no-scm", "--quiet")
    (tmp_path / "dvc.yaml").write_text(GRAPH)
    path = tmp_path / FILE
    path.touch()
    with pytest.raises(DVCError, match="Unable to read RWLock-file"):
        dvc(tmp_path, "repro")
    assert mend(tmp_path)
    dvc(tmp_path, "repro")
    assert (tmp_path / "out").read_text() == "1\n"
    assert path.exists() and not mend(tmp_path)


@pytest.mark.parametrize("damaged", [b"", b'{"read": {"a', b"null", b"\xff"])
def test_damaged_files_go(tmp_path: Path, damaged: bytes) -> None:
    path = tmp_path / FILE
    path.parent.mkdir(parents=True)
    assert not mend(tmp_path)  # there is none
    path.write_bytes(damaged)
    assert mend(tmp_path) and not path.exists()


def test_a_file_that_dvc_is_writing_stays(tmp_path: Path) -> None:
    path = tmp_path / FILE
    path.parent.mkdir(parents=True)
    found: list[bool] = []
    with locked(path.with_name(GUARD)):
        path.touch()
        other = threading.Thread(target=lambda: found.append(mend(tmp_path)))
        other.start()
        other.join(0.5)
        assert other.is_alive()
        path.write_text("{}")
    other.join(10)
    assert found == [False] and path.read_text() == "{}"
