"""Lines of text that Ultralytics writes with ``save_txt=True``: one person each, in shares of the image."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from hanet.formats.base import FormatError, ReadOptions
from hanet.formats.documents import Address, Document, place, shortened
from hanet.formats.keypoint_sets import DETECTED, KEYPOINT_SETS
from hanet.formats.linking import Person
from hanet.formats.rows import Put, Row

_PERSON = 0
"""Class of people in COCO's numbering from 0."""
_BOX = 5
"""Numbers before the first keypoint in a line: class and box."""
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?|[-+]?(?:nan|inf)")


@dataclass(frozen=True, eq=False)
class Found:
    """People by video and frame, in the units of the files.

    Attributes:
        people: ((video, frame), person).
        normalized: whether coordinates are shares of the image.
        put: makes the function that writes a person, from the pixels per unit.
        other: entries that are not people.
    """

    people: list[tuple[tuple[str, int], Person]]
    normalized: bool
    put: Callable[[Float[np.ndarray, " 2"]], Put]
    other: int


def is_line(text: str) -> bool:
    """Whether this may be a person with keypoints: class, box, at least two keypoints."""
    words = text.split()
    return len(words) >= _BOX + 6 and all(_NUMBER.fullmatch(word.lower()) for word in words)


@dataclass(frozen=True)
class _Layout:
    """How a line is divided: J keypoints of `dims` numbers, then perhaps confidence and track."""

    joints: int
    dims: int
    confidence: bool

    @property
    def end(self) -> int:
        """Numbers up to the last keypoint."""
        return _BOX + self.joints * self.dims


def from_lines(
    documents: Mapping[str, Document], places: Mapping[str, tuple[str, int]], options: ReadOptions
) -> Found:
    """The people in all lines.

    Raises:
        FormatError: a word that is not a number, or lines of other lengths than keypoints of one set have.
    """
    lines: list[tuple[str, int, Float[np.ndarray, " N"]]] = []
    for name, document in documents.items():
        for i, words in enumerate(document.parse()):
            if texts := [word for word in words[::2] if word]:
                lines.append((name, i, _numbers(texts, place(document.path, (i,)))))
    classes = {int(values[0]) for _, _, values in lines}
    chosen = _PERSON if _PERSON in classes else min(classes, default=_PERSON)
    kept = [line for line in lines if line[2][0] == chosen]
    layout = _layout([values for _, _, values in kept], documents, options)
    people = []
    for name, i, values in kept:
        where = place(documents[name].path, (i,))
        if not layout.end <= len(values) <= layout.end + layout.confidence + 1:
            raise FormatError(
                f"{where}: {len(values)} numbers, other lines have {layout.end} to the last keypoint; give "
                "files of one model"
            )
        low = options.min_person_score
        if low is None or not layout.confidence or values[layout.end] >= low:
            people.append((places[name], _line_person(values, layout, where, name, (i,), options)))
    return Found(people, True, _put_line(layout), len(lines) - len(kept))


def _numbers(texts: Sequence[str], where: str) -> Float[np.ndarray, " N"]:
    for k, text in enumerate(texts):
        if _NUMBER.fullmatch(text.lower()) is None:
            raise FormatError(f"{where}.{k}: expected a number, got {shortened(text)}")
    return np.array(texts, dtype=np.float64)


def _layout(
    lines: Sequence[Float[np.ndarray, " N"]], documents: Mapping[str, Document], options: ReadOptions
) -> _Layout:
    """What fits all lines: the sets of keypoints with scores first, then without."""
    where = next(iter(documents.values())).path
    lengths = {len(values) for values in lines}
    counts = list(DETECTED)
    if options.skeleton in KEYPOINT_SETS:
        counts = [len(KEYPOINT_SETS[options.skeleton])]
    for dims in (3, 2):
        for joints in counts:
            extra = {length - _BOX - joints * dims for length in lengths}
            if extra and extra <= {0, 1, 2}:
                return _Layout(joints, dims, 2 in extra or (extra == {1} and not _are_tracks(lines)))
    if not lines:
        return _Layout(counts[0], 3, False)
    raise FormatError(
        f"{where}: lines of {', '.join(map(str, sorted(lengths)))} numbers, expected {_BOX} and x, y and "
        f"confidence of {', '.join(map(str, counts))} keypoints; for another set give --skeleton"
    )


def _are_tracks(lines: Sequence[Float[np.ndarray, " N"]]) -> bool:
    """Whether the last numbers are track numbers, which count from 1, and not confidences."""
    return all(values[-1] >= 1 and values[-1] == values[-1] // 1 for values in lines)


def _line_person(
    values: Float[np.ndarray, " N"],
    layout: _Layout,
    where: str,
    name: str,
    at: Address,
    options: ReadOptions,
) -> Person:
    points = values[_BOX : layout.end].reshape(layout.joints, layout.dims)
    number = layout.end + layout.confidence
    x, y, width, height = values[1:_BOX].tolist()
    return Person(
        keypoints=points[:, :2],
        scores=points[:, 2] if layout.dims == 3 else None,
        box=np.array([x - width / 2, y - height / 2, x + width / 2, y + height / 2]),
        track=int(values[number]) if len(values) > number else None,
        where=where,
        file=name,
        at=at,
        min_score=options.min_score,
    )


def _put_line(layout: _Layout) -> Callable[[Float[np.ndarray, " 2"]], Put]:
    def scaled(scale: Float[np.ndarray, " 2"]) -> Put:
        def put(line: list[str], row: Row) -> None:
            first = 0 if line[0] else 2  # a line may begin with blanks
            for j in np.flatnonzero(row.changed | row.dropped).tolist():
                at = first + 2 * (_BOX + layout.dims * j)
                if row.dropped[j]:
                    line[at], line[at + 2] = "0", "0"
                else:
                    line[at], line[at + 2] = map(repr, (row.values[j] / scale).tolist())
                if layout.dims == 3 and (row.dropped[j] or (row.filled[j] and not float(line[at + 4]) >= 0)):
                    line[at + 4] = "0"

        return put

    return scaled
