"""params.yaml through one typed, validated schema.

`load` reads the file or says which key is wrong, what it holds and what it may be. Everything below is the
schema: a section a stage, then the experiments.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
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

PARAMS = Path("params.yaml")
SPLITS = ("train", "val", "test")


class ParamsError(ValueError):
    """params.yaml does not fit the schema; the message names key, value and what it may be."""


class Section(BaseModel):
    """A mapping whose keys are all known."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


def _strict(cls: type) -> Any:
    """A dataclass of the library as a field: its own keys, no others, its own types."""
    adapter = TypeAdapter(cls)
    known = set(cls.__dataclass_fields__)

    def parse(value: Any) -> Any:
        if isinstance(value, cls):
            return value
        if not isinstance(value, dict):
            raise ValueError(f"expected a mapping of {', '.join(sorted(known))}")
        if unknown := sorted(set(value) - known):
            raise ValueError(f"unknown keys {', '.join(unknown)}; known: {', '.join(sorted(known))}")
        return adapter.validate_python(value)

    return parse


def _all_splits(value: dict[str, Any]) -> dict[str, Any]:
    if set(value) != set(SPLITS):
        raise ValueError(f"the splits are {', '.join(SPLITS)}")
    return value


class Run(Section):
    """What `dvc repro` reproduces; all else in the file is defined but off."""

    datasets: list[str]
    estimates: dict[str, str]
    experiments: list[str]
    models: list[str]
    seeds: list[int] = Field(min_length=1)


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

    @field_validator("archives", mode="before")
    @classmethod
    def _archives(cls, value: Any) -> Any:
        parse = _strict(Archive)
        return {name: parse(entry) for name, entry in value.items()} if isinstance(value, dict) else value


class ClipsIngest(Section):
    """Clips to ground truth seen by virtual cameras."""

    fps: float = Field(gt=0)
    seed: int
    source_cameras: Cameras
    target_cameras: Cameras
    glitches: Glitches
    splits: dict[str, list[str]]

    _splits = field_validator("splits")(_all_splits)


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

    splits: dict[str, list[int]]

    _splits = field_validator("splits")(_all_splits)


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
    seed: int
    detector: DetectorErrors
    training: FCNTraining
    train_on: Literal["source", "target"] = "source"
    out_of_fold: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _folds(self) -> FCNEstimate:
        if (self.train_on == "target") != (self.out_of_fold >= 2):
            raise ValueError("out_of_fold (2 or more folds) belongs to train_on: target, and is 0 otherwise")
        return self

    _detector = field_validator("detector", mode="before")(_strict(DetectorErrors))
    _training = field_validator("training", mode="before")(_strict(FCNTraining))


class RecordedEstimate(Section):
    """Poses that an estimator gave when the data were recorded; the data set carries them."""

    kind: Literal["recorded"]


Estimate = Annotated[FCNEstimate | RecordedEstimate, Field(discriminator="kind")]


# --- models and methods


class Model(Section):
    """One HANet to train: its shape (without channels, which the data give), its training, its use."""

    model: dict[str, Any]
    training: TrainingOptions
    stride: int = Field(ge=1)

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
        return _strict(TrainingOptions)(value)

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
        if unknown := sorted(set(value) - set(FILTERS)):
            raise ValueError(f"unknown filters {', '.join(unknown)}; known: {', '.join(FILTERS)}")
        return value


class Evaluate(Section):
    """How everything is scored."""

    protocol: Literal["full", "smoothnet"]
    resamples: int = Field(ge=100)
    seed: int


class Params(Section):
    """The whole of params.yaml."""

    run: Run
    evaluate: Evaluate
    datasets: dict[str, Dataset]
    experiments: dict[str, Experiment]

    @model_validator(mode="after")
    def _references(self) -> Params:
        for name in self.run.datasets:
            _known(f"run.datasets: {name}", name, self.datasets)
        for name in self.run.experiments:
            _known(f"run.experiments: {name}", name, self.experiments)
            experiment = self.experiments[name]
            if experiment.dataset not in self.run.datasets:
                raise ValueError(
                    f"run.experiments holds {name}; its data set {experiment.dataset} is not in run.datasets"
                )
            if self.run.estimates.get(name) != experiment.dataset:
                raise ValueError(
                    f"run.estimates must hold {name}: {experiment.dataset}, as run.experiments does"
                )
            for model in self.run.models:
                _known(f"run.models: {model}", model, experiment.models)
        for name, experiment in self.experiments.items():
            _known(f"experiments.{name}.dataset", experiment.dataset, self.datasets)
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


def _known(where: str, name: str, table: dict[str, Any]) -> None:
    if name not in table:
        raise ValueError(f"{where} is not defined; defined: {', '.join(table)}")


def load(path: str | os.PathLike[str] = PARAMS) -> Params:
    """Read and check the parameters.

    Raises:
        ParamsError: naming file, key, what it holds and what it may be.
    """
    try:
        content = yaml.safe_load(Path(path).read_text())
    except FileNotFoundError:
        raise ParamsError(f"{path} is missing; run from the repository's root") from None
    except yaml.YAMLError as error:
        raise ParamsError(f"{path} is not YAML: {error}") from error
    try:
        return Params.model_validate(content)
    except ValidationError as error:
        lines = [_explain(detail) for detail in error.errors()]
        raise ParamsError(f"{path} does not fit:\n" + "\n".join(f"  {line}" for line in lines)) from error


def _explain(detail: Any) -> str:
    """One line: the key, what is wrong, what it holds."""
    tags = {"clips", "uiprmd", "fcn", "recorded"}
    steps = [str(part) for i, part in enumerate(detail["loc"]) if not (i in (2, 3) and part in tags)]
    key = ".".join(steps) or "(top level)"
    if detail["type"] == "extra_forbidden":
        siblings = _fields(steps[:-1])
        return f"{key}: unknown key; known here: {', '.join(siblings)}"
    message = detail["msg"].removeprefix("Value error, ")
    if detail["type"] == "missing":
        return f"{key}: missing"
    return f"{key}: {message}; got {detail['input']!r}" if steps else message


def _fields(steps: list[str]) -> list[str]:
    """Known keys of the section at a path of keys, as far as the schema tells."""
    sections: list[type[BaseModel]] = [Params]
    for step in steps:
        below: list[type[BaseModel]] = []
        for section in sections:
            field = section.model_fields.get(step)
            if field is not None:
                below += _models(field.annotation)
        sections = below or sections
    return sorted({name for section in sections for name in section.model_fields})


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [m for part in getattr(annotation, "__args__", ()) for m in _models(part)]
