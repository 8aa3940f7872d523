"""The schema of params.yaml: its sections, and the references between them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from hanet.datasets.mocap.options import Clips, Cmu
from hanet.datasets.registry import AnyDataset, Dataset
from hanet.estimators.fcn.options import FCNEstimate
from hanet.estimators.registry import Estimate
from hanet.figures.settings import FigureSettings
from hanet.files.explain import shown
from hanet.methods.names import GENERAL
from hanet.options import Section, Seed, once
from hanet.results.options import Evaluate, Summary, Table
from hanet.training.ridge_options import RidgeOptions
from stages.params.comparators import Comparators
from stages.params.execution import Execution
from stages.params.filters import Filters
from stages.params.models import ABLATED, Ablation, Model
from stages.params.names import Name, Names

PARAMS = Path("params.yaml")


class ParamsError(ValueError):
    """params.yaml does not fit the schema; the message names key, value and what it may be."""


class Run(Section):
    """What `dvc repro` reproduces; everything else in the file is defined but off."""

    datasets: Names
    estimates: Annotated[dict[Name, Name], Field(min_length=1)]
    experiments: Names
    models: Annotated[list[Name], AfterValidator(once)]
    ablations: Annotated[list[Name], AfterValidator(once)]
    seeds: Annotated[list[Seed], Field(min_length=1), AfterValidator(once)]


class Experiment(Section):
    """Data set × estimator × representation, and what refines it."""

    dataset: Name
    estimate: Estimate
    filters: Filters
    comparators: Comparators = Field(default_factory=Comparators)
    models: dict[Name, Model] = Field(default_factory=dict)

    def ridge_options(self) -> RidgeOptions:
        """How the linear map is fitted: with augmentation and mirror axis of the model that it is like."""
        ridge = self.comparators.ridge
        like = None if ridge is None or ridge.like is None else self.models.get(ridge.like)
        if ridge is None or like is None:
            return RidgeOptions()
        return RidgeOptions(
            copies=ridge.copies,
            augmentation=like.training.augmentation,
            mirror_axis=like.refine.mirror_axis,
        )


class Params(Section):
    """The whole of params.yaml; `experiments` have the presets filled in."""

    run: Run
    train: Execution = Field(default_factory=Execution)
    evaluate: Evaluate
    datasets: dict[Name, Dataset]
    models: dict[Name, Model] = Field(default_factory=dict)
    filters: Filters = Field(default_factory=dict)
    comparators: Comparators = Field(default_factory=Comparators)
    experiments: dict[Name, Experiment]
    ablations: dict[Name, Ablation]
    tables: dict[Name, Table]
    summaries: dict[Name, Summary] = Field(default_factory=dict)
    figures: FigureSettings

    @model_validator(mode="after")
    def _references(self) -> Params:
        found = [*self._of_experiments(), *self._of_tables(), *self._of_run()]
        if found:
            raise ValueError("\n".join(dict.fromkeys(found)))
        return self

    def _of_experiments(self) -> Iterator[str]:
        """Data sets and estimates that do not go together, ablations that cannot be, rows of one name."""
        for name, experiment in self.experiments.items():
            key = f"experiments.{name}"
            if unknown := [*_unknown(f"{key}.dataset", [experiment.dataset], self.datasets)]:
                yield from unknown
                continue
            described, estimate = self.datasets[experiment.dataset], experiment.estimate
            fitting = described.estimates
            if estimate.kind not in fitting:
                yield (
                    f"{key}.estimate.kind: expected {' or '.join(fitting)} for data set "
                    f"{experiment.dataset}, got {estimate.kind}"
                )
            elif (
                isinstance(estimate, FCNEstimate)
                and estimate.reads_source
                and not (isinstance(described, Clips | Cmu) and "source" in described.ingest.splits)
            ):
                yield (
                    f"{key}.estimate.train_on: expected target, as data set {experiment.dataset} has no "
                    "source clips, got source"
                )
            variants = [v for model in experiment.models.values() for v in model.refine.variants]
            fitted = experiment.comparators.rows()
            learned = [*fitted, *experiment.models, *self.ablations, *variants]
            endings, general = experiment.comparators.endings(), experiment.comparators.general
            rows = [f"{row}{ending}" for row in learned for ending in endings]
            rows += [*experiment.filters, *([GENERAL] if general else [])]
            if twice := sorted({row for row in rows if rows.count(row) > 1}):
                yield f"{key}: more than one row is called {', '.join(twice)}; rename one of them"
        yield from self._of_ablations()

    def _of_ablations(self) -> Iterator[str]:
        """Ablations that give no valid model, each with the first experiment of which it is none."""
        for ablation, changes in self.ablations.items():
            for name, experiment in self.experiments.items():
                if ABLATED not in experiment.models:
                    continue
                try:
                    changes.of(experiment.models[ABLATED])
                except ValueError as error:
                    yield f"ablations.{ablation} (experiment {name}): {error}"
                    break

    def _of_tables(self) -> Iterator[str]:
        """Experiments of tables and summaries that are not defined."""
        for name, table in self.tables.items():
            yield from _unknown(f"tables.{name}.experiments", table.experiments or (), self.experiments)
        for name, summary in self.summaries.items():
            for group, names in summary.over.items():
                yield from _unknown(f"summaries.{name}.over.{group}", names, self.experiments)

    def _of_run(self) -> Iterator[str]:
        """What is run is defined, and goes together."""
        run = self.run
        yield from _unknown("run.datasets", run.datasets, self.datasets)
        yield from _unknown("run.ablations", run.ablations, self.ablations)
        if unknown := [*_unknown("run.experiments", run.experiments, self.experiments)]:
            yield from unknown
            return
        estimates = {name: self.experiments[name].dataset for name in run.experiments}
        for name, dataset in estimates.items():
            models = self.experiments[name].models
            if dataset not in run.datasets:
                yield f"run.experiments: {name} needs the data set {dataset}; add it to run.datasets"
            yield from _unknown(f"run.models (experiment {name})", run.models, models)
            if run.ablations and ABLATED not in models:
                yield (
                    f"run.ablations: ablations change the model {ABLATED}, which experiment {name} does not "
                    f"have (it has {', '.join(models)}); set run.ablations to []"
                )
        if run.estimates != estimates:
            yield (
                f"run.estimates: expected {shown(estimates)}, each of run.experiments with its data set, "
                f"got {shown(run.estimates)}"
            )

    def experiment(self, name: str) -> Experiment:
        """An experiment by name; a ParamsError lists those that exist."""
        try:
            return self.experiments[name]
        except KeyError:
            raise ParamsError(
                f"no experiment {name!r} in {PARAMS}; there are {', '.join(self.experiments)}"
            ) from None

    def model(self, experiment: str, name: str) -> Model:
        """A model of an experiment, or an ablation of it, by name; a ParamsError lists those that exist."""
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
        """A data set by name; a ParamsError lists those that exist."""
        try:
            return self.datasets[name]
        except KeyError:
            raise ParamsError(
                f"no data set {name!r} in {PARAMS}; there are {', '.join(self.datasets)}"
            ) from None


def _unknown(key: str, names: Iterable[str], defined: dict[str, Any]) -> Iterator[str]:
    """A line for each name that is not defined."""
    for name in names:
        if name not in defined:
            yield f"{key}: {name} is not defined; defined: {', '.join(defined)}"
