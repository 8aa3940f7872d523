"""All commands of the command line, from its own tree."""

from __future__ import annotations

from typing import Any

from typer.main import get_command

from hanet.cli.app import app


def tree() -> dict[str, Any]:
    """Every command by the words that call it; groups too, the whole command line as ``""``."""
    found: dict[str, Any] = {}

    def walk(command: Any, words: tuple[str, ...]) -> None:
        found[" ".join(words)] = command
        for name, child in getattr(command, "commands", {}).items():
            walk(child, (*words, name))

    walk(get_command(app), ())
    return found


def leaves() -> list[str]:
    """The commands that do something, by the words that call them."""
    return [words for words, command in tree().items() if not hasattr(command, "commands")]
