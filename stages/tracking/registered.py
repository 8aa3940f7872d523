"""Trained models in MLflow: logged with a training's run, and registered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float32

from hanet.cache.files import PoseCache
from hanet.files.atomic import write_json
from hanet.files.json_text import read_json
from hanet.models import checkpoints
from stages import workspace

if TYPE_CHECKING:
    from mlflow import MlflowClient


@dataclass(frozen=True)
class Trained:
    """A trained model to log.

    Attributes:
        name: of the registered model, which has a version per training.
        checkpoint: its folder.
        settings: `LearnedMethod`'s.
        about: the version's description.
    """

    name: str
    checkpoint: Path
    settings: Mapping[str, Any]
    about: str


def log_model(client: MlflowClient, run: str, trained: Trained) -> None:
    """Log the checkpoint as a model that refines a track with these settings, and register it.

    Its signature and input example are a window of the test split's detected poses.
    """
    import mlflow

    shape = read_json(trained.checkpoint / checkpoints.DESCRIPTION, dict, remedy="run dvc repro")
    detected = PoseCache.open(workspace.detected_path(shape["metadata"]["experiment"], "test"))
    kind = detected.metadata
    with TemporaryDirectory() as folder, mlflow.start_run(run_id=run):
        path = Path(folder) / "settings.json"
        write_json(path, {**trained.settings, "representation": kind.representation})
        info = mlflow.pyfunc.log_model(
            name="model",
            python_model=str(Path(__file__).with_name("model.py")),
            artifacts={"checkpoint": str(trained.checkpoint), "settings": str(path)},
            input_example=example(detected, shape["config"]["window"]),
            pip_requirements=["hanet"],
            registered_model_name=trained.name,
        )
    unit = "shares of the image's width and height" if kind.representation == "2d" else kind.unit
    client.update_registered_model(
        trained.name,
        f"Refines tracks (T, {kind.channels}) of {kind.skeleton.name}, {kind.representation}, {unit}. One "
        "version per training.",
    )
    client.update_model_version(trained.name, str(info.registered_model_version), trained.about)


def example(detected: PoseCache, frames: int) -> Float32[np.ndarray, "T C"]:
    """The first poses of a cache, at most `frames`, as a logged model takes them; 0 where missing."""
    first = next(detected.sequences())
    values = first.values[:frames].astype(np.float32)
    if first.representation == "2d" and first.image_size is not None:
        values = values / np.array(first.image_size, dtype=np.float32)
    return np.nan_to_num(values.reshape(len(values), -1))
