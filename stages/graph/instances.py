"""The stages of the graph that params.yaml runs, each with everything but data that determines its result.

An `Instance` is one file of data/resolved. Its parameters are resolved: the options that the stage uses, from
params.yaml and from defaults in the code.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any, get_args

from pydantic_core import to_jsonable_python

from hanet.datasets.pose_files.options import Released
from hanet.datasets.registry import AnyDataset
from hanet.estimators.registry import AnyEstimate
from hanet.models.options import CONFIGS
from stages.params.load import Params, Run

KINDS = frozenset(
    kind.__name__ for kind in (*get_args(AnyDataset), *get_args(AnyEstimate), *CONFIGS.values())
)
"""Names of the option classes that identify a kind of data set, estimate or network."""


@dataclass(frozen=True)
class Instance:
    """One stage of one data set, experiment or model; trainings that differ only by seed are one instance.

    Attributes:
        path: its file below data/resolved, without the ending.
        params: the resolved options that it uses, as JSON values.
        kinds: its kinds, see `KINDS`.
        modules: its first modules.
        files: other files of the source tree that it reads.
    """

    path: tuple[str, ...]
    params: dict[str, Any]
    kinds: frozenset[str]
    modules: tuple[str, ...]
    files: str | None = None


def instances(params: Params) -> Iterator[Instance]:
    """Every stage that is run, except `resolve`.

    Raises:
        ValueError: two trainings have the same name; DVC would silently run only one.
    """
    _check_names(params.run)
    for name in params.run.datasets:
        yield from _of_dataset(params, name)
    for name in params.run.experiments:
        yield from _of_experiment(params, name)
    yield from _of_all(params)


def _check_names(run: Run) -> None:
    """Check the names of trainings: DVC joins experiment, model and seed by dashes, so two may be equal."""
    trained = product(run.experiments, (*run.models, *run.ablations), run.seeds)
    first: dict[str, tuple[str, str, int]] = {}
    for one in trained:
        name = "-".join(map(str, one))
        if first.setdefault(name, one) != one:
            raise ValueError(
                f"params.yaml: {' and '.join(' '.join(map(str, each)) for each in (first[name], one))} are "
                f"trainings of one name, {name}; rename an experiment or a model"
            )


def _of_dataset(params: Params, name: str) -> Iterator[Instance]:
    described = params.dataset(name)
    kinds = _kinds(described)
    yield _instance(("download", name), {"kind": described.kind, "download": described.download}, kinds)
    used = {"kind": described.kind, "ingest": described.ingest}
    if isinstance(described, Released):  # the reader needs the name of the release
        used["release"] = described.download.model_dump(exclude={"folder", "sha256"})
    yield _instance(("ingest", name), used, kinds)


def _of_experiment(params: Params, name: str) -> Iterator[Instance]:
    run, described = params.run, params.experiment(name)
    dataset = params.dataset(described.dataset)
    models = {model: params.model(name, model) for model in (*run.models, *run.ablations)}
    kinds = _kinds(dataset, described.estimate)
    networks = {model: _kinds(one.config(1)) for model, one in models.items()}
    used = {
        "dataset": described.dataset,
        "carried": dataset.carried,
        "estimate": described.estimate,
    }
    yield _instance(("estimate", name), used, kinds)
    for model, one in models.items():
        shape = {key: value for key, value in one.config(1).to_dict().items() if key != "channels"}
        used = {"network": one.network, "model": shape, "training": _without_seed(one.training)}
        yield _instance(("train", name, model), used, kinds | networks[model])
        after = described.comparators
        used = {
            "uses": dict(one.refine.uses(model)),
            "post_filter": after.post_filter,
            "general": after.general,
        }
        yield _instance(("refine", name, model), used, kinds | networks[model])
    used = {"filters": described.filters, "comparators": described.comparators}
    if described.comparators.ridge is not None:
        used["ridge"] = described.ridge_options()
    yield _instance(("filter", name), used, kinds)
    rows = {model: [row for row, _ in one.refine.uses(model)] for model, one in models.items()}
    endings = described.comparators.endings()
    used = {"evaluate": params.evaluate, "rows": rows, "endings": endings, "seeds": run.seeds}
    yield _instance(("evaluate", name), used, kinds)
    tables = {
        table: one
        for table, one in params.tables.items()
        if one.experiments is None or name in one.experiments
    }
    yield _instance(("compare", name), {"evaluate": params.evaluate, "tables": tables}, kinds)
    yield _instance(("figures", name), {"figures": params.figures}, kinds)
    yield _instance(
        ("publish", name),
        {"ablations": run.ablations},
        kinds.union(*networks.values()),
        modules=("stages.publish", "stages.tracking.model"),  # MLflow runs the second one by its path
    )


def _of_all(params: Params) -> Iterator[Instance]:
    run = params.run
    experiments = {name: params.experiment(name) for name in run.experiments}
    datasets = {name: one.dataset for name, one in experiments.items()}
    yield _instance(("summarise",), {"experiments": datasets, "summaries": params.summaries}, KINDS)
    yield _instance(
        ("report",),
        {
            "run": run,
            "evaluate": params.evaluate,
            "experiments": experiments,
            "ablations": params.ablations,
            "tables": params.tables,
            "summaries": params.summaries,
        },
        KINDS,
        files="stages/templates",
    )


def _instance(
    path: tuple[str, ...],
    used: dict[str, Any],
    kinds: frozenset[str],
    *,
    modules: tuple[str, ...] = (),
    files: str | None = None,
) -> Instance:
    return Instance(path, to_jsonable_python(used), kinds, modules or (f"stages.{path[0]}",), files)


def _kinds(*options: object) -> frozenset[str]:
    return frozenset(type(one).__name__ for one in options)


def _without_seed(training: Any) -> dict[str, Any]:
    """Options of a training; its seed is part of the stage's name."""
    return {key: value for key, value in to_jsonable_python(training).items() if key != "seed"}
