"""Stage publish: put the results that dvc.lock stands for into MLflow.

In the experiment's MLflow experiment: a run for every training, use of a trained model and comparator. In
``<experiment> tables``: a parent run for every table, with a child for every row and seed.

DVC's files are the truth. A run belongs to its stage's entry in dvc.lock, so one that DVC skipped, or that
was deleted from MLflow, is there again after this; nothing is trained for it, and what is there is not
repeated.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from ruamel.yaml import YAML

from hanet.cache.files import PoseCache
from hanet.files.atomic import write_json
from hanet.files.hashing import file_hash, json_hash
from hanet.models import checkpoints
from hanet.progress import console
from stages import workspace
from stages.graph.names import instance_of
from stages.params.load import load
from stages.params.models import Use
from stages.tracking.client import (
    experiment_id,
    last_epoch,
    log_metrics,
    mlflow_client,
    open_run,
    tracking_ui,
    training_key,
)
from stages.tracking.tables import publish_table

if TYPE_CHECKING:
    from mlflow import MlflowClient


@dataclass(frozen=True)
class Result:
    """One row of MLflow's comparison.

    Attributes:
        experiment: the experiment's name, also MLflow's.
        name: the run's name.
        key: what tells the run from others of the experiment.
        lock_hash: of the stage that made it.
        params: parameters to show.
        metrics: test scores, and what else is a number.
        tags: what the numbers stand on.
        checkpoint: folder of the trained model, if any.
        settings: how the trained model is used (`LearnedMethod`'s settings), if there is one.
        history: file of per-epoch numbers, if any.
    """

    experiment: str
    name: str
    key: str
    lock_hash: str
    params: dict[str, Any]
    metrics: dict[str, float]
    tags: dict[str, str]
    checkpoint: Path | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    history: Path | None = None


def main(experiment: str) -> None:
    """Publish every result and table, and write down what was published as which run."""
    from mlflow.exceptions import MlflowException

    with workspace.stage("publish", experiment):
        lock = read_lock(Path("dvc.lock"))
        ablations = load().run.ablations
        try:
            client = mlflow_client()
            where = experiment_id(client, experiment)
            runs = {}
            found = results(experiment, lock, ablations)
            for result in found:
                run, how = publish(client, result)
                runs[result.name] = {"lock_hash": result.lock_hash, "run_id": run, "experiment_id": where}
                console.print(f"  {experiment} / {result.name}: {how}")
            tables = {}
            lock_hash = hash_of(lock, f"compare@{experiment}")
            for path in sorted((workspace.REPORTS / experiment / "tables").glob("*.json")):
                tables[path.stem], how = publish_table(
                    client, path, {result.name: result for result in found}, runs, lock_hash
                )
                console.print(f"  {experiment} tables / {path.stem}: {how}")
            note(client, experiment)
        except MlflowException as error:
            raise ValueError(
                f"MLflow failed: {error}; check MLFLOW_TRACKING_URI and run make publish again"
            ) from error
        receipt = {"tracking_ui": tracking_ui(), "runs": runs, "tables": tables}
        write_json(workspace.RECEIPTS / f"{experiment}.json", receipt)


def read_lock(path: Path) -> dict[str, Any]:
    """The stages of dvc.lock."""
    if not path.is_file():
        raise ValueError(f"{path} is missing: nothing was reproduced yet; run dvc repro first")
    return YAML(typ="safe").load(path)["stages"]


def hash_of(lock: dict[str, Any], stage: str) -> str:
    """SHA-256 of a stage's entry in dvc.lock: its command, parameters, inputs and outputs."""
    if stage not in lock:
        raise ValueError(f"dvc.lock has no stage {stage}; run dvc repro first")
    return json_hash(lock[stage])


def results(experiment: str, lock: dict[str, Any], ablations: list[str]) -> list[Result]:
    """The comparators, the trainings and other uses of what was trained."""
    report = workspace.REPORTS / experiment
    provenance = json.loads((report / "provenance.json").read_text())
    tags = {
        "experiment": experiment,
        "dataset": provenance["dataset"],
        "estimator": provenance["estimator"],
        "protocol": provenance["protocol"],
        "data_hash_ground_truth": provenance["data_sha256"]["ground_truth"],
        "data_hash_detected": provenance["data_sha256"]["detected"],
        "git_commit": workspace.commit(),
    }
    if provenance["leak"]:
        tags["leak"] = provenance["leak"]
    found = []
    for run in json.loads((report / "runs.json").read_text()):
        if run["seed"] is None:
            found.append(comparator(experiment, run, tags, hash_of(lock, f"filter@{experiment}")))
            continue
        ablated = run["model"] in ablations
        trained = f"{experiment}-{run['model']}-{run['seed']}"
        if run["method"] == run["model"]:
            stage = f"{'ablate' if ablated else 'train'}@{trained}"
            found.append(training(experiment, run, tags, hash_of(lock, stage)))
        else:
            stage = f"{'refine-ablated' if ablated else 'refine'}@{trained}"
            found.append(use(experiment, run, tags, hash_of(lock, stage)))
    return found


def comparator(experiment: str, run: dict[str, Any], tags: dict[str, str], lock_hash: str) -> Result:
    """The run of a method that needs no training."""
    method = run["method"]
    described = PoseCache.open(workspace.REFINED / experiment / "filters" / f"{method}.parquet").metadata
    return Result(
        experiment=experiment,
        name=method,
        key=f"{method}:{lock_hash}",
        lock_hash=lock_hash,
        params={"method": method, **described.provenance["parameters"]},
        metrics=scores(run),
        tags=tags | {"method": method},
    )


def refined_with(experiment: str, run: dict[str, Any]) -> dict[str, Any]:
    """`LearnedMethod`'s settings that a row's poses were refined with."""
    path = workspace.REFINED / experiment / f"{run['model']}-{run['seed']}" / f"{run['method']}.parquet"
    parameters = PoseCache.open(path).metadata.provenance["parameters"]
    return {key: parameters[key] for key in Use.model_fields}


def training(experiment: str, run: dict[str, Any], tags: dict[str, str], lock_hash: str) -> Result:
    """The run of a trained network."""
    method, seed = run["method"], run["seed"]
    name = f"{method}-{seed}"
    checkpoint = workspace.MODELS / experiment / name
    described = checkpoints.read_metadata(checkpoint)
    network = description(checkpoint)
    return Result(
        experiment=experiment,
        name=name,
        key=training_key(name, described["fingerprint"]),
        lock_hash=lock_hash,
        params={
            "network": network["network"],
            "model": network["config"],
            "training": described["training"],
        },
        metrics=scores(run)
        | {
            "best_epoch": described["best_epoch"],
            "validation_error_best": described["validation_error"],
        },
        tags=tags
        | {
            "method": method,
            "seed": str(seed),
            "fingerprint": described["fingerprint"],
            "trained_on": described["machine"],
        },
        checkpoint=checkpoint,
        settings=refined_with(experiment, run),
        history=workspace.REPORTS / experiment / "training" / f"{name}.csv",
    )


def use(experiment: str, run: dict[str, Any], tags: dict[str, str], lock_hash: str) -> Result:
    """The run of another use of a trained network."""
    method, seed = run["method"], run["seed"]
    name = f"{method}-{seed}"
    return Result(
        experiment=experiment,
        name=name,
        key=f"{name}:{lock_hash}",
        lock_hash=lock_hash,
        params={"model": run["model"], "refine": refined_with(experiment, run)},
        metrics=scores(run),
        tags=tags | {"method": method, "seed": str(seed)},
    )


def scores(run: dict[str, Any]) -> dict[str, float]:
    """The test scores of one run and the ends of their intervals, ``test_*``."""
    values = {f"test_{name}": float(run[name]) for name in ("frames", "sequences", "observed")}
    for name, cell in run["metrics"].items():
        suffixes = {"mean": "", "low": "_low", "high": "_high"}
        values |= {f"test_{name}{suffixes[part]}": value for part, value in cell.items()}
    return values


def description(checkpoint: Path) -> dict[str, Any]:
    """The network and configuration of a trained model."""
    return json.loads((checkpoint / checkpoints.DESCRIPTION).read_text())


def publish(client: MlflowClient, result: Result) -> tuple[str, str]:
    """Make the result's run, or complete the one there is; returns its id and what was done."""
    state = json_hash([result.metrics, result.params, result.settings, result.lock_hash])
    run = open_run(
        client, result.experiment, result.name, result.key, result.params, lock_hash=result.lock_hash
    )
    tags = client.get_run(run).data.tags
    if tags.get("published") == state:
        return run, "there already"
    if result.history is not None:
        logged = last_epoch(client, run)
        for row in pd.read_csv(result.history).drop(columns="unit").to_dict("records"):
            if row["epoch"] > logged:
                log_metrics(client, run, row, step=int(row["epoch"]))
    log_metrics(client, run, result.metrics)
    new = result.tags | {"lock_hash": result.lock_hash}
    if result.checkpoint is not None:
        # The description holds the weights' hash, so it stands for the whole checkpoint.
        model = {f"refine_{key}": str(value) for key, value in result.settings.items()}
        model["checkpoint_sha256"] = file_hash(result.checkpoint / checkpoints.DESCRIPTION)
        new |= model
        if any(tags.get(key) != value for key, value in model.items()):
            log_model(run, result.checkpoint, result.settings)
    # Last, so that an interrupted publish is taken up again.
    for name, value in (new | {"published": state}).items():
        client.set_tag(run, name, value)
    client.set_terminated(run, "FINISHED")
    return run, "brought up to date" if "published" in tags else "published"


def log_model(run: str, checkpoint: Path, settings: dict[str, Any]) -> None:
    """The checkpoint as a model that MLflow loads and that refines a track with these settings."""
    import mlflow

    shape = description(checkpoint)
    detected = PoseCache.open(workspace.detected_path(shape["metadata"]["experiment"], "test")).metadata
    channels, settings = detected.channels, {**settings, "representation": detected.representation}
    with TemporaryDirectory() as folder, mlflow.start_run(run_id=run):
        path = Path(folder) / "settings.json"
        write_json(path, settings)
        mlflow.pyfunc.log_model(
            name="model",
            python_model=str(Path(__file__).with_name("tracking") / "model.py"),
            artifacts={"checkpoint": str(checkpoint), "settings": str(path)},
            input_example=np.zeros((shape["config"]["window"], channels), dtype=np.float32),
            pip_requirements=["hanet"],
        )


def note(client: MlflowClient, experiment: str) -> None:
    """The experiment's page shows the tables."""
    tables = sorted((workspace.REPORTS / experiment / "tables").glob("*.md"))
    if tables:
        where = experiment_id(client, experiment)
        text = "\n".join(path.read_text() for path in tables)
        client.set_experiment_tag(where, "mlflow.note.content", text)


if __name__ == "__main__":
    main(*instance_of(sys.argv[1:]))
