"""Stage publish: record the results in dvc.lock in MLflow.

The experiment's MLflow experiment has one run per training, per use of a trained model and per comparison
method. ``<experiment> tables`` has one parent run per table, with one child per row and seed.

DVC's files are authoritative. A run is identified by its stage's entry in dvc.lock, so runs of skipped
stages, and runs deleted from MLflow, are created again without training; existing runs are not repeated.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from ruamel.yaml import YAML, YAMLError

from hanet.cache.files import PoseCache
from hanet.files.atomic import write_json
from hanet.files.hashing import file_hash, json_hash
from hanet.files.json_text import read_json
from hanet.models import checkpoints
from hanet.models.cards import model_card
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
    mlflow_errors,
    open_run,
    tracking_ui,
    training_key,
)
from stages.tracking.registered import Trained, log_model
from stages.tracking.shown import NOTE, describe, units_table, validation_unit
from stages.tracking.tables import publish_table

if TYPE_CHECKING:
    from mlflow import MlflowClient


@dataclass(frozen=True)
class Result:
    """One row of MLflow's comparison.

    Attributes:
        experiment: the experiment's name, also MLflow's.
        name: the run's name.
        key: identifies the run within the experiment.
        lock_hash: hash of the lock entry of the stage that made it.
        params: parameters to show.
        metrics: test scores and other numbers.
        tags: provenance of the numbers.
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
    """Publish every result and table, and record their runs."""
    with workspace.stage("publish", experiment):
        lock = read_lock(Path("dvc.lock"))
        ablations = load().run.ablations
        with mlflow_errors():
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
            keys = {key for result in found for key in result.metrics}
            describe(client, experiment, keys, validation_unit(result.history for result in found))
        receipt = {"tracking_ui": tracking_ui(), "runs": runs, "tables": tables}
        write_json(workspace.RECEIPTS / f"{experiment}.json", receipt)


def read_lock(path: Path) -> dict[str, Any]:
    """The stages of dvc.lock."""
    if not path.is_file():
        raise ValueError(f"{path} is missing: nothing was reproduced yet; run dvc repro first")
    remedy = "take it from git (git checkout dvc.lock) or run dvc repro"
    try:
        stages = YAML(typ="safe").load(path)["stages"]
    # A damaged file makes the parser fail in ways of its own.
    except (YAMLError, ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise ValueError(f"{path}: not DVC's lock file ({' '.join(str(error).split())}); {remedy}") from error
    if not isinstance(stages, dict):
        raise ValueError(f"{path}: expected a mapping under stages, got {type(stages).__name__}; {remedy}")
    return stages


def hash_of(lock: dict[str, Any], stage: str) -> str:
    """SHA-256 of a stage's entry in dvc.lock: its command, parameters, inputs and outputs."""
    if stage not in lock:
        raise ValueError(f"dvc.lock has no stage {stage}; run dvc repro first")
    return json_hash(lock[stage])


def results(experiment: str, lock: dict[str, Any], ablations: list[str]) -> list[Result]:
    """The comparison methods, the trainings, and other uses of trained models."""
    report = workspace.REPORTS / experiment
    provenance = read_json(report / "provenance.json", dict, remedy="run dvc repro")
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
    for run in read_json(report / "runs.json", list, remedy="run dvc repro"):
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
    """The run of a method without training."""
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
    """`LearnedMethod`'s settings with which a row's poses were refined."""
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
    return values | {f"test_{name}": value for name, value in run.get("cost", {}).items()}


def description(checkpoint: Path) -> dict[str, Any]:
    """The network and configuration of a trained model."""
    return read_json(checkpoint / checkpoints.DESCRIPTION, dict, remedy="run dvc repro")


def publish(client: MlflowClient, result: Result) -> tuple[str, str]:
    """Create the result's run, or complete the existing one; returns its id and what was done."""
    state = json_hash([result.metrics, result.params, result.settings, result.lock_hash])
    run = open_run(
        client, result.experiment, result.name, result.key, result.params, lock_hash=result.lock_hash
    )
    tags = client.get_run(run).data.tags
    if tags.get("published") == state:
        return run, "there already"
    logged_keys: list[str] = []
    if result.history is not None:
        logged = last_epoch(client, run)
        history = pd.read_csv(result.history).drop(columns="unit")
        logged_keys = list(history.columns)
        for row in history.to_dict("records"):
            if row["epoch"] > logged:
                log_metrics(client, run, row, step=int(row["epoch"]))
    log_metrics(client, run, result.metrics)
    new = result.tags | {"lock_hash": result.lock_hash}
    if result.checkpoint is not None:
        # The description contains the weights' hash, so it identifies the checkpoint.
        model = {f"refine_{key}": str(value) for key, value in result.settings.items()}
        model["checkpoint_sha256"] = file_hash(result.checkpoint / checkpoints.DESCRIPTION)
        unit = validation_unit([result.history])
        units = units_table([*logged_keys, *result.metrics], unit)
        new |= model | {NOTE: f"{model_card(result.checkpoint)}\n\n{units}"}
        if any(tags.get(key) != value for key, value in model.items()):
            error = f"validation error {result.metrics['validation_error_best']:.4g} {unit}"
            log_model(
                client,
                run,
                Trained(
                    name=f"{result.experiment} {result.tags['method']}",
                    checkpoint=result.checkpoint,
                    settings=result.settings,
                    about=f"Seed {result.tags['seed']}, {error}.",
                ),
            )
    # Last, so that an interrupted publish is resumed.
    for name, value in (new | {"published": state}).items():
        client.set_tag(run, name, value)
    client.set_terminated(run, "FINISHED")
    return run, "brought up to date" if "published" in tags else "published"


if __name__ == "__main__":
    main(*instance_of(sys.argv[1:]))
