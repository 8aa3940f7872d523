"""MLflow's client: where runs are tracked, and how they are found, opened and logged to."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlflow import MlflowClient

from hanet.options import flatten


def tracking_uri() -> str:
    """MLFLOW_TRACKING_URI, or a database beside params.yaml."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{Path.cwd() / 'mlflow.db'}"


def tracking_ui() -> str:
    """Where a browser finds MLflow: the tracking server, or what `make ui` serves."""
    uri = tracking_uri()
    return uri.rstrip("/") if uri.startswith("http") else "http://127.0.0.1:5000"


def mlflow_client() -> MlflowClient:
    """A client on `tracking_uri`, without telemetry and chatter, that gives up in half a minute.

    MLflow's own patience is minutes a call; its environment variables, where set, win over these.
    """
    for name, value in (
        ("MLFLOW_DISABLE_TELEMETRY", "true"),
        ("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false"),
        ("MLFLOW_HTTP_REQUEST_TIMEOUT", "10"),
        ("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2"),
        ("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "1"),
    ):
        os.environ.setdefault(name, value)
    import logging

    import mlflow

    logging.getLogger("mlflow").setLevel(logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    mlflow.set_tracking_uri(tracking_uri())
    return mlflow.MlflowClient()


def experiment_id(client: MlflowClient, name: str) -> str:
    """The id of an MLflow experiment, made where there is none."""
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(name)
    if found is not None:
        return found.experiment_id
    # On a database of ours, artifacts stay beside it.
    database = tracking_uri().removeprefix("sqlite:///")
    beside = Path(database).resolve().parent / "mlartifacts" / name
    location = f"file://{beside}" if database != tracking_uri() else None
    try:
        # The kind decides which pages MLflow opens with: runs and charts, not traces of language models.
        kind = {"mlflow.experimentKind": "custom_model_development"}
        return client.create_experiment(name, artifact_location=location, tags=kind)
    except MlflowException:  # another process was quicker
        found = client.get_experiment_by_name(name)
        if found is None:
            raise
        return found.experiment_id


def open_run(
    client: MlflowClient,
    experiment: str,
    name: str,
    key: str,
    params: Mapping[str, Any],
    *,
    lock_hash: str | None = None,
) -> str:
    """The newest run of that key which is published under `lock_hash` or not yet at all; else a new one."""
    where = experiment_id(client, experiment)
    for run in client.search_runs([where], f"tags.key = '{key}'", order_by=["attributes.start_time DESC"]):
        if run.data.tags.get("lock_hash") in (None, lock_hash):
            return run.info.run_id
    run = client.create_run(where, run_name=name, tags={"key": key}).info.run_id
    log_params(client, run, params)
    return run


class LiveRun:
    """The MLflow run of a training, found again by its key, so that a resumed training goes on in it."""

    def __init__(self, experiment: str, name: str, fingerprint: str, params: Mapping[str, Any]) -> None:
        self._client = mlflow_client()
        self._run = open_run(self._client, experiment, name, training_key(name, fingerprint), params)
        self._client.update_run(self._run, status="RUNNING")
        self._logged = last_epoch(self._client, self._run)

    def log(self, row: Mapping[str, float]) -> None:
        """Log an epoch's numbers, unless the run has them."""
        if row["epoch"] > self._logged:
            log_metrics(self._client, self._run, row, step=int(row["epoch"]))

    def end(self, status: str) -> None:
        """Close the run."""
        self._client.set_terminated(self._run, status)


def training_key(name: str, fingerprint: str) -> str:
    """What tells a training's run from others: two models may be set up alike, so the name is part of it."""
    return f"{name}:{fingerprint}"


def last_epoch(client: MlflowClient, run: str) -> int:
    """The last epoch that a run has numbers of; 0 where it has none."""
    return max((metric.step for metric in client.get_metric_history(run, "epoch")), default=0)


def log_params(client: MlflowClient, run: str, params: Mapping[str, Any]) -> None:
    """Nested parameters as dotted MLflow parameters."""
    from mlflow.entities import Param

    entries = [Param(key, str(value)) for key, value in flatten(params).items()]
    client.log_batch(run, params=entries)


def log_metrics(client: MlflowClient, run: str, values: Mapping[str, float], *, step: int = 0) -> None:
    """Numbers as MLflow metrics at one step."""
    import time

    from mlflow.entities import Metric

    now = int(time.time() * 1000)
    client.log_batch(run, metrics=[Metric(key, float(value), now, step) for key, value in values.items()])
