"""MLflow's client: the tracking address, and functions to find, open and log runs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mlflow import MlflowClient

from hanet.options import flatten


def tracking_uri() -> str:
    """MLFLOW_TRACKING_URI, or a database next to params.yaml."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{Path.cwd() / 'mlflow.db'}"


def tracking_ui() -> str:
    """MLflow's address for a browser: the tracking server, or the one of `make ui`."""
    uri = tracking_uri()
    return uri.rstrip("/") if uri.startswith("http") else "http://127.0.0.1:5000"


@contextmanager
def mlflow_errors() -> Iterator[None]:
    """Turn what MLflow and its database raise, such as a locked one, into a ValueError with the remedy."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, SQLAlchemyError) as error:
        first = next(iter(str(error).splitlines()), type(error).__name__)
        raise ValueError(
            f"MLflow failed: {first}; check MLFLOW_TRACKING_URI, and that no other program locks its "
            "database, and run make publish again"
        ) from error


def mlflow_client() -> MlflowClient:
    """A client on `tracking_uri`, without telemetry and log output, with timeouts of half a minute.

    MLflow's default timeouts are minutes per call; its environment variables override these.
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
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)  # `mlflow_errors` reports these
    mlflow.set_tracking_uri(tracking_uri())
    return mlflow.MlflowClient()


def experiment_id(client: MlflowClient, name: str) -> str:
    """The id of an MLflow experiment, created if missing and restored if deleted."""
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(name)
    if found is not None:
        if found.lifecycle_stage == "deleted":  # by the bin of MLflow's page; its runs are DVC's results
            client.restore_experiment(found.experiment_id)
        return found.experiment_id
    # For our own database, artifacts are stored next to it.
    database = tracking_uri().removeprefix("sqlite:///")
    beside = Path(database).resolve().parent / "mlartifacts" / name
    location = f"file://{beside}" if database != tracking_uri() else None
    try:
        # The kind determines MLflow's first page: runs and charts instead of traces of language models.
        kind = {"mlflow.experimentKind": "custom_model_development"}
        return client.create_experiment(name, artifact_location=location, tags=kind)
    except MlflowException:  # another process created it first
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
    """The newest run of a key that is published under `lock_hash` or unpublished; else a new one."""
    where = experiment_id(client, experiment)
    for run in client.search_runs([where], f"tags.key = '{key}'", order_by=["attributes.start_time DESC"]):
        if run.data.tags.get("lock_hash") in (None, lock_hash):
            return run.info.run_id
    run = client.create_run(where, run_name=name, tags={"key": key}).info.run_id
    log_params(client, run, params)
    return run


class LiveRun:
    """The MLflow run of a training, found by its key, so that a resumed training continues in it."""

    def __init__(self, experiment: str, name: str, fingerprint: str, params: Mapping[str, Any]) -> None:
        self._client = mlflow_client()
        self._run = open_run(self._client, experiment, name, training_key(name, fingerprint), params)
        self._client.update_run(self._run, status="RUNNING")
        self._logged = last_epoch(self._client, self._run)

    def log(self, row: Mapping[str, float]) -> None:
        """Log an epoch's numbers, unless the run already has them."""
        if row["epoch"] > self._logged:
            log_metrics(self._client, self._run, row, step=int(row["epoch"]))

    def end(self, status: str) -> None:
        """Close the run."""
        self._client.set_terminated(self._run, status)


def training_key(name: str, fingerprint: str) -> str:
    """The key of a training's run; it includes the name, as two models may have equal settings."""
    return f"{name}:{fingerprint}"


def last_epoch(client: MlflowClient, run: str) -> int:
    """The last epoch with numbers in a run; 0 without any."""
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
