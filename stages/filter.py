"""Stage filter: comparison methods without training, tuned on validation; caches in data/refined."""

from __future__ import annotations

import sys
from typing import Any

from hanet.cache.files import PoseCache
from hanet.files.atomic import fresh_folder
from hanet.methods.apply import write_filtered, write_refined
from hanet.methods.base import Method
from hanet.methods.cost import cost_of
from hanet.methods.filtered import tuned_post_filter
from hanet.methods.known_filters import FILTERS
from hanet.methods.names import AFTER_GENERAL
from hanet.methods.offset import ConstantOffset
from hanet.methods.ridge import fitting
from hanet.methods.smoothing import General
from hanet.methods.tuning import tune, tuned_filter
from hanet.progress import console
from stages import workspace
from stages.graph.names import instance_of
from stages.params.load import load
from stages.params.schema import Experiment
from stages.validation import pair, validation_score

Fitted = list[tuple[Method, dict[str, Any]]]


def main(experiment: str) -> None:
    """Fit and tune on train and validation (SMPL by the body's joints), and refine test with the best.

    Data of a test split alone have the filters whose options leave no choice, and nothing that is fitted.
    """
    with workspace.stage("filter", experiment):
        described = load().experiment(experiment)
        test = PoseCache.open(workspace.detected_path(experiment, "test"))
        general = General()
        if workspace.detected_path(experiment, "train").is_file():
            fitted, tuned, smoothed = _chosen(experiment, described)
        else:
            fitted, tuned, smoothed = [], _given(experiment, described), []
        if described.comparators.general:
            tuned.append((general, general.parameters))
        example = next(iter(test.sequences()))
        # Stage publish depends on the folder of trained models, which is empty where nothing is trained.
        (workspace.MODELS / experiment).mkdir(parents=True, exist_ok=True)
        with fresh_folder(workspace.REFINED / experiment / "filters") as folder:
            for method, parameters in (*fitted, *tuned):
                path = folder / f"{method.name}.parquet"
                write_refined(method, test, path, parameters, cost=cost_of(method, example).to_dict())
            for (method, _), post in zip(fitted, smoothed, strict=False):
                write_filtered(*post, folder / f"{method.name}.parquet")
            for method, _ in fitted if described.comparators.general else ():
                path = folder / f"{method.name}.parquet"
                write_filtered(general, general.parameters, path, AFTER_GENERAL)


def _chosen(experiment: str, described: Experiment) -> tuple[Fitted, Fitted, Fitted]:
    """What is fitted on train, the filters tuned on validation, and the filter after each fitted row."""
    train, validation = (pair(experiment, split) for split in ("train", "val"))
    score = validation_score(experiment)
    fitted: Fitted = [(ConstantOffset.fit(*train), {})]
    if described.comparators.ridge is not None:
        ridge = described.comparators.ridge
        make = fitting(*train, described.ridge_options())
        search = tune(make, {"alpha": ridge.alpha}, *validation, score)
        console.print(f"  frame_ridge: {search.best} of {len(search.table)} tried")
        fitted.append((make(**search.best), {**search.best, "trials": list(search.table)}))
    tuned = [
        tuned_filter(FILTERS[name], grid, *validation, score) for name, grid in described.filters.items()
    ]
    smoothed: Fitted = []
    for method, _ in fitted if described.comparators.post_filter else ():
        refined = [method.refine(sequence) for sequence in validation[0]]
        smoothed.append(tuned_post_filter(described.comparators.post_filter, refined, validation[1], score))
    return fitted, tuned, smoothed


def _given(experiment: str, described: Experiment) -> Fitted:
    """The filters as they are given, where no split can choose.

    Raises:
        ValueError: a filter with more than one value to try.
    """
    for name, grid in described.filters.items():
        for option, values in grid.items():
            if len(values) > 1:
                raise ValueError(
                    f"experiments.{experiment}.filters.{name}.{option}: expected one value, as "
                    f"{described.dataset} has no validation split to choose on, got {len(values)}; name one"
                )
    given = {name: {o: values[0] for o, values in grid.items()} for name, grid in described.filters.items()}
    return [(FILTERS[name](**options), options) for name, options in given.items()]


if __name__ == "__main__":
    main(*instance_of(sys.argv[1:]))
