"""Turn errors that a user can fix into one message."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import typer


@contextmanager
def user_errors() -> Iterator[None]:
    """Print a ValueError or OSError as one message on stderr and exit with code 2."""
    try:
        yield
    except BrokenPipeError:  # the reader of a pipe has gone, as in `hanet data list | head`
        raise
    except (ValueError, OSError) as error:
        typer.echo(f"Error: {_message(error)}", err=True)
        raise typer.Exit(2) from None


def _message(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return str(error)


def finite(value: float | None) -> float | None:
    """Refuse ``nan`` and ``inf``, which pass the bounds of a number option."""
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter(f"expected a finite number, got {value}")
    return value
