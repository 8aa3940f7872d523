"""Choose the sequence that an experiment's figures show, by the input's error, with all methods' poses."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from hanet.cache.files import PoseCache
from hanet.figures.charts.errors import Span, errors, worst_span
from hanet.figures.choose import find_sequence, median_key
from hanet.figures.meshes.experiment import Meshes
from hanet.figures.settings import FigureSettings
from hanet.poses.sequence import PoseSequence
from hanet.smpl.body import Body
from hanet.smpl.joints import joint_sequence
from hanet.smpl.side_table import read_tracks


@dataclass(frozen=True)
class Shown:
    """The sequence that the figures show, and how it was chosen.

    Attributes:
        gt: its ground truth.
        methods: its poses by method, in the order of the settings.
        span: the worst of the input's error-prone spans.
        why: how the sequence was chosen, for captions.
        seed: the seed of the trained methods; None without any.
        meshes: bodies of an SMPL experiment, else None.
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


def choose(
    truth: PoseCache,
    detected: Path,
    refined: Path,
    *,
    runs: list[dict[str, Any]],
    settings: FigureSettings,
    body: Body | None = None,
) -> Shown:
    """Choose the named sequence, or the one of median input error, and read the poses of the run's methods.

    Args:
        truth: cache of the test split's ground truth.
        detected: cache of its detected poses.
        refined: folder of refined caches, with one folder for filters and one for each trained model.
        runs: methods and seeds of the run.
        settings: sequence and methods to show.
        body: body of an SMPL experiment.

    Raises:
        ValueError: no method was run, a refined cache is missing, or caches do not pair up.
    """
    metadata = truth.metadata
    open_cache = partial(PoseCache.open, skeleton=metadata.skeleton, representation=metadata.representation)
    before_cache = open_cache(detected)

    def drawn(cache: PoseCache) -> Iterable[PoseSequence]:
        if body is None:
            return cache.sequences()
        return (joint_sequence(track, body) for track in read_tracks(cache))

    if settings.sequence is not None:
        gt, why = find_sequence(truth, settings.sequence), "named in the parameters"
    else:
        means = {
            (*gt.key, gt.start): mean(errors(gt, poses).frames)
            for gt, poses in zip(drawn(truth), drawn(before_cache), strict=True)
        }
        name, number, start = median_key(means)
        gt = find_sequence(truth, name, track=number, start=start)
        why = f"the one of {len(means)} whose input error is the median"

    def same(cache: PoseCache) -> PoseSequence:
        return find_sequence(cache, gt.name, track=gt.track, start=gt.start)

    seeds = first_seeds(runs, settings.methods)
    caches = {name: open_cache(refined_path(refined, name, seeds[name])) for name in seeds}
    methods = {name: same(cache) for name, cache in caches.items()}
    before, bodies = same(before_cache), None
    if body is not None:
        found = {name: (cache, methods[name]) for name, cache in caches.items()}
        bodies = Meshes.of((truth, gt), found | {"": (before_cache, before)}, body)
        gt, methods = bodies.joints()
        before = methods.pop("")
        bodies = replace(bodies, methods={name: bodies.methods[name] for name in methods})
    position = errors(gt, before).frames
    seed = next((seed for seed in seeds.values() if seed is not None), None)
    return Shown(gt, methods, worst_span(position, fps=gt.fps), why, seed, bodies)


def mean(values: np.ndarray) -> float:
    """Mean over the values that are not NaN; NaN if all are."""
    here = values[np.isfinite(values)]
    return float(here.mean()) if len(here) else float("nan")


def first_seeds(runs: list[dict[str, Any]], methods: Iterable[str]) -> dict[str, int | None]:
    """The first seed of each method that is in the run; None for a filter.

    Raises:
        ValueError: the run has none of the methods.
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


def refined_path(folder: Path, method: str, seed: int | None) -> Path:
    """Find the cache of a filter, or of a trained method in any model's folder of that seed.

    Raises:
        ValueError: there is no such cache, or more than one.
    """
    pattern = f"filters/{method}.parquet" if seed is None else f"*-{seed}/{method}.parquet"
    paths = sorted(folder.glob(pattern))
    if len(paths) != 1:
        got = ", ".join(map(str, paths)) or "none"
        raise ValueError(f"expected one cache {folder}/{pattern}, got {got}; run dvc repro")
    return paths[0]
