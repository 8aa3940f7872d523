"""Damaged files of every reader: read as something, or refused by one error that names the file; never more.

A run of the tests makes `COUNT` damaged files per reader, continuous integration 2,000 and `make fuzz`
100,000 (`tests.faults.fuzz`); readers that take long get a share. The seed is fixed: reader and number of a
case give the same file again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hanet.formats.registry import FORMATS
from tests.faults import fuzz
from tests.faults.damage import bounded, damaged, forget_peak, memory, memory_folder, problems
from tests.faults.others_files import POSE_FILES
from tests.faults.reader import REFUSALS, Reader
from tests.faults.readers import READERS

COUNT = 15


@pytest.fixture(autouse=True)
def limited(unchecked: None) -> Iterator[None]:
    """Bounded address space; no run-time type checks."""
    with bounded():
        yield


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder for files."""
    with memory_folder() as folder:
        yield folder


@pytest.mark.parametrize("name", READERS)
def test_damaged_files_are_refused_or_read(folder: Path, name: str) -> None:
    assert not problems(name, range(max(10, round(COUNT * READERS[name].share))), folder)


FOUND = [
    ("posetrack18", 2926),
    ("makehuman", 1030),
    ("penn-action", 44),
    ("exported", 1197),
    ("movement", 586),
    ("sleap", 6894),
    ("checkpoint-json", 11745),
    ("general-json", 1074),
    ("general-json", 2036),
    ("aist-motion", 4823),
    ("aist-motion", 34963),
    ("acclaim", 6874),
    ("omomo", 57573),
    ("coco-annotations", 5366),
]


@pytest.mark.parametrize(("name", "number"), FOUND)
def test_what_more_cases_found_is_refused(folder: Path, name: str, number: int) -> None:
    """Cases beyond those of a run of the tests: a box of 1e300 pixels, a corner of 30 digits, types of
    numbers that ended the process in SciPy, a node's name that is no text, a label of 1.2 GB, names of axes
    that ended the process in the HDF5 library; a frame rate and a number of layers of 100 digits, 2,000
    layers, a scale of the body that is 0 or NaN, an inch of length 0, a tensor's pickle that ends within a
    number, a gap of 200,000 frames.
    """
    reader = READERS[name]
    damaged(name, number, {path: path.read_bytes() for path in reader.make(folder)})
    with pytest.raises(REFUSALS, match=folder.name) as refused, np.errstate(all="ignore"):
        reader.read(folder)
    assert len(str(refused.value)) < 1000


def test_every_format_is_damaged(tmp_path: Path) -> None:
    """The format that is detected in each reader's whole files: together all formats of `hanet.formats`."""
    from hanet.formats import detect

    found = set()
    for name, reader in POSE_FILES.items():
        (tmp_path / name).mkdir()
        path = reader.make(tmp_path / name)[0]
        where = tmp_path / name / "where"
        found.add(detect(tmp_path / name / where.read_text() if where.exists() else path))
    assert found == set(FORMATS)


def test_a_memory_hog_is_noticed() -> None:
    """The measure that the harness relies on."""
    forget_peak()
    before = memory("VmRSS")
    bytearray(b"x" * (64 << 20))
    assert memory("VmHWM") - before > 60 << 20


def test_a_stopped_run_goes_on_where_it_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts that are noted are not read again; another seed starts over."""
    noted = tmp_path / "fuzz.json"
    chosen = ["pose", "bvh", "--cases", "10", "--jobs", "1", "--noted", str(noted)]
    assert fuzz.main(chosen) == 0
    first = noted.read_text()
    assert {name: part["cases"] for name, part in json.loads(first)["parts"].items()} == {
        "pose 0-10": 10,
        "bvh 0-10": 10,
    }
    monkeypatch.setattr(fuzz, "read_part", None)  # would fail
    assert fuzz.main(chosen) == 0
    assert noted.read_text() == first
    assert fuzz.noted_parts(noted, seed=1) == {}


def test_a_fault_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """A reader that raises an error which names no file: the case, and exit code 1."""

    def careless(folder: Path) -> None:
        if (folder / "a").read_bytes() != b"12345678":
            raise KeyError("a")

    def make(folder: Path) -> list[Path]:
        (folder / "a").write_bytes(b"12345678")
        return [folder / "a"]

    monkeypatch.setitem(READERS, "careless", Reader(make, careless))
    found = problems("careless", range(10), tmp_path)
    assert len(found) == 1
    assert "careless, case 0" in found[0]
    assert "KeyError: 'a'" in found[0]
    noted = tmp_path / "noted.json"
    fuzz.note_parts(noted, 4321, {"pose 0-10": fuzz.Part(10, 0.1, found)})
    assert fuzz.main(["pose", "--cases", "10", "--noted", str(noted)]) == 1
    assert "KeyError: 'a'" in capsys.readouterr().out
