"""Wrong options and arguments as one line, like every other error of a command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from typer.core import TyperGroup

from hanet.cli.lines import say

_UsageError: Any = next(base for base in typer.BadParameter.__mro__ if base.__name__ == "UsageError")
"""Public in click, private in Typer's copy of it."""
_HELP = "NoArgsIsHelpError"
"""A group of commands that was named alone shows its help."""


class Group(TyperGroup):
    """A group of commands whose usage errors are one line on stderr, with exit code 2."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the group's own options."""
        with _one_line():
            return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Find the command, read its options and arguments, run it."""
        with _one_line():
            return super().invoke(ctx)


@contextmanager
def _one_line() -> Iterator[None]:
    try:
        yield
    except _UsageError as error:
        if type(error).__name__ == _HELP:
            raise
        where = "" if error.ctx is None else f"; {error.ctx.command_path} --help lists what it takes"
        say(f"Error: {error.format_message().rstrip('.')}{where}", err=True)
        raise typer.Exit(2) from None
