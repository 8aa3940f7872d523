"""Parquet files that show damage: a CRC-32 of every page, and SHA-256 of the whole in a seal.

Parquet's own page checksums cover neither page headers nor the footer, so a seal of 80 bytes stands between
the last page and the footer, where readers of Parquet look at nothing::

    pages │ "hanet seal 1" + 4 zeros │ SHA-256 of pages │ SHA-256 of all after the seal │ footer … PAR1

A file without a seal, written by another program or an earlier release, is read as it is: its page checksums
are verified where it has them. A program that reads a sealed file and writes it again leaves no seal.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from hanet.files.atomic import whole_file

_MAGIC = b"hanet seal 1".ljust(16, b"\0")
_DIGEST = hashlib.sha256().digest_size
_SEAL = len(_MAGIC) + 2 * _DIGEST
_END = 8
"""Bytes of the footer's length and of Parquet's own magic."""
_SEARCHED = 1 << 20
_BLOCK = 1 << 20


class DamagedFileError(OSError):
    """A sealed file whose bytes have changed since it was written."""


@contextmanager
def parquet_writer(path: Path, schema: pa.Schema, **options: Any) -> Iterator[pq.ParquetWriter]:
    """A writer with page checksums; the sealed file appears at `path` when the block succeeds.

    Args:
        path: the file; missing folders are made, an older file is replaced.
        schema: of all tables to write.
        options: of `pyarrow.parquet.ParquetWriter`.
    """
    with whole_file(path) as temporary:
        with pq.ParquetWriter(temporary, schema, write_page_checksum=True, **options) as writer:
            yield writer
        _seal(temporary)


def open_parquet(path: Path) -> pq.ParquetFile:
    """Open a file whose footer is whole; reading it verifies the page checksums.

    Raises:
        FileNotFoundError: no such file.
        DamagedFileError: the footer's bytes have changed.
        OSError, pyarrow.ArrowException: not a Parquet file.
    """
    with path.open("rb") as file:
        where = _find_seal(file)
        if where is not None:
            file.seek(where + _SEAL)
            _compare(hashlib.sha256(file.read()).digest(), _stored(file, where, 1), "footer")
    return pq.ParquetFile(path, page_checksum_verification=True)


def read_parquet(path: Path, *, remedy: str) -> pa.Table:
    """A whole file as one table.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not a whole Parquet file; the message names the file and says what to do.
    """
    try:
        verify_pages(path)
        with open_parquet(path) as file:
            table = file.read(use_threads=False)
        return whole_table(table)
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: no such file; {remedy}") from None
    except (pa.ArrowException, OSError, ValueError) as error:
        raise ValueError(f"{path}: not a whole Parquet file ({error}); {remedy}") from error


def whole_table(table: pa.Table) -> pa.Table:
    """The table, whose text is in UTF-8 and whose offsets lie within their arrays.

    Raises:
        pa.ArrowException, ValueError: they do not.
    """
    table.validate(full=True)
    if not all(isinstance(name, str) for name in table.column_names):  # raises where a name is no UTF-8
        raise ValueError(f"columns named {table.column_names}")
    return table


def is_sealed(path: Path) -> bool:
    """Whether a file has a seal.

    The row groups' details of an unsealed footer are better not looked at: PyArrow 25 ends the process
    (std::terminate) where they are damaged, though reading the rows of such a file raises.
    """
    with path.open("rb") as file:
        return _find_seal(file) is not None


def verify_pages(path: Path) -> None:
    """Compare the pages of a sealed file with its seal: one pass over the file, about 1 s per 1.5 GB.

    Raises:
        DamagedFileError: bytes of the pages have changed.
    """
    with path.open("rb") as file:
        where = _find_seal(file)
        if where is not None:
            _compare(_digest(file, where), _stored(file, where, 0), "pages")


def _seal(path: Path) -> None:
    with path.open("r+b") as file:
        start = _footer_start(file)
        if start is None:
            raise OSError(f"{path}: expected a Parquet file to seal")
        file.seek(start)
        footer = file.read()
        pages = _digest(file, start)
        file.seek(start)
        file.write(_MAGIC + pages + hashlib.sha256(footer).digest() + footer)


def _find_seal(file: BinaryIO) -> int | None:
    """Where the seal begins; None without one.

    Raises:
        DamagedFileError: there is a seal, but not where the footer's length says.
    """
    start = _footer_start(file)
    if start is not None and start >= _SEAL:
        file.seek(start - _SEAL)
        if file.read(len(_MAGIC)) == _MAGIC:
            return start - _SEAL
    file.seek(max(0, os.fstat(file.fileno()).st_size - _SEARCHED))
    if _MAGIC in file.read():
        raise DamagedFileError("damaged: its footer does not start after the seal")
    return None


def _footer_start(file: BinaryIO) -> int | None:
    """Where the footer begins, as the file's last bytes say; None where they cannot be Parquet's."""
    size = os.fstat(file.fileno()).st_size
    if size < _END:
        return None
    file.seek(size - _END)
    end = file.read()
    start = size - _END - int.from_bytes(end[:4], "little")
    return start if end[4:] == b"PAR1" and start >= 0 else None


def _stored(file: BinaryIO, where: int, number: int) -> bytes:
    file.seek(where + len(_MAGIC) + number * _DIGEST)
    return file.read(_DIGEST)


def _compare(found: bytes, stored: bytes, part: str) -> None:
    if found != stored:
        raise DamagedFileError(f"damaged: SHA-256 of its {part} differs from what was written")


def _digest(file: BinaryIO, count: int) -> bytes:
    """SHA-256 of the first `count` bytes."""
    digest = hashlib.sha256()
    file.seek(0)
    while count > 0 and (block := file.read(min(count, _BLOCK))):
        digest.update(block)
        count -= len(block)
    return digest.digest()
