"""CDF files that state more than they have: refused at once, with little memory."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from cdflib.cdfwrite import CDF

from hanet.datasets.human36m.recordings import Human36MError, read_world
from tests.support.human36m_files import write_cdf

GDR = 8 + 312
"""Where the record of all counts begins, behind the magic number and the record of the file's kind."""


def compressed(path: Path, values: np.ndarray, *, whole: bool) -> Path:
    file = CDF(path, cdf_spec={"Compressed": 6 if whole else 0})
    spec = {"Variable": "Pose", "Data_Type": 45, "Num_Elements": 1, "Rec_Vary": True, "Compress": 6}
    file.write_var({**spec, "Dim_Sizes": list(values.shape)}, var_data=values[None])
    file.close()
    return path


@pytest.mark.parametrize("whole", [False, True])
def test_compressed_files_are_read(tmp_path, whole):
    values = np.random.default_rng(0).normal(size=(5, 96))
    plain = read_world(write_cdf(tmp_path / "a.cdf", values, kind=45))
    np.testing.assert_array_equal(read_world(compressed(tmp_path / "b.cdf", values, whole=whole)), plain)


@pytest.mark.parametrize(
    ("field", "message"),
    [
        (44, "Walking.cdf: expected a whole CDF file, got another"),  # variables of the older kind
        (60, "its records refer to each other without end, or state more parts than it has"),
        (56, "a variable of 2147483647 dimensions, expected 10 at most"),
    ],
)
def test_counts_are_checked_before_they_are_used(tmp_path, field, message):
    path = write_cdf(tmp_path / "Walking.cdf", np.ones((3, 96)))
    content = bytearray(path.read_bytes())
    content[GDR + field : GDR + field + 4] = (2**31 - 1).to_bytes(4, "big")
    path.write_bytes(content)
    with pytest.raises(Human36MError, match=message):
        read_world(path)


def test_more_records_than_a_file_holds(tmp_path):
    path = write_cdf(tmp_path / "Walking.cdf", np.ones((3, 96)))
    content = bytearray(path.read_bytes())
    at = content.index(b"Pose\x00") - 84  # the record of the variable; its last record's number is at 24
    content[at + 24 : at + 28] = (2**31 - 2).to_bytes(4, "big")
    path.write_bytes(content)
    with pytest.raises(Human36MError, match=r"2147483647 records of .* bytes in all"):
        read_world(path)


def test_a_small_file_that_unpacks_to_much(tmp_path, monkeypatch):
    path = compressed(tmp_path / "Walking.cdf", np.ones((3, 96)), whole=True)
    content = path.read_bytes()
    packed = gzip.compress(bytes(1 << 20))
    path.write_bytes(content[: content.index(b"\x1f\x8b")] + packed)
    monkeypatch.setattr("hanet.datasets.human36m.cdf._SMALL", 1 << 16)
    with pytest.raises(Human36MError, match="it unpacks to more than"):
        read_world(path)
