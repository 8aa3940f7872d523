"""``hanet estimators``: what each estimator needs, and whether its weights are there."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from hanet.estimators.cards import CARDS, Card, find_weights


def estimators(
    weights: Annotated[
        Path | None,
        typer.Option(
            envvar="HANET_WEIGHTS", exists=True, file_okay=False, help="Folder with downloaded weights."
        ),
    ] = None,
) -> None:
    """List the estimators: what each needs, its terms, and whether its weights are found."""
    table = Table(title="Estimators", show_lines=True, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for card in CARDS.values():
        lines = {
            "paper": card.paper,
            "used on": ", ".join(card.data_sets),
            "takes": card.needs,
            "gives": card.gives,
            "terms": card.licence,
            "weights": _weights(card, weights),
        }
        text = "\n".join(f"[bold]{name}[/bold]: {escape(line)}" for name, line in lines.items())
        table.add_row(f"[bold]{card.name}[/bold]", text)
    Console().print(table)


def _weights(card: Card, folder: Path | None) -> str:
    """Where the files are and their SHA-256, or how to get one."""
    if folder is not None and (found := find_weights(card, folder)):
        return "\n".join(f"found {file.path}\nSHA-256 {file.sha256}" for file in found)
    looked = f"not below {folder}" if folder else "not looked for: give --weights or set HANET_WEIGHTS"
    reported = f" (reported {card.reported})" if card.reported else ""
    return f"{looked}\n{' or '.join(card.files)} at {card.address}{reported}\n{card.how}"
