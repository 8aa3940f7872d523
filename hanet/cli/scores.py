"""``hanet score`` and ``hanet tables``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from hanet.cli import inputs
from hanet.cli.errors import user_errors
from hanet.cli.lines import say

Dataset = Literal["pw3d", "h36m", "aist", "jhmdb"]
"""Data sets with released pose files, see `hanet.datasets.pose_files.layouts.RELEASES`."""
Protocol = Literal["full", "released"]


def score(
    gt: Annotated[Path, typer.Option(help="Ground truth: a pose file of any format.")],
    detected: Annotated[list[Path], typer.Option(help="Pose file to score; once per method.")],
    fps: inputs.Fps = None,
    image_size: inputs.ImageSize = None,
    skeleton: inputs.SkeletonName = None,
    dataset: Annotated[
        Dataset | None,
        typer.Option(
            help="Data set of released files, DATASET_gt_SPLIT.npz and DATASET_ESTIMATOR_SPLIT.npz.",
            show_default="files of any format",
        ),
    ] = None,
    protocol: Annotated[
        Protocol, typer.Option(help="full: score every frame once; released: as in published results.")
    ] = "full",
    interval: Annotated[int, typer.Option(min=1, help="Frames between watched frames.")] = 5,
    q: Annotated[
        int | None, typer.Option(min=1, help="Intervals per window.", show_default="20, or 2 for jhmdb")
    ] = None,
    step_q: Annotated[int, typer.Option(min=1, help="Intervals between window starts.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """Score pose files of any format against the ground truth; of released files, interpolation too."""
    if dataset is None:
        with user_errors():
            rows, notes = _any_files(gt, detected, fps, image_size, skeleton)
        for note in notes:
            say(note, err=True)
        _show({"gt": str(gt), "rows": rows}, gt.name, as_json=as_json)
        return
    with user_errors():
        if len(detected) > 1:
            raise ValueError("--dataset scores one file of --detected; leave out the others")
        from hanet.datasets.pose_files.joints import RELEASES, released_pair
        from hanet.methods.filters import released_interpolation
        from hanet.metrics import evaluate
        from hanet.metrics.evaluate import require_frames

        truth, poses = released_pair(gt, detected[0], dataset)
        windows: dict[str, Any] = {"interval": interval, "q": q or RELEASES[dataset].q, "step_q": step_q}
        methods = {"input": None, "linear interpolation": released_interpolation(interval)}
        rows = {
            name: require_frames(evaluate(truth, poses, method, protocol, **windows))
            for name, method in methods.items()
        }
        report = {"dataset": dataset, **windows, "rows": {name: row.to_dict() for name, row in rows.items()}}
    _show(report, f"{dataset}, protocol {protocol}", as_json=as_json)


def _any_files(
    gt: Path, detected: Sequence[Path], fps: float | None, image_size: str | None, skeleton: str | None
) -> tuple[dict[str, Any], list[str]]:
    """Scores by name of the file, and notes on what was compared."""
    from hanet.metrics import evaluate
    from hanet.metrics.common import common
    from hanet.metrics.evaluate import require_frames

    options = inputs.read_options(fps, image_size, skeleton)
    truth = inputs.open_people(gt, options)
    truth.require_fps()
    rows: dict[str, Any] = {}
    notes = [f"{gt}: {note}" for note in truth.notes]
    for path in detected:
        poses = inputs.open_people(path, options)
        notes += [f"{path}: {note}" for note in poses.notes]
        pair = common(truth.tracks, poses.tracks, gt_path=gt, path=path)
        if len(pair.joints) < len(truth.skeleton):
            notes.append(f"{path}: {len(pair.joints)} of {len(truth.skeleton)} joints are in both files")
        row = require_frames(evaluate(pair.gt, pair.detected)).to_dict()
        row["means"]["found"] = pair.found
        row["intervals_95"]["found"] = [None, None]
        rows[path.name if path.name not in rows else str(path)] = row
    return rows, notes


def _show(report: dict[str, Any], title: str, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(report, indent=2))
    else:
        _print_scores(title, report["rows"])


def _print_scores(title: str, rows: Mapping[str, Mapping[str, Any]]) -> None:
    """A row per metric, a column per method: means with 95 % intervals over sequences."""
    from rich.console import Console
    from rich.table import Table

    first = next(iter(rows.values()))
    counts = (
        f"{n} {noun}{'' if n == 1 else 's'}" for noun in ("sequence", "frame") for n in (first[f"{noun}s"],)
    )
    known = any(
        end is not None for row in rows.values() for ends in row["intervals_95"].values() for end in ends
    )
    table = Table(title=f"{title}: {', '.join(counts)}")
    table.add_column("metric [95 % interval]" if known else "metric")
    for name in rows:
        table.add_column(name, justify="right", overflow="fold")
    for metric in first["means"]:
        cells = (
            _cell(row["means"][metric], row["intervals_95"][metric] if known else None)
            for row in rows.values()
        )
        table.add_row(metric, *cells)
    Console().print(table)


def _cell(mean: float | None, ends: Sequence[float | None] | None) -> str:
    """Mean, and interval if any; a dash where a number is unknown."""
    digits = 4 if mean is not None and abs(mean) < 1 else 2
    middle, *interval = ("–" if x is None else f"{x:.{digits}f}" for x in (mean, *(ends or ())))
    return f"{middle} \\[{', '.join(interval)}]" if interval else middle


def tables(
    reports: Annotated[Path, typer.Argument(help="Folder of the pipeline's reports.")] = Path("data/reports"),
) -> None:
    """Print the result tables that `dvc repro` wrote."""
    with user_errors():
        found = sorted(reports.glob("*/tables/*.json"))
        if not found:
            raise FileNotFoundError(
                f"no tables (*/tables/*.json) in {reports}; run `dvc repro` in the repository first"
            )
        from rich.console import Console

        from hanet.results.records import Table, read
        from hanet.results.rendering import terminal

        shown = [terminal(read(path, Table).model_dump(exclude_none=True)) for path in found]
        for table in shown:
            Console().print(table)
