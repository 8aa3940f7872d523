"""Put the results that dvc.lock stands for into MLflow: a run for every training and every comparator.

DVC's files are the truth. A run is keyed by its stage's lock hash, so one that DVC skipped, or that was
deleted from MLflow, is there again after this; nothing is trained for it, and what is there is not repeated.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import yaml

from hanet import checkpoints
from hanet.data.cache import PoseCache
from stages import _run
from stages.params import Params, load

if TYPE_CHECKING:
    from mlflow import MlflowClient

RECEIPT = _run.DATA / "published.json"


@dataclass(frozen=True)
class Result:
    """One row of MLflow's comparison.

    Attributes:
        experiment: the experiment's name, also MLflow's.
        name: the run's name.
        lock_hash: of the stage that made it.
        params: parameters to show.
        metrics: test scores, and what else is a number.
        tags: what the numbers stand on.
        checkpoint: folder of the trained model, if any.
        history: file of per-epoch numbers, if any.
    """

    experiment: str
    name: str
    lock_hash: str
    params: dict[str, Any]
    metrics: dict[str, float]
    tags: dict[str, str]
    checkpoint: Path | None = None
    history: Path | None = field(default=None)


def main() -> None:
    """Publish every result, and write down which run each is."""
    with _run.stage("publish", _run.tracking_uri()):
        params, lock = load(), read_lock(Path("dvc.lock"))
        client = _run.mlflow_client()
        receipt: dict[str, dict[str, str]] = {}
        for experiment in params.run.experiments:
            for result in results(experiment, params, lock):
                run, how = publish(client, result)
                receipt.setdefault(experiment, {})[result.name] = run
                _run.console.print(f"  {experiment} / {result.name}: {how}")
            table(client, experiment)
        _run.write_json(RECEIPT, receipt)


def read_lock(path: Path) -> dict[str, Any]:
    """The stages of dvc.lock."""
    if not path.is_file():
        raise ValueError(f"{path} is missing: nothing was reproduced yet; run dvc repro first")
    return yaml.safe_load(path.read_text())["stages"]


def lock_hash(lock: dict[str, Any], stage: str) -> str:
    """SHA-256 of a stage's entry in dvc.lock: its command, parameters, inputs and outputs."""
    if stage not in lock:
        raise ValueError(f"dvc.lock has no stage {stage}; run dvc repro first")
    return hashlib.sha256(json.dumps(lock[stage], sort_keys=True).encode()).hexdigest()


def results(experiment: str, params: Params, lock: dict[str, Any]) -> list[Result]:
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
    by_sequence = pd.read_csv(report / "per_sequence.csv")
    summary = json.loads((report / "scores.json").read_text())
    rows = []
    for path in sorted((_run.REFINED / experiment / "filters").glob("*.parquet")):
        described = PoseCache.open(path).metadata.provenance
        rows.append(
            Result(
                experiment=experiment,
                name=path.stem,
                lock_hash=lock_hash(lock, f"filter@{experiment}"),
                params={"method": path.stem, **described["parameters"]},
                metrics=scores(summary[path.stem], by_sequence, path.stem, None),
                tags=tags | {"method": path.stem},
            )
        )
    for model in params.run.models:
        for seed in params.run.seeds:
            name = f"{model}-{seed}"
            checkpoint = _run.MODELS / experiment / name
            described = checkpoints.read_metadata(checkpoint)
            config = json.loads((checkpoint / checkpoints.DESCRIPTION).read_text())["config"]
            rows.append(
                Result(
                    experiment=experiment,
                    name=name,
                    lock_hash=lock_hash(lock, f"train@{experiment}-{model}-{seed}"),
                    params={"model": config, "training": described["training"]},
                    metrics={
                        **scores(summary[model], by_sequence, model, seed),
                        "best_epoch": described["best_epoch"],
                        "validation_mpjpe_mm_best": described["validation_mpjpe_mm"],
                    },
                    tags=tags
                    | {"method": model, "seed": str(seed), "training": f"{name}:{described['fingerprint']}"},
                    checkpoint=checkpoint,
                    history=report / "training" / f"{name}.csv",
                )
            )
    return rows


def scores(
    summary: dict[str, Any], by_sequence: pd.DataFrame, method: str, seed: int | None
) -> dict[str, float]:
    """Test scores of one run, ``test_*``, of its own seed; the interval's ends where there is one seed."""
    values = {f"test_{name}": float(summary[name]) for name in ("frames", "sequences", "observed")}
    chosen = by_sequence[by_sequence["method"] == method]
    if seed is not None:
        chosen = chosen[chosen["seed"] == seed]
    for name, cell in summary.items():
        if isinstance(cell, dict) and "mean" in cell:
            one_seed = seed is None or summary["seeds"] == 1
            # Over several seeds the summary holds their mean; a run shows its own, weighted by frames.
            mean = cell["mean"] if one_seed else float(np.average(chosen[name], weights=chosen["frames"]))
            values[f"test_{name}"] = mean
            if one_seed and "low" in cell:
                values |= {f"test_{name}_low": cell["low"], f"test_{name}_high": cell["high"]}
    return values


def publish(client: MlflowClient, result: Result) -> tuple[str, str]:
    """Make the result's run, or complete the one there is; returns its id and what was done."""
    where = _run.experiment_id(client, result.experiment)
    content = json.dumps([result.metrics, result.params], sort_keys=True)
    state = hashlib.sha256(content.encode()).hexdigest()
    run = _run.find_run(client, where, "key", f"{result.name}:{result.lock_hash}")
    if run is not None and client.get_run(run).data.tags.get("published") == state:
        return run, "there already"
    if run is None and "training" in result.tags:  # the run that the training itself opened
        run = _run.find_run(client, where, "training", result.tags["training"])
    how = "made" if run is None else "completed"
    if run is None:
        run = client.create_run(where, run_name=result.name).info.run_id
        _run.log_params(client, run, result.params)
        if result.history is not None:
            for row in pd.read_csv(result.history).to_dict("records"):
                _run.log_metrics(client, run, row, step=int(row["epoch"]))
    _run.log_metrics(client, run, result.metrics)
    if result.checkpoint is not None and not client.list_artifacts(run):
        log_model(run, result.checkpoint)
    tags = result.tags | {
        "lock_hash": result.lock_hash,
        "key": f"{result.name}:{result.lock_hash}",
        "published": state,  # last, so that an interrupted publish is taken up again
    }
    for name, value in tags.items():
        client.set_tag(run, name, value)
    client.set_terminated(run, "FINISHED")
    return run, how


def log_model(run: str, checkpoint: Path) -> None:
    """The checkpoint as a model that MLflow loads and that refines a track."""
    import mlflow

    T, C = (
        json.loads((checkpoint / checkpoints.DESCRIPTION).read_text())["config"][k]
        for k in ("window", "channels")
    )
    with mlflow.start_run(run_id=run):
        mlflow.pyfunc.log_model(
            name="model",
            python_model=str(Path(__file__).with_name("_refiner.py")),
            artifacts={"checkpoint": str(checkpoint)},
            input_example=np.zeros((T, C), dtype=np.float32),
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
