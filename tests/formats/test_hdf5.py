"""HDF5 files that ask for more than they hold."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from hanet.formats import hdf5
from hanet.formats.base import FormatError


def numbers(path: Path) -> np.ndarray:
    """The numbers under x."""
    return hdf5.read_by(lambda file: hdf5.numbers(file, "x", path), path)


def test_numbers_that_are_not_stored_are_refused(tmp_path: Path) -> None:
    """Two million that were never written; as many that compress well are read."""
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("x", shape=(2_000_000,), dtype="f8")
    with pytest.raises(FormatError, match=r"a\.h5, x: damaged, 16000000 bytes of \(2000000,\) where 0 are"):
        numbers(path)
    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=np.ones(2_000_000), compression="gzip")
    assert numbers(path).sum() == 2_000_000
