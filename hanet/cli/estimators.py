"""``hanet estimators``: the inputs of each estimator, and whether its weights are present."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hanet.cli.errors import user_errors


def estimators(
    weights: Annotated[
        Path | None,
        typer.Option(
            envvar="HANET_WEIGHTS", help="Folder with downloaded weights.", show_default="no search for files"
        ),
    ] = None,
) -> None:
    """List the estimators: input, output, terms, and where to get the weights."""
    with user_errors():
        if weights is not None and not weights.is_dir():
            raise ValueError(f"{weights}: expected a folder with downloaded weights, got no such folder")
        from rich.console import Console
        from rich.markup import escape
        from rich.table import Table

        from hanet.estimators.cards import CARDS, facts

        table = Table(title="Estimators", show_lines=True, show_header=False)
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for card in CARDS.values():
            lines = facts(card, weights)
            text = "\n".join(f"[bold]{name}[/bold]: {escape(line)}" for name, line in lines.items())
            table.add_row(f"[bold]{card.name}[/bold]", text)
    Console().print(table)
