"""Commands about data sets: ``hanet data …``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from hanet.cli.errors import user_errors
from hanet.datasets import cards
from hanet.datasets.cards import Card

app = typer.Typer(no_args_is_help=True, help="What data sets there are, and what each takes.")

Poses = Annotated[Path, typer.Option(help="Folder of ingested data sets.")]
POSES = Path("data/poses")


@app.command(name="list")
def show_all(poses: Poses = POSES) -> None:
    """List every data set: what is ingested, and how the others are had."""
    with user_errors():
        table = Table("data set", "access", "sequences", "frames", "what it is")
        for name in cards.names(poses):
            card = cards.read_card(name, poses)
            counts = [f"{sum(getattr(s, key) for s in card.splits):,}" for key in ("sequences", "frames")]
            table.add_row(
                name,
                card.source.access if card.source else "",
                *(counts if card.splits else ("", "")),
                card.source.title if card.source else "",
            )
        Console().print(table)


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="The data set, as in params.yaml.")], poses: Poses = POSES
) -> None:
    """Show a data set's card: contents, terms, and what is missing to run it."""
    with user_errors():
        card = cards.read_card(name, poses)
        console = Console(soft_wrap=True, highlight=False)
        console.print(f"[bold]{escape(name)}[/]")
        for title, text in _facts(card):
            console.print(f"{title}: {escape(text)}")
        if card.splits:
            console.print(_splits(card))
        for number, step in enumerate(card.missing, 1):
            console.print(f"  {number}. {escape(step)}")


def _facts(card: Card) -> list[tuple[str, str]]:
    facts = []
    if card.source:
        facts += [
            ("what", card.source.title),
            *([("as published", card.source.published)] if card.source.published else []),
            ("from", card.source.home_page),
            ("access", card.source.access),
            ("terms", card.source.terms),
            ("reference", card.source.reference),
        ]
    if card.splits:
        poses = card.splits[-1].described
        joints = f"{len(poses.skeleton)} joints ({poses.skeleton.name})"
        frame = poses.frame_of_reference.replace("_", " ")
        facts.append(("poses", f"{poses.representation}, {joints}, {poses.unit}, {frame}, {poses.fps:g} fps"))
        facts.append(("leakage", card.leakage or "not checked; ingest it again"))
    if card.leak:
        facts.append(("beside every number", card.leak))
    if card.missing:
        facts.append(("not ingested", "to have it"))
    return facts


def _splits(card: Card) -> Table:
    table = Table("split", "sequences", "frames", "minutes", "labelled", "beside")
    for split in card.splits:
        table.add_row(
            split.name,
            f"{split.sequences:,}",
            f"{split.frames:,}",
            f"{split.frames / split.described.fps / 60:,.1f}",
            f"{split.labelled:.1%}",
            ", ".join(split.beside),
        )
    return table
