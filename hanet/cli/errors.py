"""What the commands share: errors that a user can mend, in one message."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console


@contextmanager
def user_errors() -> Iterator[None]:
    """Turn what a user can mend (files, settings) into one message and exit code 2."""
    try:
        yield
    except (ValueError, OSError) as error:
        Console(stderr=True, soft_wrap=True, highlight=False).print(f"Error: {error}", markup=False)
        raise typer.Exit(2) from None
