"""Sealed Parquet files: any flipped bit is noticed, and other programs read and rewrite them."""

from __future__ import annotations

import random

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hanet.files.parquet import DamagedFileError, open_parquet, parquet_writer, verify_pages

TABLE = pa.table({"x": np.random.default_rng(0).normal(size=500), "name": ["a", "b"] * 250})


@pytest.fixture
def sealed(tmp_path):
    path = tmp_path / "folder" / "t.parquet"
    with parquet_writer(path, TABLE.schema, compression="zstd") as writer:
        writer.write_table(TABLE)
    return path


def read(path):
    verify_pages(path)
    with open_parquet(path) as file:
        return file.read()


def test_a_sealed_file_is_read_back_also_by_others(sealed):
    assert read(sealed).equals(TABLE)
    assert pq.read_table(sealed, page_checksum_verification=True).equals(TABLE)
    assert [path.name for path in sealed.parent.iterdir()] == ["t.parquet"]


def test_a_file_that_another_program_wrote_is_read_unsealed(sealed):
    pq.write_table(pq.read_table(sealed).slice(0, 7), sealed)
    assert read(sealed).equals(TABLE.slice(0, 7))


def test_no_flipped_bit_changes_values(sealed):
    """Only a bit of the seal's own mark goes unnoticed: it makes the file one without a seal."""
    good = sealed.read_bytes()
    bits = random.Random(4321).sample(range(8 * len(good)), 300)
    noticed = 0
    for bit in bits:
        data = bytearray(good)
        data[bit // 8] ^= 1 << bit % 8
        sealed.write_bytes(data)
        try:
            assert read(sealed).equals(TABLE)
        except (DamagedFileError, pa.ArrowException):
            noticed += 1
    assert noticed >= len(bits) - 5


def test_damage_without_a_seal_is_left_to_the_page_checksums(sealed):
    data = bytearray(sealed.read_bytes())
    data[data.index(b"hanet seal")] ^= 1
    data[1000] ^= 1
    sealed.write_bytes(data)
    verify_pages(sealed)
    with pytest.raises(OSError, match=r"(?i)checksum"):
        read(sealed)


def test_nothing_appears_when_the_block_fails(tmp_path):
    with pytest.raises(RuntimeError), parquet_writer(tmp_path / "t.parquet", TABLE.schema) as writer:
        writer.write_table(TABLE)
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []
