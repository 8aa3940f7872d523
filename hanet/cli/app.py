"""The command line ``hanet``.

Modules of commands import the library inside the commands, so that help is quick.
"""

from __future__ import annotations

from typing import Annotated

import typer

from hanet.cli import calibrate, convert, data, export, info, meshes, refine, scores, train, video, view
from hanet.cli.estimators import estimators
from hanet.cli.models import models
from hanet.cli.usage import Group

FILES = "Poses of any estimator"
VIDEO = "From a video to refined poses"
RESULTS = "Scores and figures"
SOURCES = "Data sets, estimators and models"

app = typer.Typer(cls=Group, no_args_is_help=True, add_completion=False, pretty_exceptions_show_locals=False)
for command in (
    refine.refine,
    calibrate.calibrate,
    train.train,
    convert.convert,
    info.info,
    view.view,
    view.app,
    scores.score,
):
    app.command(rich_help_panel=FILES)(command)
for command in (video.demo_videos, video.estimate, video.export, video.compare):
    app.command(rich_help_panel=VIDEO)(command)
app.command(rich_help_panel=RESULTS)(scores.tables)
app.add_typer(meshes.app, name="figure", rich_help_panel=RESULTS)
app.add_typer(data.app, name="data", rich_help_panel=SOURCES)
for command in (estimators, models, export.export_onnx):
    app.command(rich_help_panel=SOURCES)(command)


def _print_version(wanted: bool) -> bool:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"hanet {version('hanet')}")
        raise typer.Exit
    return wanted


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """HANet: refining human poses in video."""
