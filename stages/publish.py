"""Put the results that dvc.lock stands for into MLflow: a run for every training and every comparator.

DVC's files are the truth. A run belongs to its stage's entry in dvc.lock, so one that DVC skipped, or that
was deleted from MLflow, is there again after this; nothing is trained for it, and what is there is not
repeated.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import yaml

from hanet import checkpoints
from hanet.data.cache import PoseCache
from stages import _run
from stages.params import Refine, load

if TYPE_CHECKING:
    from mlflow import MlflowClient

RECEIPT = _run.DATA / "published.json"


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
        settings: how the trained model is used (`HANetMethod`'s settings), if there is one.
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


def main() -> None:
    """Publish every result, and write down what was published.

    The receipt names lock hashes (a tag of the runs), not run ids: it is DVC's output, so it must follow from
    the inputs alone, and a run that is made again has another id.
    """
    from mlflow.exceptions import MlflowException

    with _run.stage("publish"):
        params, lock = load(), read_lock(Path("dvc.lock"))
        receipt: dict[str, dict[str, str]] = {}
        try:
            client = _run.mlflow_client()
            for experiment in params.run.experiments:
                for result in results(experiment, lock):
                    how = publish(client, result)
                    receipt.setdefault(experiment, {})[result.name] = result.lock_hash
                    _run.console.print(f"  {experiment} / {result.name}: {how}")
                table(client, experiment)
        except MlflowException as error:
            raise ValueError(
                f"MLflow failed: {error}; check MLFLOW_TRACKING_URI and run python -m stages.publish again"
            ) from error
        _run.write_json(RECEIPT, receipt)


def read_lock(path: Path) -> dict[str, Any]:
    """The stages of dvc.lock."""
    if not path.is_file():
        raise ValueError(f"{path} is missing: nothing was reproduced yet; run dvc repro first")
    return yaml.safe_load(path.read_text())["stages"]


def hash_of(lock: dict[str, Any], stage: str) -> str:
    """SHA-256 of a stage's entry in dvc.lock: its command, parameters, inputs and outputs."""
    if stage not in lock:
        raise ValueError(f"dvc.lock has no stage {stage}; run dvc repro first")
    return hashlib.sha256(json.dumps(lock[stage], sort_keys=True).encode()).hexdigest()


def results(experiment: str, lock: dict[str, Any]) -> list[Result]:
    """The comparators and the trainings of an experiment."""
    report = _run.REPORTS / experiment
    provenance = json.loads((report / "provenance.json").read_text())
    tags = {
        "experiment": experiment,
        "dataset": provenance["dataset"],
        "estimator": provenance["estimator"],
        "protocol": provenance["protocol"],
        "data_hash_ground_truth": provenance["data_sha256"]["ground_truth"],
        "data_hash_detected": provenance["data_sha256"]["detected"],
        "git_commit": _run.commit(),
    }
    runs = json.loads((report / "runs.json").read_text())
    return [(comparator if run["seed"] is None else training)(experiment, run, tags, lock) for run in runs]


def comparator(experiment: str, run: dict[str, Any], tags: dict[str, str], lock: dict[str, Any]) -> Result:
    """The run of a method that needs no training."""
    method = run["method"]
    described = PoseCache.open(_run.REFINED / experiment / "filters" / f"{method}.parquet").metadata
    lock_hash = hash_of(lock, f"filter@{experiment}")
    return Result(
        experiment=experiment,
        name=method,
        key=f"{method}:{lock_hash}",
        lock_hash=lock_hash,
        params={"method": method, **described.provenance["parameters"]},
        metrics=scores(run),
        tags=tags | {"method": method},
    )


def training(experiment: str, run: dict[str, Any], tags: dict[str, str], lock: dict[str, Any]) -> Result:
    """The run of a HANet."""
    method, seed = run["method"], run["seed"]
    name = f"{method}-{seed}"
    checkpoint = _run.MODELS / experiment / name
    described = checkpoints.read_metadata(checkpoint)
    refined = PoseCache.open(_run.REFINED / experiment / name / "test.parquet").metadata.provenance
    settings = {key: refined["parameters"][key] for key in Refine.model_fields}
    return Result(
        experiment=experiment,
        name=name,
        key=_run.training_key(name, described["fingerprint"]),
        lock_hash=hash_of(lock, f"train@{experiment}-{name}"),
        params={"model": config(checkpoint), "training": described["training"]},
        metrics=scores(run)
        | {
            "best_epoch": described["best_epoch"],
            "validation_mpjpe_mm_best": described["validation_mpjpe_mm"],
        },
        tags=tags | {"method": method, "seed": str(seed), "fingerprint": described["fingerprint"]},
        checkpoint=checkpoint,
        settings=settings,
        history=_run.REPORTS / experiment / "training" / f"{name}.csv",
    )


def scores(run: dict[str, Any]) -> dict[str, float]:
    """The test scores of one run and the ends of their intervals, ``test_*``."""
    values = {f"test_{name}": float(run[name]) for name in ("frames", "sequences", "observed")}
    for name, cell in run["metrics"].items():
        suffixes = {"mean": "", "low": "_low", "high": "_high"}
        values |= {f"test_{name}{suffixes[part]}": value for part, value in cell.items()}
    return values


def config(checkpoint: Path) -> dict[str, Any]:
    """The configuration of a trained model."""
    return json.loads((checkpoint / checkpoints.DESCRIPTION).read_text())["config"]


def publish(client: MlflowClient, result: Result) -> str:
    """Make the result's run, or complete the one there is; returns what was done."""
    content = json.dumps([result.metrics, result.params, result.settings, result.lock_hash], sort_keys=True)
    state = hashlib.sha256(content.encode()).hexdigest()
    run = _run.open_run(
        client, result.experiment, result.name, result.key, result.params, lock_hash=result.lock_hash
    )
    tags = client.get_run(run).data.tags
    if tags.get("published") == state:
        return "there already"
    if result.history is not None:
        logged = _run.last_epoch(client, run)
        for row in pd.read_csv(result.history).to_dict("records"):
            if row["epoch"] > logged:
                _run.log_metrics(client, run, row, step=int(row["epoch"]))
    _run.log_metrics(client, run, result.metrics)
    new = result.tags | {"lock_hash": result.lock_hash}
    if result.checkpoint is not None:
        # The description holds the weights' hash, so it stands for the whole checkpoint.
        model = {f"refine_{key}": str(value) for key, value in result.settings.items()}
        model["checkpoint_sha256"] = _run.file_hash(result.checkpoint / checkpoints.DESCRIPTION)
        new |= model
        if any(tags.get(key) != value for key, value in model.items()):
            log_model(run, result.checkpoint, result.settings)
    # Last, so that an interrupted publish is taken up again.
    for name, value in (new | {"published": state}).items():
        client.set_tag(run, name, value)
    client.set_terminated(run, "FINISHED")
    return "brought up to date" if "published" in tags else "published"


def log_model(run: str, checkpoint: Path, settings: dict[str, Any]) -> None:
    """The checkpoint as a model that MLflow loads and that refines a track with these settings."""
    import mlflow

    shape = config(checkpoint)
    with TemporaryDirectory() as folder, mlflow.start_run(run_id=run):
        path = Path(folder) / "settings.json"
        _run.write_json(path, settings)
        mlflow.pyfunc.log_model(
            name="model",
            python_model=str(Path(__file__).with_name("_refiner.py")),
            artifacts={"checkpoint": str(checkpoint), "settings": str(path)},
            input_example=np.zeros((shape["window"], shape["channels"]), dtype=np.float32),
            pip_requirements=["hanet"],
        )


def table(client: MlflowClient, experiment: str) -> None:
    """The experiment's page shows the table."""
    report = _run.REPORTS / experiment / "table.md"
    if report.is_file():
        where = _run.experiment_id(client, experiment)
        client.set_experiment_tag(where, "mlflow.note.content", report.read_text())


if __name__ == "__main__":
    main()
