"""Fields of others' files, checked for presence, type and shape."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

LARGEST = 1e15
"""No number of a pose or a camera is larger; what is computed from larger ones can overflow."""


def field(fields: Mapping[str, Any], key: str, *, path: Path, error: type[ValueError], remedy: str) -> Any:
    """A field of a file by key.

    Raises:
        error: the key is missing; the message names the file, the key, the existing keys and the remedy.
    """
    if key not in fields:
        raise error(
            f"{path}: expected a field {key!r}, got {', '.join(map(str, fields)) or 'no fields'}; {remedy}"
        )
    return fields[key]


def numbers(
    value: Any, shape: tuple[int | str, ...], *, where: str, error: type[ValueError], remedy: str
) -> np.ndarray:
    """An array of numbers in double precision.

    Args:
        value: the array, or nested lists of numbers.
        shape: length of each axis, or its name where any length above 0 is allowed.
        where: file and field, for the message.
        error: exception to raise.
        remedy: what the user can do.

    Raises:
        error: not numbers, another shape, or a finite number above `LARGEST`.
    """
    try:
        array = np.asarray(value)
        array = array.astype(np.float64) if array.dtype.kind in "biuf" else None
    except (TypeError, ValueError):
        array = None
    expected = f"numbers of shape ({', '.join(map(str, shape))})"
    if array is None:
        raise error(f"{where}: expected {expected}, got {type(value).__name__} of something else; {remedy}")
    if array.ndim != len(shape) or any(
        (got == 0) if isinstance(axis, str) else (got != axis)
        for got, axis in zip(array.shape, shape, strict=True)
    ):
        raise error(f"{where}: expected {expected}, got {array.shape}; {remedy}")
    wild = np.isfinite(array) & (np.abs(array) > LARGEST)
    if wild.any():
        raise error(f"{where}: expected numbers of poses or cameras, got {array[wild][0]:g}; {remedy}")
    return array
