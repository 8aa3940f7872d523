"""params.yaml through one typed, validated schema: `load` says which key is wrong, what it holds and may be.

The sections are in `stages.schema`, a module for each part of the file; what ties them together is here.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from inspect import signature
from itertools import product
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationError, field_validator, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from hanet.datasets.mocap.options import Clips, Cmu
from hanet.datasets.registry import AnyDataset, Dataset
from hanet.estimators.fcn.options import FCNEstimate
from hanet.estimators.registry import Estimate
from hanet.figures.settings import FigureSettings
from hanet.files.explain import explain
from hanet.methods.filters import FILTERS
from hanet.options import Names, Section, Seed, once
from hanet.results.options import Evaluate, Summary, Table
from stages.params.execution import Execution
from stages.params.models import ABLATED, Ablation, Model

PARAMS = Path("params.yaml")


class ParamsError(ValueError):
    """params.yaml does not fit the schema; the message names key, value and what it may be."""


class Run(Section):
    """What `dvc repro` reproduces; all else in the file is defined but off."""

    datasets: Names
    estimates: dict[str, str]
    experiments: Names
    models: Names
    ablations: Annotated[list[str], AfterValidator(once)]
    seeds: Annotated[list[Seed], Field(min_length=1), AfterValidator(once)]


class Experiment(Section):
    """Data set × estimator × representation, and what refines it."""

    dataset: str
    estimate: Estimate
    filters: dict[str, dict[str, list[int | float]]]
    models: dict[str, Model]

    @field_validator("filters")
    @classmethod
    def _filters(cls, value: dict[str, Any]) -> dict[str, Any]:
        for name, grid in value.items():
            if name not in FILTERS:
                raise ValueError(f"unknown filter {name}; known: {', '.join(FILTERS)}")
            takes = signature(FILTERS[name])
            try:
                takes.bind(**grid)
            except TypeError as error:
                known = ", ".join(takes.parameters) or "nothing"
                raise ValueError(f"{name}: {error}; it takes {known}") from None
            for values in product(*grid.values()):
                FILTERS[name](**dict(zip(grid, values, strict=True)))  # refuses what cannot be
        return value


class Params(Section):
    """The whole of params.yaml."""

    run: Run
    train: Execution = Field(default_factory=Execution)
    evaluate: Evaluate
    datasets: dict[str, Dataset]
    experiments: dict[str, Experiment]
    ablations: dict[str, Ablation]
    tables: dict[str, Table]
    summaries: dict[str, Summary] = Field(default_factory=dict)
    figures: FigureSettings

    @model_validator(mode="after")
    def _references(self) -> Params:
        for name, experiment in self.experiments.items():
            _known(f"experiments.{name}.dataset", experiment.dataset, self.datasets)
            fitting = self.datasets[experiment.dataset].estimates
            if experiment.estimate.kind not in fitting:
                raise ValueError(
                    f"experiments.{name}.estimate.kind: data set {experiment.dataset} takes "
                    f"{' or '.join(fitting)}, got {experiment.estimate.kind}"
                )
            self._check_source(name, experiment)
            self._check_rows(name, experiment)
        named = {f"tables.{name}.experiments": table.experiments or [] for name, table in self.tables.items()}
        for name, summary in self.summaries.items():
            named |= {f"summaries.{name}.over.{group}": names for group, names in summary.over.items()}
        for key, names in named.items():
            for experiment in names:
                _known(key, experiment, self.experiments)
        self._check_run()
        return self

    def _check_run(self) -> None:
        """What is run is defined, and goes together."""
        for name in self.run.datasets:
            _known("run.datasets", name, self.datasets)
        for name in self.run.ablations:
            _known("run.ablations", name, self.ablations)
        for name in self.run.experiments:
            _known("run.experiments", name, self.experiments)
            if self.experiments[name].dataset not in self.run.datasets:
                raise ValueError(
                    f"run.experiments: {name} needs the data set {self.experiments[name].dataset}; "
                    "add it to run.datasets"
                )
            for model in self.run.models:
                _known(f"run.models (experiment {name})", model, self.experiments[name].models)
            if self.run.ablations:
                _known(f"run.ablations (experiment {name})", ABLATED, self.experiments[name].models)
        estimates = {name: self.experiments[name].dataset for name in self.run.experiments}
        if self.run.estimates != estimates:
            raise ValueError(
                f"run.estimates: expected {estimates}, each of run.experiments with its data set, "
                f"got {self.run.estimates}"
            )

    def _check_source(self, name: str, experiment: Experiment) -> None:
        """An estimator that is trained on source clips has some."""
        estimate, described = experiment.estimate, self.datasets[experiment.dataset]
        has = isinstance(described, Clips) or (
            isinstance(described, Cmu) and "source" in described.ingest.splits
        )
        if isinstance(estimate, FCNEstimate) and estimate.train_on == "source" and not has:
            raise ValueError(
                f"experiments.{name}.estimate.train_on: data set {experiment.dataset} has no source clips, "
                "so it takes target"
            )

    def _check_rows(self, name: str, experiment: Experiment) -> None:
        """Ablations give models that can be, and no two rows of the experiment share a name."""
        if ABLATED in experiment.models:
            for ablation, changed in self.ablations.items():
                try:
                    changed.of(experiment.models[ABLATED])
                except ValueError as error:
                    raise ValueError(f"ablations.{ablation} (experiment {name}): {error}") from None
        variants = [v for model in experiment.models.values() for v in model.refine.variants]
        rows = ["constant_offset", *experiment.filters, *experiment.models, *self.ablations, *variants]
        if twice := sorted({row for row in rows if rows.count(row) > 1}):
            raise ValueError(f"experiments.{name}: more than one row is called {', '.join(twice)}")

    def experiment(self, name: str) -> Experiment:
        """An experiment by name; a ParamsError lists those there are."""
        try:
            return self.experiments[name]
        except KeyError:
            raise ParamsError(
                f"no experiment {name!r} in {PARAMS}; there are {', '.join(self.experiments)}"
            ) from None

    def model(self, experiment: str, name: str) -> Model:
        """A model of an experiment, or an ablation of it, by name; a ParamsError lists those there are."""
        models = self.experiment(experiment).models
        if name in models:
            return models[name]
        if name in self.ablations and ABLATED in models:
            return self.ablations[name].of(models[ABLATED])
        raise ParamsError(
            f"no model {name!r} in {PARAMS} for experiment {experiment}; there are "
            f"{', '.join([*models, *self.ablations])}"
        )

    def dataset(self, name: str) -> AnyDataset:
        """A data set by name; a ParamsError lists those there are."""
        try:
            return self.datasets[name]
        except KeyError:
            raise ParamsError(
                f"no data set {name!r} in {PARAMS}; there are {', '.join(self.datasets)}"
            ) from None


def _known(key: str, name: str, table: dict[str, Any]) -> None:
    if name not in table:
        raise ValueError(f"{key}: {name} is not defined; defined: {', '.join(table)}")


def load(path: str | os.PathLike[str] = PARAMS) -> Params:
    """Read and check the parameters.

    Sections are written out, never aliases of others: what DVC's ``-S`` sets below an aliased section is set
    back by the alias.

    Raises:
        ParamsError: naming file, key, what it holds and what it may be.
    """
    try:
        content = YAML(typ="safe").load(Path(path))  # YAML 1.2, as DVC reads it: `on` and `off` are words
    except FileNotFoundError:
        raise ParamsError(f"{path} is missing; run from the repository's root") from None
    except (YAMLError, UnicodeError) as error:
        raise ParamsError(f"{path} is not YAML: {error}") from None
    if twice := next(_shared(content), None):
        raise ParamsError(
            f"{path}: {twice[0]} and {twice[1]} are one section (a YAML alias); write it out twice: a change "
            "below one of them by `dvc exp run -S` would be lost without a word"
        )
    try:
        return Params.model_validate(content)
    except ValidationError as error:
        problems = explain(error, Params.model_json_schema())
    raise ParamsError("\n  ".join([f"{path} does not fit:", *problems]))


def _shared(content: Any) -> Iterator[tuple[str, str]]:
    """Dotted keys of each two places that hold the very same mapping or list."""
    first: dict[int, str] = {}

    def visit(value: Any, key: str) -> Iterator[tuple[str, str]]:
        if not isinstance(value, dict | list):
            return
        if id(value) in first:
            yield first[id(value)], key
            return
        first[id(value)] = key
        for name, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from visit(inner, f"{key}.{name}".lstrip("."))

    yield from visit(content, "")
