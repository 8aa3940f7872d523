"""Damaged files of every reader: read as something, or refused by one error that names the file; never more.

A run of the tests makes `COUNT` damaged files per reader, and `make fuzz`
100,000, by HANET_FUZZ; readers that take long get a share. The seed is fixed: reader and number of a case
give the same file again.
"""

from __future__ import annotations

import os
import random
import re
import resource
import warnings
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pytest

from hanet.formats.registry import FORMATS
from tests.faults.others_files import POSE_FILES
from tests.faults.reader import REFUSALS, Reader, arrays
from tests.faults.readers import READERS

COUNT = int(os.environ.get("HANET_FUZZ", "15"))
SEED = int(os.environ.get("HANET_FUZZ_SEED", "4321"))
ADDRESSES = 2 << 30
"""Bytes of address space that a reader may take beyond what the process has; the system refuses more."""
MEMORY = 128 << 20
"""Bytes of memory that all damaged files of a reader may take at most, beyond three times their size."""
STATUS = Path("/proc/self/status")


@pytest.fixture(autouse=True)
def bounded(unchecked: None) -> Iterator[None]:
    """An address space that ends `ADDRESSES` bytes above what the process has; no run-time type checks."""
    pa.array(["Arrow reserves address space once"])
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + ADDRESSES, hard))
    yield
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _memory(field: str) -> int:
    """Resident bytes of this process: VmRSS now, VmHWM at most since `_forget_peak`."""
    found = re.search(rf"{field}:\s*(\d+) kB", STATUS.read_text())
    assert found is not None
    return 1024 * int(found[1])


def _forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder for files, in memory where there is one: a disk takes a third of the time of most cases."""
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if memory.is_dir() else tmp_path) as made:
        folder = Path(made) / "files"
        folder.mkdir()
        yield folder


@pytest.mark.parametrize("name", READERS)
def test_damaged_files_are_refused_or_read(folder: Path, name: str) -> None:
    reader = READERS[name]
    targets = list(reader.make(folder))
    good = {path: path.read_bytes() for path in targets}
    present = set(_files(folder))
    reader.read(folder)  # whole files are read
    _remove_new(folder, present)
    problems: dict[str, str] = {}
    _forget_peak()
    before = _memory("VmRSS")
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for number in range(max(10, round(COUNT * reader.share))):
            rng = random.Random(f"{SEED} {name} {number}")
            target = rng.choice(targets)
            mutate = rng.choice(reader.mutations)
            target.write_bytes(mutate(rng, good[target]))
            if (problem := _problem(reader, folder)) and len(problems) < 20:
                case = f"case {number} ({mutate.__name__} of {target.name}): {problem}"
                problems.setdefault(problem[:60], case)
            target.write_bytes(good[target])
            _remove_new(folder, present)
    assert not problems, "\n".join(problems.values())
    taken = _memory("VmHWM") - before
    assert taken <= 3 * max(map(len, good.values())) + MEMORY, f"{taken >> 20} MB for small files"


@pytest.mark.parametrize(("name", "number"), [("posetrack18", 2926), ("makehuman", 1030)])
def test_what_more_cases_found_is_refused(folder: Path, name: str, number: int) -> None:
    """Cases beyond those of a run of the tests: a box of 1e300 pixels, a corner of 30 digits."""
    reader = READERS[name]
    targets = list(reader.make(folder))
    rng = random.Random(f"4321 {name} {number}")
    target = rng.choice(targets)
    mutate = rng.choice(reader.mutations)
    target.write_bytes(mutate(rng, target.read_bytes()))
    with pytest.raises(REFUSALS, match=folder.name), np.errstate(all="ignore"):
        reader.read(folder)


def _problem(reader: Reader, folder: Path) -> str | None:
    """What is wrong with how a reader took its damaged files; None where nothing is."""
    try:
        found = reader.read(folder)
    except REFUSALS as error:
        message = str(error)
        if type(error) in (UnicodeDecodeError, UnicodeEncodeError) or len(message) < 10:
            return f"{type(error).__name__}: {message}"
        if folder.name not in message:
            return f"the message names no file: {message}"
        return None if len(message) < 5000 else f"a message of {len(message)} characters"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    for array in arrays(found):
        if array.dtype.kind not in "biufcSU":
            return f"an array of dtype {array.dtype}"
        if reader.poses and array.dtype.kind == "f" and np.isinf(array).any():
            return f"infinite numbers among {array.shape}"
    return None


def _files(folder: Path) -> Iterator[str]:
    for root, _, names in os.walk(folder):
        for name in names:
            yield os.path.join(root, name)  # noqa: PTH118 (twice as fast)


def _remove_new(folder: Path, present: set[str]) -> None:
    """Remove what reading left, such as unpacked files; a temporary file must not be among it."""
    for path in _files(folder):
        if path not in present:
            assert ".tmp" not in path, f"{path} was left behind"
            Path(path).unlink()


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
    _forget_peak()
    before = _memory("VmRSS")
    bytearray(b"x" * (64 << 20))
    assert _memory("VmHWM") - before > 60 << 20
