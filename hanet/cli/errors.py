"""Turn errors that a user can fix into one message."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from hanet.cli.lines import say
from hanet.extras import EXTRAS, message, package_of
from hanet.poses.errors import NoPosesError


@contextmanager
def user_errors(extra: str | None = None) -> Iterator[None]:
    """Print a ValueError or OSError as one message on stderr and exit: 1 for input without poses, else 2.

    So is an OverflowError: an integer in a file that no float can hold. A package that is not installed is
    such an error too. The message names `extra`, which brings all that the command needs, or else the extra
    that brings the package.
    """
    try:
        yield
    except BrokenPipeError:  # the reader of a pipe has gone, as in `hanet data list | head`
        raise
    except ModuleNotFoundError as error:
        if package_of(error) not in EXTRAS:
            raise
        say(f"Error: {message(error, extra)}", err=True)
        raise typer.Exit(2) from None
    except OverflowError as error:
        say(f"Error: a number in the input is too large ({error}); correct it", err=True)
        raise typer.Exit(2) from None
    except (ValueError, OSError) as error:
        say(f"Error: {message(error)}", err=True)
        raise typer.Exit(_exit_code(error)) from None


def _exit_code(error: Exception) -> int:
    return 1 if isinstance(error, NoPosesError) else 2


def finite(value: float | None) -> float | None:
    """Refuse ``nan`` and ``inf``, which pass the bounds of a number option."""
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter(f"expected a finite number, got {value}")
    return value
