"""All figures of an experiment's test results, with captions."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import track

from hanet.figures.charts.curves import ACCEL_SECONDS, curves
from hanet.figures.charts.errors import SMOOTHING_SECONDS, WORST_SHARE
from hanet.figures.charts.joints import by_joint as draw_by_joint
from hanet.figures.charts.scores import METRICS, MethodScores, budget, comparison, shared_metrics
from hanet.figures.choose import rows_around, spread_rows
from hanet.figures.meshes.experiment import draw as draw_meshes
from hanet.figures.settings import FigureSettings
from hanet.figures.shown import Shown
from hanet.figures.skeletons.motion import Motion
from hanet.figures.skeletons.stills import skeletons, views
from hanet.figures.style import method_styles, save
from hanet.figures.video import write_motion
from hanet.progress import console

INPUT = "input"
MAX_GIF_BYTES = 2_000_000
FOLLOWED = ("-filtered", "-general")
"""What the name of a row ends with that another method follows, see `hanet.methods.names`."""
STILLS = 4
"""Number of frames of the worst span to show as skeletons."""


def draw(
    folder: Path,
    shown: Shown,
    settings: FigureSettings,
    *,
    scores: Mapping[str, Any],
    provenance: Mapping[str, Any],
    by_joint_table: Path,
) -> list[dict[str, str]]:
    """Draw all figures into a folder.

    Args:
        folder: folder to write to.
        shown: the sequence in figures of poses.
        settings: options of the figures.
        scores: scores by method, as in the report.
        provenance: provenance of the scores.
        by_joint_table: CSV file of errors by joint.

    Returns:
        The manifest: file, kind, title and caption of each figure.
    """
    return [
        *over_time(folder, shown),
        *stills(folder, shown, settings),
        *motion(folder, shown, settings),
        *meshes(folder, shown),
        *summaries(folder, scores, provenance),
        *by_joint(folder, by_joint_table, shown.methods, provenance),
    ]


def over_time(folder: Path, shown: Shown) -> list[dict[str, str]]:
    """Draw curves.svg."""
    save(curves(shown.gt, shown.methods), folder / "curves.svg")
    position = "MPJPE" if shown.gt.representation == "3d" else "mean keypoint error"
    caption = (
        f"Per-frame {position} (above) and acceleration error (below, mean over {ACCEL_SECONDS:g} s, "
        f"logarithmic) of {names(shown.methods)} on {shown.where()}, all {len(shown.gt)} frames at "
        f"{shown.gt.fps:g} fps; means in the legend."
    )
    if INPUT in shown.methods:
        caption += (
            f" Shaded: error-prone spans, where the input's error, averaged over {SMOOTHING_SECONDS:g} s, is "
            f"among the sequence's worst {WORST_SHARE:.0%}."
        )
    return [entry("curves.svg", "Errors over one sequence", caption)]


def stills(folder: Path, shown: Shown, settings: FigureSettings) -> list[dict[str, str]]:
    """Draw views.png of 3D joints, or skeletons.png of keypoints."""
    rows = spread_rows(shown.span, STILLS)
    if shown.gt.representation == "3d":
        file, title, seen = "views.png", "Skeletons in two views", "from the front and from the side, "
        figure = views(shown.gt, shown.methods, rows, wrong_mm=settings.wrong_mm)
    else:
        file, title, seen = "skeletons.png", "Skeletons", ""
        figure = skeletons(shown.gt, shown.methods, rows, wrong_alpha=settings.wrong_alpha)
    save(figure, folder / file)
    frames = ", ".join(str(shown.gt.start + row) for row in rows)
    caption = (
        f"{names(shown.methods)} {seen}over the ground truth (grey): frames {frames}, spread over "
        f"the worst of the input's error-prone spans of {shown.where()}. {shown.wrong(settings)}"
    )
    return [entry(file, title, caption)]


def motion(folder: Path, shown: Shown, settings: FigureSettings) -> list[dict[str, str]]:
    """Draw motion.mp4 and motion.gif."""
    gt = shown.gt
    count = round(settings.seconds * gt.fps)
    rows = rows_around(shown.span.worst, count, length=len(gt))
    moving = Motion(
        gt,
        shown.methods | {"gt": gt},
        rows,
        wrong_mm=settings.wrong_mm,
        wrong_alpha=settings.wrong_alpha,
    )
    caption = (
        f"{names([*shown.methods, 'gt'])} side by side in real time, over the ground truth (grey), with "
        f"the error of each frame: frames {gt.start + rows[0]} to {gt.start + rows[-1]}, around the "
        f"worst of the input's error-prone spans of {shown.where()}. {shown.wrong(settings)}"
    )
    entries = []
    for file, limit in (("motion.mp4", None), ("motion.gif", MAX_GIF_BYTES)):
        write_motion(moving, folder / file, fps=gt.fps, track=progress(file), max_bytes=limit)
        entries.append(entry(file, "Skeletons in motion", caption))
    return entries


def meshes(folder: Path, shown: Shown) -> list[dict[str, str]]:
    """Draw mesh.png and mesh.mp4 of an SMPL experiment; nothing of other experiments."""
    if shown.meshes is None:
        return []
    return draw_meshes(folder, shown.meshes, shown.span.worst, shown.where())


def progress(name: str) -> Callable[[Iterable[Any], int], Iterable[Any]]:
    """A progress bar on the stage's console."""
    return lambda frames, total: track(frames, description=f"  {name}", total=total, console=console)


def summaries(folder: Path, scores: Mapping[str, Any], provenance: Mapping[str, Any]) -> list[dict[str, str]]:
    """Draw budget.svg, of methods that no other follows, and comparison.svg of all methods of the run."""
    rows = {name: MethodScores.from_dict(row) for name, row in scores.items()}
    alone = {name: row for name, row in rows.items() if not name.endswith(FOLLOWED)}
    save(budget(alone), folder / "budget.svg")
    save(comparison(rows), folder / "comparison.svg")
    metrics = " and ".join(METRICS[metric] for metric in shared_metrics(rows))
    bars = f"bars are 95% bootstrap intervals over sequences. {protocol(provenance)}"
    few = "" if len(alone) == len(rows) else ", without another one after them"
    return [
        entry(
            "budget.svg",
            "Accuracy against frames read",
            f"By the share of frames that are read: {metrics} of {names(alone)}{few}; {bars}",
        ),
        entry(
            "comparison.svg",
            "All methods",
            f"Best first, the dotted line is the input: {metrics} of {names(rows)}; {bars}",
        ),
    ]


def by_joint(
    folder: Path, table: Path, methods: Iterable[str], provenance: Mapping[str, Any]
) -> list[dict[str, str]]:
    """Draw joints.svg, means over seeds; nothing if the run has no errors by joint."""
    values: dict[str, dict[str, list[float]]] = {name: defaultdict(list) for name in methods}
    with table.open(newline="") as file:
        reader = csv.DictReader(file)
        metric = (reader.fieldnames or ["mpjpe_mm"])[-1]
        for row in reader:
            if row["method"] in values and row[metric]:
                values[row["method"]][row["joint"]].append(float(row[metric]))
    errors = {
        name: {joint: float(np.mean(each)) for joint, each in joints.items()}
        for name, joints in values.items()
        if joints
    }
    if not errors:
        return []
    label = METRICS.get(metric, metric)
    save(draw_by_joint(errors, label=label), folder / "joints.svg")
    root = "; the root, where all errors are zero, is left out" if metric == "mpjpe_mm" else ""
    caption = f"{label} by joint of {names(errors)}, mean over seeds{root}. {protocol(provenance)}"
    return [entry("joints.svg", "Errors by joint", caption)]


def names(methods: Iterable[str]) -> str:
    """Labels of methods, for captions; of many their number, as the figure names them."""
    labels = [style.label for style in method_styles(methods).values()]
    return ", ".join(labels) if len(labels) <= 8 else f"{len(labels)} methods"


def protocol(provenance: Mapping[str, Any]) -> str:
    """Data set, estimator, protocol and declared leak, for captions."""
    leak = f" Declared leak: {provenance['leak']}" if provenance.get("leak") else ""
    return (
        f"Data set {provenance['dataset']}, estimator {provenance['estimator']}, test split, "
        f"protocol {provenance['protocol']}.{leak}"
    )


def entry(file: str, title: str, caption: str) -> dict[str, str]:
    """An entry of the manifest."""
    return {"file": file, "kind": Path(file).suffix[1:], "title": title, "caption": caption}
