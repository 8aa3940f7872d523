"""Arrays of a whole cache, filled row group by row group."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryFile

import numpy as np


def says(name: str, array: np.ndarray) -> bool:
    """Whether an optional array of a table says more than if it were left out."""
    match name:
        case "labelled":
            return not bool(array.all())
        case "image_size":
            return bool(array.any())
        case _:
            return not bool(np.isnan(array).all())


class Filling:
    """An array that is filled from the top, in memory or in an unnamed file that is mapped once full."""

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype, folder: str | Path | None) -> None:
        self.shape, self.dtype, self.filled = shape, dtype, 0
        # Mapping an empty file is an error, so an empty array stays in memory.
        self.file = None if folder is None or 0 in shape else TemporaryFile(dir=folder)  # noqa: SIM115
        self.array = np.empty(shape if self.file is None else 0, dtype)

    def append(self, part: np.ndarray) -> None:
        if self.file is None:
            self.array[self.filled : self.filled + len(part)] = part
            self.filled += len(part)
        else:
            # Written, not mapped: pages of a mapping count as this process's memory until the system reclaims
            # them.
            self.file.write(np.ascontiguousarray(part).data)

    def finish(self) -> np.ndarray:
        if self.file is None:
            return self.array
        with self.file:
            self.file.flush()
            return np.memmap(self.file, dtype=self.dtype, mode="c", shape=self.shape)
