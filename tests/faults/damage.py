"""Damaged files of a reader: read as something finite, or refused by one error that names the file."""

from __future__ import annotations

import os
import random
import re
import resource
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa

from tests.faults.reader import REFUSALS, Reader, arrays
from tests.faults.readers import READERS

SEED = 4321
ADDRESSES = 2 << 30
"""Bytes of address space that a reader may take beyond what the process has; the system refuses more."""
MEMORY = 128 << 20
"""Bytes of memory that all damaged files of a reader may take at most, beyond three times their size."""
STATUS = Path("/proc/self/status")


@contextmanager
def bounded() -> Iterator[None]:
    """An address space that ends `ADDRESSES` bytes above what the process has."""
    pa.array(["Arrow reserves address space once"])
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + ADDRESSES, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


@contextmanager
def memory_folder() -> Iterator[Path]:
    """A folder for files, in memory where there is one: a disk takes a third of the time of most cases."""
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if memory.is_dir() else None) as made:
        folder = Path(made) / "files"
        folder.mkdir()
        yield folder


def damaged(name: str, number: int, good: dict[Path, bytes], seed: int = SEED) -> str:
    """Write case `number` of a reader over its file; which damage it is, in words."""
    rng = random.Random(f"{seed} {name} {number}")
    target = rng.choice(list(good))
    mutate = rng.choice(READERS[name].mutations)
    target.write_bytes(mutate(rng, good[target]))
    return f"{mutate.__name__} of {target.name}"


def problems(name: str, numbers: Iterable[int], folder: Path, seed: int = SEED) -> list[str]:
    """What is wrong with how a reader took its damaged files: each kind of fault once.

    Args:
        name: of the reader in `READERS`.
        numbers: cases; name, number and seed give the same file again.
        folder: an empty one.
        seed: of all damage.
    """
    reader = READERS[name]
    good = {path: path.read_bytes() for path in reader.make(folder)}
    present = set(_files(folder))
    reader.read(folder)  # whole files are read
    _remove_new(folder, present)
    found: dict[str, str] = {}
    forget_peak()
    before = memory("VmRSS")
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for number in numbers:
            damage = damaged(name, number, good, seed)
            problem = _problem(reader, folder)
            for path, content in good.items():
                path.write_bytes(content)
            left = [path for path in _remove_new(folder, present) if ".tmp" in path]
            problem = problem or (f"{left[0]} was left behind" if left else None)
            if problem and len(found) < 20:
                found.setdefault(problem[:60], f"{name}, case {number} ({damage}): {problem}")
    taken = memory("VmHWM") - before
    if taken > 3 * max(map(len, good.values())) + MEMORY:
        found["memory"] = f"{name}: {taken >> 20} MB for small files"
    return list(found.values())


def memory(field: str) -> int:
    """Resident bytes of this process: VmRSS now, VmHWM at most since `forget_peak`."""
    found = re.search(rf"{field}:\s*(\d+) kB", STATUS.read_text())
    assert found is not None
    return 1024 * int(found[1])


def forget_peak() -> None:
    """VmHWM counts from now on."""
    Path("/proc/self/clear_refs").write_text("5")


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


def _remove_new(folder: Path, present: set[str]) -> list[str]:
    """Remove what reading left, such as unpacked files; what it was."""
    new = [path for path in _files(folder) if path not in present]
    for path in new:
        Path(path).unlink()
    return new
