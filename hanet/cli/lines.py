"""Print lines whose names come from files: they can hold line breaks and codes that a terminal obeys."""

from __future__ import annotations

import typer


def one_line(text: str) -> str:
    r"""Return `text` with every character that does not print as an escape such as ``\n`` or ``\x1b``."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def say(text: str, *, err: bool = False) -> None:
    """Print one line, on stderr if `err`."""
    typer.echo(one_line(text), err=err)
