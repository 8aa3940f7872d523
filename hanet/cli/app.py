"""The command line: one function a command, thin over the library."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from hanet.cli.data import app as data_app
from hanet.cli.errors import user_errors
from hanet.cli.estimators import estimators
from hanet.cli.meshes import app as figure_app
from hanet.cli.video import register as register_video_commands
from hanet.datasets.pose_files.joints import RELEASES, released_pair
from hanet.methods.filters import interpolate
from hanet.metrics import Scores, evaluate
from hanet.results.rendering import terminal

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_show_locals=False)
app.add_typer(figure_app, name="figure")
app.add_typer(data_app, name="data")

app.command()(estimators)
register_video_commands(app)


class Dataset(StrEnum):
    """Data sets whose released pose files can be read."""

    pw3d = "pw3d"
    h36m = "h36m"
    aist = "aist"
    jhmdb = "jhmdb"


class ScoreProtocol(StrEnum):
    """How released pose files are scored."""

    full = "full"
    released = "released"


@app.callback()
def main() -> None:
    """HANet: refining human poses in video."""


@app.command()
def score(
    gt: Annotated[Path, typer.Option(help="Ground truth, <dataset>_gt_<split>.npz.")],
    detected: Annotated[Path, typer.Option(help="Detected poses, <dataset>_<estimator>_<split>.npz.")],
    dataset: Annotated[Dataset, typer.Option(help="Whose layout the two files have.")],
    protocol: Annotated[
        ScoreProtocol, typer.Option(help="full: every frame once. released: as the published figures.")
    ] = ScoreProtocol.full,
    interval: Annotated[int, typer.Option(min=1, help="Frames from one watched frame to the next.")] = 5,
    q: Annotated[
        int | None, typer.Option(min=1, help="Intervals a window. [default: 20, for jhmdb 2]")
    ] = None,
    step_q: Annotated[int, typer.Option(min=1, help="Intervals between window starts.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """Score pose files that others released: the input, and linear interpolation between watched frames."""
    with user_errors():
        truth, poses = released_pair(gt, detected, dataset.value)
        settings = {"interval": interval, "q": q or RELEASES[dataset.value].q, "step_q": step_q}
        methods = {"input": None, "linear interpolation": interpolate(interval)}
        rows = {
            name: evaluate(truth, poses, refine, protocol.value, **settings)
            for name, refine in methods.items()
        }
    if as_json:
        typer.echo(json.dumps(_report(dataset, settings, rows), indent=2))
    else:
        Console().print(_table(f"{dataset.value}, protocol {protocol.value}", rows))


def _report(dataset: Dataset, settings: Mapping[str, int], rows: Mapping[str, Scores]) -> dict[str, Any]:
    return {"dataset": dataset.value, **settings, "rows": {name: row.to_dict() for name, row in rows.items()}}


def _table(title: str, rows: Mapping[str, Scores]) -> Table:
    """Metrics down, methods across, each mean with its 95 % interval over sequences."""
    first = next(iter(rows.values()))
    table = Table(title=f"{title}: {first.sequences} sequences, {first.frames} frames")
    table.add_column("metric [95 % interval]")
    for name in rows:
        table.add_column(name, justify="right")
    for metric in first.means:
        cells = (_cell(row.means[metric], row.intervals[metric]) for row in rows.values())
        table.add_row(metric, *cells)
    return table


def _cell(mean: float, ends: tuple[float, float]) -> str:
    digits = 4 if abs(mean) < 1 else 2
    return f"{mean:.{digits}f} \\[{ends[0]:.{digits}f}, {ends[1]:.{digits}f}]"


@app.command()
def tables(
    reports: Annotated[Path, typer.Argument(help="Folder of the pipeline's reports.")] = Path("data/reports"),
) -> None:
    """Print the tables that `dvc repro` made."""
    with user_errors():
        found = sorted(reports.glob("*/tables/*.json"))
        if not found:
            raise FileNotFoundError(f"no tables below {reports}; run `dvc repro` in the repository first")
        for path in found:
            Console().print(terminal(json.loads(path.read_text())))
