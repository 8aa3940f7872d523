"""Names in params.yaml: those of `hanet.options`, short enough for the names of files made of them."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from hanet import options

LONGEST = 100
"""Characters: names of files have at most 255 bytes and hold two names, a seed and an ending."""


def short(text: str) -> str:
    """Return `text` if it has at most `LONGEST` characters.

    Raises:
        ValueError: longer text.
    """
    if len(text) > LONGEST:
        raise ValueError(
            f"expected a name of at most {LONGEST} characters, got {len(text)}: {text[:20]!r} …; shorten it"
        )
    return text


Name = Annotated[options.Name, AfterValidator(short)]
Names = Annotated[list[Name], Field(min_length=1), AfterValidator(options.once)]
