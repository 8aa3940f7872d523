"""What is wanted of an archive is unpacked without the folders above it."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from hanet.download.contents import unpack
from hanet.download.unpack import ArchiveError


def archive(path: Path, *names: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as zipped:
        for name in names:
            zipped.writestr(name, name)
    return path


def files(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


@pytest.mark.parametrize("above", ["", "release/", "a [1]/b/"])
def test_folders_above_are_dropped(tmp_path, above):
    path = archive(tmp_path / "a.zip", f"{above}train/1.pkl", f"{above}val/2.pkl", f"{above}readme.txt")
    assert unpack(path, ["train/*.pkl", "val/*.pkl"], tmp_path / "raw") == [
        tmp_path / "raw" / "train",
        tmp_path / "raw" / "val",
    ]
    assert files(tmp_path / "raw") == ["train/1.pkl", "val/2.pkl"]
    assert (tmp_path / "raw/train/1.pkl").read_text() == f"{above}train/1.pkl"


def test_several_archives_into_one_folder(tmp_path):
    for subject in ("S1", "S5"):
        unpack(
            archive(tmp_path / f"{subject}.zip", f"{subject}/a.cdf"), [f"{subject}/*.cdf"], tmp_path / "raw"
        )
    assert files(tmp_path / "raw") == ["S1/a.cdf", "S5/a.cdf"]
    with pytest.raises(ArchiveError, match="already has S1; unpack it elsewhere"):
        unpack(tmp_path / "S1.zip", ["S1/*.cdf"], tmp_path / "raw")
    assert files(tmp_path / "raw") == ["S1/a.cdf", "S5/a.cdf"]


def test_what_macs_add_is_no_second_place(tmp_path):
    path = archive(tmp_path / "a.zip", "x/train/1.pkl", "__MACOSX/x/train/._1.pkl")
    unpack(path, ["train/*.pkl"], tmp_path / "raw")
    assert files(tmp_path / "raw") == ["train/1.pkl"]


def test_two_places_are_told(tmp_path):
    path = archive(tmp_path / "a.zip", "old/train/1.pkl", "new/train/1.pkl")
    with pytest.raises(ArchiveError, match=r"in several folders \(new, old\)"):
        unpack(path, ["train/*.pkl"], tmp_path / "raw")
    assert not (tmp_path / "raw").exists()


def test_another_archive_is_told(tmp_path):
    path = archive(tmp_path / "a.zip", "x/readme.txt")
    with pytest.raises(
        ArchiveError, match=r"has no member that matches train/\*.pkl, but 1 other files, such as x/r"
    ):
        unpack(path, ["train/*.pkl"], tmp_path / "raw")
