"""Checked fields of released pose files; errors name file, field and entry.

Shared by `hanet.datasets.pose_files.joints` (joints and keypoints) and `hanet.datasets.pose_files.smpl`.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

_METRES = ("joints_3d",)
"""Fields whose integers would be another unit, or flags."""


@dataclass(frozen=True)
class Entry:
    """One sequence of a released file.

    Attributes:
        path: the file.
        index: index of the entry in every field.
        name: the sequence's name.
        track: the person's number among the entries of that name, in the file's order.
        frames: T.
        images: the last part of each image's name, for example ``000012.jpg``.
    """

    path: Path
    index: int
    name: str
    track: int
    frames: int
    images: tuple[str, ...] = ()

    def where(self, field: str) -> str:
        """The beginning of an error message: file, field and entry."""
        return f"{self.path}, field {field!r}, entry {self.index} ({self.name})"

    def numbers(self, value: Any, field: str) -> np.ndarray:
        """A field's value for this entry, real numbers (in metres no integers), as single precision."""
        try:
            array = np.asarray(value)
        except ValueError as error:
            raise ValueError(f"{self.where(field)}: not numbers ({error})") from None
        kinds = "f" if field in _METRES else "iuf"
        if array.dtype.kind not in kinds and array.size:
            expected = "floating-point" if kinds == "f" else "real"
            raise ValueError(
                f"{self.where(field)}: not numbers ({expected} expected), got {array.dtype}; check the file"
            )
        return array.astype(np.float32)

    def boxes(self, value: Any) -> Float[np.ndarray, "T 4"]:
        """Field ``bbox``: x1, y1, x2, y2 per frame."""
        boxes = self.numbers(value, "bbox")
        if boxes.shape != (self.frames, 4):
            raise ValueError(
                f"{self.where('bbox')}: shape {boxes.shape}, expected {(self.frames, 4)}: "
                "x1, y1, x2, y2 per frame"
            )
        return boxes

    def image_size(self, value: Any) -> tuple[int, int]:
        """(width, height) from field ``imgshape``: height, width, channels."""
        shape = self.numbers(value, "imgshape")
        if shape.shape not in ((2,), (3,)) or not (shape[:2] > 0).all():
            raise ValueError(f"{self.where('imgshape')}: expected height, width and channels, got {shape}")
        return int(shape[1]), int(shape[0])


def read_entries(fields: dict[str, Any], path: Path, *, unnamed: bool = False) -> list[Entry]:
    """The sequences of a file by its field ``imgname``: T names ``sequence/image`` each.

    Args:
        fields: as returned by `hanet.files.unpickle.read_npz`.
        path: their file.
        unnamed: whether names may be empty; such a sequence gets its number as name, ``0007``.
    """
    tracks: Counter[str] = Counter()
    entries = []
    for index, names in enumerate(column(fields, "imgname", path)):
        name = _sequence_name(names, path=path, index=index, unnamed=unnamed)
        images = tuple(re.split(r"[/\\]", str(image))[-1] for image in np.atleast_1d(names))
        entries.append(Entry(path, index, name, tracks[name], len(images), images))
        tracks[name] += 1
    return entries


def column(fields: dict[str, Any], field: str, path: Path, *, length: int | None = None) -> list[Any]:
    """A field's entries, one per sequence, of the given `length`."""
    if field not in fields:
        raise ValueError(
            f"{path}: no field {field!r}, it has {', '.join(sorted(fields)) or 'none'}; "
            "check that this is a pose file of the dataset you named"
        )
    if isinstance(fields[field], np.ndarray) and fields[field].ndim == 0:
        raise ValueError(f"{path}, field {field!r}: expected one entry per sequence, got a single value")
    values = list(fields[field])
    if length is not None and len(values) != length:
        raise ValueError(
            f"{path}, field {field!r}: {len(values)} sequences, but 'imgname' has {length}; "
            "the file is damaged or was edited, get it again"
        )
    return values


def optional_column(fields: dict[str, Any], field: str, path: Path, *, length: int) -> list[Any]:
    """As `column`, or None per sequence for a missing field."""
    return column(fields, field, path, length=length) if field in fields else [None] * length


def _sequence_name(names: Any, *, path: Path, index: int, unnamed: bool) -> str:
    first = np.atleast_1d(names)[:1]
    if unnamed and len(first) and first[0] == "":
        return f"{index:04}"
    if not (len(first) and isinstance(first[0], str) and re.search(r"[/\\]", first[0])):
        raise ValueError(
            f"{path}, field 'imgname', entry {index}: expected names like 'sequence/image.jpg', got {first}"
        )
    return str(first[0]).replace("\\", "/").rsplit("/", 1)[0]
