"""Commands about data sets: ``hanet data …``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hanet.cli.errors import user_errors

app = typer.Typer(no_args_is_help=True, help="List data sets and how to get them.")

POSES = Path("data/poses")
Poses = Annotated[Path, typer.Option(help="Folder of ingested data sets.")]


@app.command(name="list")
def show_all(poses: Poses = POSES) -> None:
    """List data sets and how to get them."""
    with user_errors():
        _check_folder(poses)
        from rich.console import Console
        from rich.markup import escape
        from rich.table import Table

        from hanet.datasets import cards

        table = Table("data set", "access", "sequences", "frames", "what it is")
        for name in cards.names(poses):
            card = cards.read_card(name, poses)
            counts = [f"{sum(getattr(s, key) for s in card.splits):,}" for key in ("sequences", "frames")]
            table.add_row(
                escape(name),
                card.source.access if card.source else "",
                *(counts if card.splits else ("", "")),
                card.source.title if card.source else "",
            )
        Console().print(table)


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="Name of the data set in params.yaml.")], poses: Poses = POSES
) -> None:
    """Show a data set: contents, terms, and the remaining steps before ingestion."""
    with user_errors():
        _check_folder(poses)
        from rich.console import Console
        from rich.markup import escape
        from rich.table import Table

        from hanet.datasets import cards

        card = cards.read_card(name, poses)
        console = Console(soft_wrap=True, highlight=False)
        console.print(f"[bold]{escape(name)}[/]")
        for title, text in cards.facts(card):
            console.print(f"{title}: {escape(text)}")
        if card.splits:
            table = Table("split", "sequences", "frames", "minutes", "labelled", "other caches")
            for split in card.splits:
                table.add_row(*cards.split_cells(split))
            console.print(table)
        for number, step in enumerate(card.missing, 1):
            console.print(f"  {number}. {escape(step)}")


def _check_folder(poses: Path) -> None:
    """Refuse a folder that was named but does not exist; without the default one, nothing is ingested yet."""
    if not poses.is_dir() and poses != POSES:
        raise ValueError(f"{poses}: expected a folder of ingested data sets, got no such folder")
