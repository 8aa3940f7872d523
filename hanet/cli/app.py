"""The command line ``hanet``.

Modules of commands import the library inside the commands, so that help is quick.
"""

from __future__ import annotations

from typing import Annotated

import typer

from hanet.cli import data, meshes, scores, video
from hanet.cli.estimators import estimators

VIDEO = "From a video to refined poses"
RESULTS = "Scores and figures"
SOURCES = "Data sets and estimators"

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_show_locals=False)
for command in (video.demo_videos, video.estimate, video.refine, video.export, video.compare):
    app.command(rich_help_panel=VIDEO)(command)
for command in (scores.score, scores.tables):
    app.command(rich_help_panel=RESULTS)(command)
app.add_typer(meshes.app, name="figure", rich_help_panel=RESULTS)
app.add_typer(data.app, name="data", rich_help_panel=SOURCES)
app.command(rich_help_panel=SOURCES)(estimators)


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
