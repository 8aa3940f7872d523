"""JSON documents of pose estimators: bounded, checked entry by entry, and written back in their own style."""

from __future__ import annotations

import json
import math
import re
import reprlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, TypeVar

import numpy as np
from jaxtyping import Float
from pydantic import BaseModel, BeforeValidator, Field, Strict, ValidationError

from hanet.formats.base import FormatError

Model = TypeVar("Model", bound=BaseModel)
Address = tuple[str | int, ...]
"""Keys and indices that lead to an entry."""

MAX_BYTES = 1 << 30
"""Largest document that is read; it takes about ten times as much memory."""
_BOM = b"\xef\xbb\xbf"
_INDENT = re.compile(rb"\s*[\[{]\r?\n([ \t]+)")
_OUTSIDE_TEXT = re.compile(rb'"(?:[^"\\]|\\.)*"')


@dataclass(frozen=True)
class Document:
    """A JSON file as its bytes, so that it can be parsed again for each writing.

    Attributes:
        path: where it comes from.
        raw: its content.
    """

    path: Path
    raw: bytes

    @classmethod
    def open(cls, path: Path) -> Document:
        """Read a file.

        Raises:
            FileNotFoundError: no such file.
            FormatError: larger than `MAX_BYTES`.
        """
        if not path.is_file():
            raise FileNotFoundError(f"{path}: no such file; check the path")
        if (size := path.stat().st_size) > MAX_BYTES:
            raise FormatError(
                f"{path}: {size >> 20} MiB, expected at most {MAX_BYTES >> 20}; split the file by video"
            )
        return cls(path, path.read_bytes())

    def parse(self) -> Any:
        """The document; the tokens NaN and Infinity are numbers, a byte-order mark is skipped.

        Raises:
            FormatError: not JSON in UTF-8, cut off, empty, nested too deeply, or a key twice in an object.
        """
        if self.raw.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise FormatError(f"{self.path}: not a whole JSON document (UTF-16 text); save it as UTF-8")
        try:
            return json.loads(self.raw.removeprefix(_BOM), object_pairs_hook=_object)
        except FormatError as error:
            raise FormatError(f"{self.path}: {error}; write the file again") from None
        except RecursionError:
            raise FormatError(
                f"{self.path}: lists or objects nested too deeply; expected the JSON of a pose estimator"
            ) from None
        except ValueError as error:
            raise FormatError(
                f"{self.path}: not a whole JSON document ({error}); write or copy the file again"
            ) from error

    def dump(self, document: Any) -> bytes:
        """The changed document in the style of the source: mark, indentation, separators, last line."""
        indent, comma, colon = self._style
        plain = self.raw.removeprefix(_BOM).isascii() or b"\\ud" in self.raw.lower()
        separators = (comma, colon)
        text = json.dumps(document, indent=indent, separators=separators, ensure_ascii=plain).encode()
        if b"\r\n" in self.raw[: 1 << 16]:
            text = text.replace(b"\n", b"\r\n")
        end = re.search(rb"\s*\Z", self.raw[-16:])
        return (_BOM if self.raw.startswith(_BOM) else b"") + text + (end[0] if end else b"")

    @cached_property
    def _style(self) -> tuple[str | None, str, str]:
        head = self.raw.removeprefix(_BOM)[: 1 << 16]
        plain = _OUTSIDE_TEXT.sub(b'""', head)
        indented = _INDENT.match(head)
        colon = ": " if b'"": ' in plain or b'"":' not in plain else ":"
        if indented:
            return indented[1].decode(), ",", colon
        return None, ", " if b", " in plain or b"," not in plain else ",", colon


class Lines(Document):
    """A text file of numbers, parsed into lines of words with the blanks between them at odd places."""

    def parse(self) -> list[list[str]]:
        """Words and blanks of each line, which begins with a word, or with an empty one before a blank.

        Raises:
            FormatError: not UTF-8 text.
        """
        try:
            text = self.raw.removeprefix(_BOM).decode()
        except UnicodeDecodeError as error:
            raise FormatError(f"{self.path}: not text ({error}); expected lines of numbers") from error
        return [re.split(r"([ \t]+)", line) for line in text.splitlines()]

    def dump(self, document: Any) -> bytes:
        """The lines with their blanks, ending as the source's do."""
        end = b"\r\n" if b"\r\n" in self.raw else b"\n"
        last = end if document and (not self.raw or self.raw.endswith((b"\n", b"\r"))) else b""
        mark = _BOM if self.raw.startswith(_BOM) else b""
        return mark + end.join("".join(line).encode() for line in document) + last


def open_folder(root: Path, paths: Iterable[Path], kind: Callable[[Path], Document]) -> dict[str, Document]:
    """Documents by their names within a folder; hidden files are left out.

    Raises:
        FormatError: more than `MAX_BYTES` altogether.
    """
    documents: dict[str, Document] = {}
    size = 0
    for path in sorted(path for path in paths if not path.name.startswith(".") and path.is_file()):
        size += path.stat().st_size
        if size > MAX_BYTES:
            raise FormatError(f"{root}: more than {MAX_BYTES >> 20} MiB of files; give one video's folder")
        documents[path.relative_to(root).as_posix()] = kind(path)
    return documents


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise FormatError(f"the key {shortened(twice)} comes twice in an object")
    return result


def _number(value: Any) -> Any:
    """NaN and infinity stand for no number."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _track(value: Any) -> Any:
    """A whole number from 0 on; a negative one and NaN stand for no number."""
    value = _number(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return None if isinstance(value, int) and value < 0 else value


Number = Annotated[float | None, Strict(), BeforeValidator(_number)]
"""A field with a number, or None."""
TrackId = Annotated[Annotated[int, Field(lt=1 << 62)] | None, Strict(), BeforeValidator(_track)]
"""A field with a person's number, or None."""


def check(model: type[Model], document: Any, path: Path, *, expected: str) -> Model:
    """The document as its model; what does not fit is refused by entry.

    Args:
        model: of the format.
        document: as `Document.parse` gives it.
        path: where it comes from.
        expected: what the file should be, in words.
    """
    try:
        return model.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the document"
        raise FormatError(
            f"{path}, entry {where}: {first['msg']}, got {shortened(first['input'])}; expected {expected}"
        ) from None


def shortened(value: Any) -> str:
    """The value for a message."""
    text = reprlib.repr(value) if isinstance(value, (list, dict)) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def entry_at(document: Any, address: Address) -> Any:
    """The entry that the keys and indices lead to."""
    for step in address:
        document = document[step]
    return document


def place(path: Path, address: Address) -> str:
    """File and entry for messages."""
    return f"{path}, entry {'.'.join(map(str, address))}" if address else str(path)


def numbers(values: Any, where: str, *, expected: str) -> Float[np.ndarray, " N"]:
    """A list of numbers as float64, null as NaN.

    Args:
        values: what the document has.
        where: file and entry, for messages.
        expected: what the list should be, in words.

    Raises:
        FormatError: not a list, or an item that is neither a number nor null.
    """
    if not isinstance(values, list):
        raise FormatError(f"{where}: expected {expected}, got {shortened(values)}")
    if not set(map(type, values)) <= {int, float, NoneType}:
        i = next(i for i, value in enumerate(values) if type(value) not in (int, float, NoneType))
        raise FormatError(f"{where}.{i}: expected a number or null, got {shortened(values[i])}")
    try:
        return np.array(values, dtype=np.float64)
    except OverflowError:
        raise FormatError(f"{where}: expected {expected}, got an integer beyond any coordinate") from None


def triples(values: Any, where: str, key: str) -> Float[np.ndarray, "J 3"]:
    """x, y and score of each keypoint from one flat list, which the entry `where` has under `key`.

    Raises:
        FormatError: as `numbers`; a count that is no multiple of 3, or none.
    """
    found = numbers(values, f"{where}.{key}", expected="a list of x, y and score of each keypoint")
    if len(found) == 0 or len(found) % 3:
        raise FormatError(f"{where}: {len(found)} numbers, expected x, y and score of each keypoint")
    return found.reshape(-1, 3)


def corners(box: Any, where: str) -> Float[np.ndarray, " 4"] | None:
    """x1, y1, x2, y2 of x, y, width, height."""
    if box is None:
        return None
    found = numbers(box, where, expected="x, y, width and height")
    if len(found) != 4:
        raise FormatError(f"{where}: a box of {len(found)} numbers, expected x, y, width, height")
    return np.concatenate([found[:2], found[:2] + found[2:]])
