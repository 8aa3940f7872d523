"""JSON of pose estimators: read, checked against a model of its format, and image names taken apart."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

import numpy as np
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from hanet.formats.linking import Person

Model = TypeVar("Model", bound=BaseModel)

_NUMBERED = re.compile(r"(.*?)[_\-. ]?(\d+)")
OPENPOSE18_TO_COCO17 = [0, 15, 14, 17, 16, 5, 2, 6, 3, 7, 4, 11, 8, 12, 9, 13, 10]
"""COCO's joints among OpenPose's 18: nose, neck, right arm, left arm, right leg, left leg, eyes, ears."""


class KeypointFileError(ValueError):
    """A file that is not what its estimator writes; the message names file, entry and remedy."""


def load(path: Path) -> Any:
    """A JSON document.

    Raises:
        FileNotFoundError: no such file.
        KeypointFileError: not JSON, cut off or empty.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; check the path")
    try:
        return from_json(path.read_bytes(), allow_inf_nan=False)
    except ValueError as error:
        raise KeypointFileError(
            f"{path}: not a whole JSON document ({error}); write or copy the file again"
        ) from error


def check(model: type[Model], document: Any, path: Path, *, expected: str) -> Model:
    """The document as its model; what does not fit is refused by entry.

    Args:
        model: of the format.
        document: as `load` gives it.
        path: where it comes from.
        expected: what the file should be, in words.
    """
    try:
        return model.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the document"
        raise KeypointFileError(
            f"{path}, entry {where}: {first['msg']}, got {_shortened(first['input'])}; expected {expected}"
        ) from None


def _shortened(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def locate(image: str, *, default: str) -> tuple[str, int] | None:
    """(video, frame) of an image by its name; None where the name ends in no number.

    The video is the folder, ``walk/0007.jpg`` → (``walk``, 7), or without one what stands before the number,
    ``walk_0007.jpg`` → (``walk``, 7), or without that `default`.
    """
    path = PurePosixPath(image.replace("\\", "/"))
    match = _NUMBERED.fullmatch(path.stem)
    if match is None:
        return None
    folder = str(path.parent)
    return (match[1] or default) if folder == "." else folder, int(match[2])


def person(
    triples: Sequence[float], where: str, *, joints: int, box: Sequence[float] | None, track: int | None
) -> Person:
    """A detection from x1, y1, score1, x2, …, J of each.

    Args:
        triples: the numbers.
        where: file and entry, for messages.
        joints: J that there should be.
        box: x, y, width, height, or None.
        track: the person's number, or None.

    Raises:
        KeypointFileError: another count of numbers.
    """
    if len(triples) != 3 * joints:
        raise KeypointFileError(
            f"{where}: {len(triples)} numbers, expected {3 * joints}: x, y and score of {joints} keypoints; "
            "run the estimator with a model of this skeleton"
        )
    numbers = np.asarray(triples, dtype=np.float64).reshape(-1, 3)
    return Person(
        keypoints=numbers[:, :2],
        scores=numbers[:, 2],
        box=None if box is None else corners(box, where),
        track=track,
        where=where,
    )


def corners(box: Sequence[float], where: str) -> np.ndarray:
    """x1, y1, x2, y2 of x, y, width, height."""
    if len(box) != 4:
        raise KeypointFileError(f"{where}: a box of {len(box)} numbers, expected x, y, width, height")
    x, y, width, height = box
    return np.array([x, y, x + width, y + height])
