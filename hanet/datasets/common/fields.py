"""Fields of files that others wrote: found, and of the type and shape that the format says, or refused."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np


def field(fields: Mapping[str, Any], key: str, *, path: Path, error: type[ValueError], remedy: str) -> Any:
    """A field of a file by key.

    Raises:
        error: there is no such key; the message names the file, the key, the keys there are and the remedy.
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
        shape: length of each axis, or its name where it may be anything above 0.
        where: file and field, for the message.
        error: what to raise.
        remedy: what to do then.

    Raises:
        error: no numbers, or another shape.
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
    return array
