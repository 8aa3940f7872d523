"""Stage figures: draw an experiment's test results into data/figures/<experiment>/, with a manifest."""

from __future__ import annotations

import csv
import json
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import track

from hanet import figures
from hanet.cache.files import PoseCache
from hanet.figures.charts.curves import ACCEL_SECONDS
from hanet.figures.charts.errors import SMOOTHING_SECONDS, WORST_SHARE, Span
from hanet.figures.charts.scores import METRICS, shared_metrics
from hanet.figures.meshes import experiment as _mesh_figures
from hanet.figures.meshes.experiment import Meshes
from hanet.figures.settings import FigureSettings
from hanet.figures.style import method_styles
from hanet.files.atomic import fresh_folder, write_json
from hanet.poses.sequence import PoseSequence
from hanet.progress import console
from hanet.smpl.joints import joint_sequence
from hanet.smpl.side_table import read_tracks
from stages import workspace
from stages.bodies import body_of
from stages.graph.names import instance_of
from stages.params.load import load

INPUT = "input"
MAX_GIF_BYTES = 2_000_000
STILLS = 4
"""Frames of the worst span that are shown as skeletons."""


@dataclass(frozen=True)
class Shown:
    """The sequence that the figures show, and why it is this one.

    Attributes:
        gt: its ground truth.
        methods: its poses by method, the input first if it is asked for.
        span: the worst of the input's error-prone spans.
        why: how the sequence was chosen, for captions.
        seed: the seed of the trained methods, None without any.
        meshes: the bodies whose joints these are, of an SMPL experiment.
    """

    gt: PoseSequence
    methods: dict[str, PoseSequence]
    span: Span
    why: str
    seed: int | None
    meshes: Meshes | None = None

    def where(self) -> str:
        """The sequence, for captions."""
        person = f", track {self.gt.track}" if self.gt.track else ""
        seed = "" if self.seed is None else f"; trained methods with seed {self.seed}"
        return f"test sequence {self.gt.name}{person} ({self.why}{seed})"

    def wrong(self, settings: FigureSettings) -> str:
        """What is ringed, for captions."""
        if self.gt.representation == "3d":
            return f"Ringed: joints more than {settings.wrong_mm:g} mm from the truth, roots aligned."
        return f"Ringed: keypoints off by more than {settings.wrong_alpha:g} of the box's longer side."


def main(experiment: str, *, settings: FigureSettings | None = None) -> None:
    """Draw all figures of an experiment, or none."""
    with workspace.stage("figures", experiment):
        settings = settings or load().figures
        report = workspace.REPORTS / experiment
        runs = json.loads((report / "runs.json").read_text())
        provenance = json.loads((report / "provenance.json").read_text())
        scores = json.loads((report / "scores.json").read_text())
        shown = choose(experiment, runs, settings)
        with fresh_folder(workspace.FIGURES / experiment) as folder:
            entries = [
                *over_time(folder, shown),
                *stills(folder, shown, settings),
                *motion(folder, shown, settings),
                *meshes(folder, shown),
                *summaries(folder, scores, provenance),
                *by_joint(folder, report / "per_joint.csv", shown.methods, provenance),
            ]
            write_json(folder / "manifest.json", entries)


def choose(experiment: str, runs: list[dict[str, Any]], settings: FigureSettings) -> Shown:
    """The sequence named, or the one of median input error, with the poses of the methods that the run has.

    Raises:
        ValueError: where no method is there, a refined cache is missing, or caches do not pair up.
    """
    truth = PoseCache.open(workspace.truth_path(experiment, "test"))
    metadata = truth.metadata
    open_cache = partial(PoseCache.open, skeleton=metadata.skeleton, representation=metadata.representation)
    detected = open_cache(workspace.detected_path(experiment, "test"))
    body = body_of(experiment)

    def drawn(cache: PoseCache) -> Iterable[PoseSequence]:
        if body is None:
            return cache.sequences()
        return (joint_sequence(track, body[0]) for track in read_tracks(cache))

    if settings.sequence is not None:
        gt, why = figures.find_sequence(truth, settings.sequence), "named in the parameters"
    else:
        means = {
            (*gt.key, gt.start): mean(figures.errors(gt, poses).frames)
            for gt, poses in zip(drawn(truth), drawn(detected), strict=True)
        }
        name, number, start = figures.median_key(means)
        gt = figures.find_sequence(truth, name, track=number, start=start)
        why = f"the one of {len(means)} whose input error is the median"

    def same(cache: PoseCache) -> PoseSequence:
        return figures.find_sequence(cache, gt.name, track=gt.track, start=gt.start)

    seeds = first_seeds(runs, settings.methods)
    caches = {name: open_cache(refined_path(experiment, name, seeds[name])) for name in seeds}
    methods = {name: same(cache) for name, cache in caches.items()}
    before, bodies = same(detected), None
    if body is not None:
        found = {name: (cache, methods[name]) for name, cache in caches.items()}
        bodies = Meshes.of((truth, gt), found | {"": (detected, before)}, body[0])
        gt, methods = bodies.joints()
        before = methods.pop("")
        bodies = replace(bodies, methods={name: bodies.methods[name] for name in methods})
    position = figures.errors(gt, before).frames
    seed = next((seed for seed in seeds.values() if seed is not None), None)
    return Shown(gt, methods, figures.worst_span(position, fps=gt.fps), why, seed, bodies)


def mean(values: np.ndarray) -> float:
    """Mean of what is known; NaN where nothing is."""
    here = values[np.isfinite(values)]
    return float(here.mean()) if len(here) else float("nan")


def first_seeds(runs: list[dict[str, Any]], methods: Iterable[str]) -> dict[str, int | None]:
    """The first seed of each of those methods that the run has; None for a filter.

    Raises:
        ValueError: where the run has none of the methods.
    """
    seeds: dict[str, int | None] = {}
    for run in runs:
        seeds.setdefault(run["method"], run["seed"])
    found = {method: seeds[method] for method in methods if method in seeds}
    if not found:
        raise ValueError(
            f"none of the methods {', '.join(methods)} is in the run, which has {', '.join(seeds)}; "
            "change the figures' methods"
        )
    return found


def refined_path(experiment: str, method: str, seed: int | None) -> Path:
    """The cache of a filter, or of a trained method in whatever model's folder of that seed it is.

    Raises:
        ValueError: where it is not there, or there twice.
    """
    pattern = f"filters/{method}.parquet" if seed is None else f"*-{seed}/{method}.parquet"
    folder = workspace.REFINED / experiment
    paths = sorted(folder.glob(pattern))
    if len(paths) != 1:
        got = ", ".join(map(str, paths)) or "none"
        raise ValueError(f"expected one cache {folder}/{pattern}, got {got}; run dvc repro")
    return paths[0]


def over_time(folder: Path, shown: Shown) -> list[dict[str, str]]:
    """curves.svg."""
    figures.save(figures.curves(shown.gt, shown.methods), folder / "curves.svg")
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
    """views.png of 3D joints, skeletons.png of keypoints."""
    rows = figures.spread_rows(shown.span, STILLS)
    if shown.gt.representation == "3d":
        file, title, seen = "views.png", "Skeletons in two views", "from the front and from the side, "
        figure = figures.views(shown.gt, shown.methods, rows, wrong_mm=settings.wrong_mm)
    else:
        file, title, seen = "skeletons.png", "Skeletons", ""
        figure = figures.skeletons(shown.gt, shown.methods, rows, wrong_alpha=settings.wrong_alpha)
    figures.save(figure, folder / file)
    frames = ", ".join(str(shown.gt.start + row) for row in rows)
    caption = (
        f"{names(shown.methods)} {seen}over the ground truth (grey): frames {frames}, spread over "
        f"the worst of the input's error-prone spans of {shown.where()}. {shown.wrong(settings)}"
    )
    return [entry(file, title, caption)]


def motion(folder: Path, shown: Shown, settings: FigureSettings) -> list[dict[str, str]]:
    """motion.mp4 and motion.gif."""
    gt = shown.gt
    count = round(settings.seconds * gt.fps)
    rows = figures.rows_around(shown.span.worst, count, length=len(gt))
    moving = figures.Motion(
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
        figures.write_motion(moving, folder / file, fps=gt.fps, track=progress(file), max_bytes=limit)
        entries.append(entry(file, "Skeletons in motion", caption))
    return entries


def meshes(folder: Path, shown: Shown) -> list[dict[str, str]]:
    """mesh.png and mesh.mp4 of an SMPL experiment; nothing of others."""
    if shown.meshes is None:
        return []
    return _mesh_figures.draw(folder, shown.meshes, shown.span.worst, shown.where())


def progress(name: str) -> Callable[[Iterable[Any], int], Iterable[Any]]:
    """A bar on the stage's console."""
    return lambda frames, total: track(frames, description=f"  {name}", total=total, console=console)


def summaries(folder: Path, scores: Mapping[str, Any], provenance: Mapping[str, Any]) -> list[dict[str, str]]:
    """budget.svg and comparison.svg of every method of the run."""
    rows = {name: figures.MethodScores.from_dict(row) for name, row in scores.items()}
    figures.save(figures.budget(rows), folder / "budget.svg")
    figures.save(figures.comparison(rows), folder / "comparison.svg")
    metrics = " and ".join(METRICS[metric] for metric in shared_metrics(rows))
    basis = (
        f"{metrics} of {names(rows)}; bars are 95% bootstrap intervals over sequences. {protocol(provenance)}"
    )
    return [
        entry("budget.svg", "Accuracy against frames read", f"By the share of frames that are read: {basis}"),
        entry("comparison.svg", "All methods", f"Best first, the dotted line is the input: {basis}"),
    ]


def by_joint(
    folder: Path, table: Path, methods: Iterable[str], provenance: Mapping[str, Any]
) -> list[dict[str, str]]:
    """joints.svg: means over seeds; nothing where the run has no errors by joint."""
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
    figures.save(figures.by_joint(errors, label=label), folder / "joints.svg")
    root = "; the root, where all errors are zero, is left out" if metric == "mpjpe_mm" else ""
    caption = f"{label} by joint of {names(errors)}, mean over seeds{root}. {protocol(provenance)}"
    return [entry("joints.svg", "Errors by joint", caption)]


def names(methods: Iterable[str]) -> str:
    """Methods as they are labelled, for captions."""
    return ", ".join(style.label for style in method_styles(methods).values())


def protocol(provenance: Mapping[str, Any]) -> str:
    """On what the scores stand, for captions."""
    leak = f" Declared leak: {provenance['leak']}" if provenance.get("leak") else ""
    return (
        f"Data set {provenance['dataset']}, estimator {provenance['estimator']}, test split, "
        f"protocol {provenance['protocol']}.{leak}"
    )


def entry(file: str, title: str, caption: str) -> dict[str, str]:
    """A line of the manifest."""
    return {"file": file, "kind": Path(file).suffix[1:], "title": title, "caption": caption}


if __name__ == "__main__":
    main(*instance_of(sys.argv[1:]))
