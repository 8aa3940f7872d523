"""``hanet models``: the weights that come with the package, and the trained models of a folder."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from hanet.cli.errors import user_errors

MODELS = Path("data/models")
STATISTICS = {"mean", "deviation"}
"""Tensors of the general refiner that no training changes: its features' mean and standard deviation."""


@dataclass(frozen=True)
class Row:
    """What one checkpoint says about itself; `problem` stands for the rest where it can't be read."""

    name: str
    network: str = ""
    weights: str = ""
    poses: str = ""
    validation: str = ""
    problem: str = ""


def models(
    folder: Annotated[
        Path, typer.Argument(help="Folder of trained models, searched with its subfolders.")
    ] = MODELS,
    card: Annotated[
        str | None,
        typer.Option(help="Print this model's card as Markdown.", show_default="a table of all models"),
    ] = None,
) -> None:
    """List trained models and the package's weights: network, size, poses, validation error."""
    with user_errors():
        if card is not None:
            typer.echo(_card(card, folder))
            return
        rows = _shipped()
        if folder.is_dir():
            found = [_row(path.parent, folder) for path in sorted(folder.rglob("model.json"))]
            if not found:
                raise ValueError(
                    f"{folder} holds no trained model (a folder with model.json and model.safetensors)"
                )
            rows += found
        elif folder != MODELS:
            raise ValueError(f"there is no folder {folder}: `make repro` makes it, or name another one")
        from rich.box import SIMPLE_HEAD
        from rich.console import Console
        from rich.markup import escape
        from rich.table import Table

        table = Table(box=SIMPLE_HEAD)
        for title in ("model", "network", "weights", "refines", "validation"):
            table.add_column(title, overflow="fold")
        for row in rows:
            if row.problem:
                table.add_row(escape(row.name), "[red]unreadable[/]", "", escape(row.problem), "")
            else:
                table.add_row(*map(escape, (row.name, row.network, row.weights, row.poses, row.validation)))
        Console().print(table)
    if any(row.problem for row in rows):
        raise typer.Exit(1)


def _card(name: str, folder: Path) -> str:
    from hanet.models.cards import SHIPPED, model_card, shipped_card

    return shipped_card(name) if name in SHIPPED else model_card(folder / name)


def _shipped() -> list[Row]:
    """The weights that come with the package; their validation is in their cards."""
    from hanet.models.cards import SHIPPED

    rows = []
    for name, path in SHIPPED.items():
        network, poses = ("general", "any poses") if name == "general" else ("fcn", "lifts 2d to 3d, cmu16")
        rows.append(Row(name, network, f"{_weights(path):,}", poses, "see --card"))
    return rows


def _weights(path: Path) -> int:
    from safetensors import safe_open

    with safe_open(str(path), "numpy") as tensors:
        learned = set(tensors.keys()) - STATISTICS
        return sum(math.prod(tensors.get_slice(key).get_shape()) for key in learned)


def _row(model: Path, folder: Path) -> Row:
    from safetensors import SafetensorError

    from hanet.models.descriptions import WEIGHTS, read_description

    name = model.relative_to(folder).as_posix()
    try:
        description = read_description(model)
        weights = _weights(model / WEIGHTS)
    except (ValueError, OSError, SafetensorError) as error:
        return Row(name, problem=str(error))
    metadata = description["metadata"]
    poses = metadata.get("poses") or {}
    error, unit = metadata.get("validation_error"), metadata.get("validation_error_unit", "")
    return Row(
        name,
        network=str(description["network"]),
        weights=f"{weights:,}",
        poses=", ".join(
            str(part)
            for part in (poses.get("representation"), poses.get("skeleton"), _rate(poses.get("fps")))
            if part
        ),
        validation=f"{error:.2f} {unit}".strip() if isinstance(error, (int, float)) else "",
    )


def _rate(fps: object) -> str:
    return f"{fps:g} fps" if isinstance(fps, (int, float)) else ""
