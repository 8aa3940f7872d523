"""Progress bars on stderr."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any


def bar(name: str, total: int | None = None) -> Callable[[Iterable[Any]], Iterable[Any]]:
    """A function that passes items through and shows progress; silent if stderr is not a terminal."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    return partial(
        track, description=name, total=total, console=console, transient=True, disable=not console.is_terminal
    )
