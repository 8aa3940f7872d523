"""``hanet train``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from hanet.cli import inputs
from hanet.cli.errors import user_errors
from hanet.cli.lines import say
from hanet.cli.outputs import check_new_folder, wrote
from hanet.numbers import plain

if TYPE_CHECKING:
    from hanet.formats.base import ReadOptions
    from hanet.methods.own_pairs import Take
    from hanet.methods.own_training import Row


def train(
    detected: Annotated[
        list[Path], typer.Option(help="Poses of the estimator, in any format; once for each recording.")
    ],
    gt: Annotated[list[Path], typer.Option(help="Their ground truth, in the same order.")],
    out: Annotated[Path, typer.Option(help="Folder to write, for `hanet refine --model`.")],
    val: Annotated[
        list[str] | None,
        typer.Option(
            help="Names (or patterns) of --detected files that validate: other people than the rest.",
            show_default="the last fifth of the names",
        ),
    ] = None,
    network: Annotated[
        Literal["hanet", "mlp", "tcn", "smoothnet", "deciwatch"], typer.Option(help="Network to train.")
    ] = "hanet",
    epochs: Annotated[int, typer.Option(min=2, help="Epochs of at most 50 steps.")] = 20,
    seed: Annotated[int, typer.Option(min=0, help="Of weights, order and augmentation.")] = 4321,
    fps: inputs.Fps = None,
    image_size: inputs.ImageSize = None,
    skeleton: inputs.SkeletonName = None,
    min_score: inputs.MinScore = None,
) -> None:
    """Train a refiner on your own poses with their ground truth, and say whether it beats none."""
    with user_errors("train"):
        check_new_folder(out, inputs=[*detected, *gt])
        if len(detected) != len(gt):
            raise ValueError(
                "--detected and --gt belong together, one each for each recording; "
                f"got {len(detected)} and {len(gt)}"
            )
        options = inputs.read_options(fps, image_size, skeleton, min_score)
        takes = [_take(a, b, options) for a, b in zip(detected, gt, strict=True)]
        from hanet.methods.own_pairs import split
        from hanet.methods.own_training import train_on

        left, held = split(takes, val or [])
        names = [take.name for take in held]
        shown = ", ".join(names) if len(names) < 6 else f"{', '.join(names[:5])} and {len(names) - 5} more"
        say(f"{len(left)} recordings to train on; {shown} validate")
        from rich.progress import Progress

        with Progress() as progress:
            task = progress.add_task("epochs", total=epochs)
            rows = train_on(
                left,
                held,
                out,
                network=network,
                epochs=epochs,
                seed=seed,
                on_epoch=lambda row: progress.update(
                    task, advance=1, description=f"validation {plain(row['validation_error'], 4)}"
                ),
            )
    for line in _table(rows, takes[0].gt[0].unit):
        say(line)
    wrote(out)


def _take(detected: Path, gt: Path, options: ReadOptions) -> Take:
    from hanet.methods.own_pairs import Take
    from hanet.metrics.common import common

    truth, poses = (inputs.open_people(path, options) for path in (gt, detected))
    truth.require_fps()
    pair = common(truth.tracks, poses.tracks, gt_path=gt, path=detected)
    return Take(detected.name, pair.detected, pair.gt)


def _table(rows: list[Row], unit: str) -> list[str]:
    """One line for each row, and whether to use the model."""
    shown = "mm" if unit == "m" else "px"
    lines = ["on the recordings that validate:"]
    lines += [
        f"  {row.name:<16} {plain(row.error, 4):>8} {shown}, acceleration error {plain(row.acceleration)} "
        f"{shown}/frame², {100 * row.unharmed:.0f} % of the recordings not worse than the input"
        for row in rows
    ]
    best = min(rows, key=lambda row: row.error)
    if best.name != "this model":
        lines.append(f"the {best.name} has the lower error there: use it, or train on more people")
    return lines
