"""Read a variable of a CDF file that may be damaged: no loop and no memory beyond what its size allows.

cdflib believes the counts that a file states, of variables, attributes, dimensions and records.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any, BinaryIO

import cdflib
import numpy as np

_DIMENSIONS = 10
"""Largest number of a variable's dimensions in CDF's library (CDF_MAX_DIMS)."""
_BYTES_PER_READ = 8
"""Files are read in pieces of this many bytes or more on average: counts and places of records, then data."""
_READS = 10_000
"""Reads that a small file may take."""
_SMALL, _UNPACKED = 1 << 24, 100
"""So many bytes may always be unpacked; more only up to so many times the file's size."""


def read_variable(path: Path, name: str) -> tuple[np.ndarray | None, list[str]]:
    """A variable's values, or None where the file has none of that name, and the names of all variables.

    Raises:
        Exception: of any kind, as cdflib raises for a damaged file.
    """
    stored = _Bounded(path)
    variables = [each for group in stored._get_varnames() for each in group]
    found: Any = stored.varget(name) if name in variables else None
    return found, variables


class _Counted:
    """A file that can be read so many times."""

    def __init__(self, file: BinaryIO, reads: int) -> None:
        self._file = file
        self._left = reads
        self.seek, self.tell, self.close = file.seek, file.tell, file.close

    def read(self, size: int = -1) -> bytes:
        self._left -= 1
        if self._left < 0:
            raise ValueError("its records refer to each other without end, or state more parts than it has")
        return self._file.read(size)

    def number(self, at: int) -> int:
        """A signed number of four bytes."""
        self.seek(at)
        return int.from_bytes(self.read(4), "big", signed=True)


class _Bounded(cdflib.CDF):
    """`cdflib.CDF` whose counts are checked before they are used."""

    def __init__(self, path: Path) -> None:
        size = path.stat().st_size
        self._reads = _READS + size // _BYTES_PER_READ
        self._largest = max(_SMALL, _UNPACKED * size)
        super().__init__(path)

    @property
    def _f(self) -> _Counted:
        return self._counted

    @_f.setter
    def _f(self, file: BinaryIO) -> None:
        self._counted = _Counted(file, self._reads)

    def _uncompress_file(self) -> None:
        self._counted.seek(0)
        position = self._counted.read().find(b"\x1f\x8b")  # of GZIP's data; there is no other compression
        self._counted.seek(max(position, 0))
        self._inflated(self._counted.read())
        super()._uncompress_file()

    def _read_gdr(self, byte_loc: int) -> Any:
        self._check_dimensions(byte_loc + 56)
        return super()._read_gdr(byte_loc)

    def _read_gdr2(self, byte_loc: int) -> Any:
        self._check_dimensions(byte_loc + 36)
        return super()._read_gdr2(byte_loc)

    def _read_vdr3(self, byte_loc: int) -> Any:
        if self._counted.number(byte_loc + 8) == 8:  # a variable with dimensions of its own
            self._check_dimensions(byte_loc + 340)
        return super()._read_vdr3(byte_loc)

    def _read_vdr2(self, byte_loc: int) -> Any:
        if self._counted.number(byte_loc + 4) == 8:
            self._check_dimensions(byte_loc + (128 if self._post25 else 256))
        return super()._read_vdr2(byte_loc)

    def _check_dimensions(self, at: int) -> None:
        if not 0 <= (count := self._counted.number(at)) <= _DIMENSIONS:
            raise ValueError(f"a variable of {count} dimensions, expected {_DIMENSIONS} at most")

    def _read_vvrs(
        self, vdr: Any, vvr_offs: Any, vvr_start: Any, vvr_end: Any, startrec: int, endrec: int
    ) -> Any:
        records = endrec - startrec + 1
        size = self._type_size(vdr.data_type, vdr.num_elements) * self._num_values(vdr) * records
        if not max(records, size) <= self._largest:
            raise ValueError(f"{records} records of {size} bytes in all, more than a file of its size holds")
        return super()._read_vvrs(vdr, vvr_offs, vvr_start, vvr_end, startrec, endrec)

    def _read_vvr_block(self, offset: int) -> bytes:
        self._check_block(offset, 8)
        return super()._read_vvr_block(offset)

    def _read_vvr_block2(self, offset: int) -> bytes:
        self._check_block(offset, 4)
        return super()._read_vvr_block2(offset)

    def _check_block(self, offset: int, width: int) -> None:
        if self._counted.number(offset + width) == 13:  # compressed
            self._counted.seek(offset + 2 * width + 8)
            self._inflated(self._counted.read())

    def _inflated(self, data: bytes) -> None:
        unpacker = zlib.decompressobj(wbits=31)
        unpacker.decompress(data, self._largest)
        if unpacker.unconsumed_tail:
            raise ValueError(f"it unpacks to more than {self._largest >> 20} MiB")
