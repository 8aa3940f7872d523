"""What every stage shares: dying with its parent, saying what runs on what, writing whole files, MLflow.

MLflow is imported here, in `stages.publish` and in `stages._refiner` alone, and only where it is used:
importing it takes seconds. `stages._published_tables` gets a client.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import torch
from rich.console import Console

from hanet.data.unpack import ArchiveError

if TYPE_CHECKING:
    from mlflow import MlflowClient

console = Console(highlight=False, soft_wrap=True)

DATA = Path("data")
RAW, POSES, PAIRS = DATA / "raw", DATA / "poses", DATA / "pairs"
MODELS, REFINED, REPORTS = DATA / "models", DATA / "refined", DATA / "reports"
FIGURES, RECEIPTS = DATA / "figures", DATA / "published"
HASHES = DATA / "hashes"
"""SHA-256 of publishers' files, noted on first use: no output of DVC's, so that later runs are held to it."""
ARCHIVES = "archives.json"
"""In the raw folder of a data set that came in archives: their SHA-256 by name."""
SCRATCH = DATA / "scratch"
"""States of unfinished trainings: not an output of DVC's, so that it survives a killed run."""

_PR_SET_PDEATHSIG = 1


def truth_path(experiment: str, split: str) -> Path:
    """The ground-truth cache of a split, beside `detected_path`."""
    return PAIRS / experiment / f"gt-{split}.parquet"


def detected_path(experiment: str, split: str) -> Path:
    """The cache of an experiment's detected poses of a split."""
    return PAIRS / experiment / f"detected-{split}.parquet"


@contextmanager
def stage(*title: str) -> Iterator[None]:
    """Frame of a stage's work: a headline, and errors that a user can mend without a traceback (exit 2)."""
    die_with_parent()
    console.print(f"[bold]{' '.join(title)}[/] on {machine()}")
    try:
        yield
    except (ValueError, OSError, ArchiveError) as error:
        Console(stderr=True, soft_wrap=True, highlight=False).print(f"Error: {error}", markup=False)
        raise SystemExit(2) from None


def die_with_parent() -> None:
    """On Linux, be killed when the process that started this one ends, e.g. a killed `dvc repro`.

    DVC leaves the commands of its stages running when it is killed; an orphan could then write into the
    output of the next run.
    """
    if sys.platform == "linux":
        parent = os.getppid()
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it ended before the request was in place
            os.kill(os.getpid(), signal.SIGKILL)


def machine() -> str:
    """What this runs on: device, threads, PyTorch, Python, commit."""
    return f"{hardware()}, Python {platform.python_version()}, commit {commit()}"


def hardware() -> str:
    """What decides how a computation rounds: device, threads, PyTorch."""
    device = (
        torch.cuda.get_device_name()
        if torch.cuda.is_available()
        else f"{torch.get_num_threads()} CPU threads"
    )
    return f"{device}, PyTorch {torch.__version__}"


def device() -> torch.device:
    """A GPU where there is one.

    Its convolutions are told to keep float32's digits: by default they take 10 bits of them.
    """
    torch.backends.cudnn.allow_tf32 = False
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def commit() -> str:
    """The work tree's commit; ``-dirty`` where tracked files differ, ``unknown`` outside git.

    What the pipeline itself writes (dvc.lock, data/) does not count: it differs during every run.
    """

    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], capture_output=True, text=True, check=True).stdout.strip()

    try:
        changed = git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!dvc.lock", ":!data")
        return git("rev-parse", "--short", "HEAD") + ("-dirty" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


@contextmanager
def fresh_folder(path: Path) -> Iterator[Path]:
    """A temporary folder beside `path` that takes its name when the block ends well, and else is removed.

    `path` is the old folder, no folder or the new one at any moment, never a part of one.
    """
    temporary = path.with_name(f".{path.name}.{uuid4().hex}.tmp")
    old = path.with_name(f".{path.name}.{uuid4().hex}.tmp")
    temporary.mkdir(parents=True)
    try:
        yield temporary
        if path.exists():
            path.rename(old)
        temporary.rename(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Write a file under a temporary name, then rename it."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file under a temporary name, then rename it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid4().hex}.tmp")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, content: Any) -> None:
    """JSON with sorted keys, so that equal content is equal bytes."""
    write_text(path, json.dumps(content, indent=2, sort_keys=True, allow_nan=False) + "\n")


def file_hash(path: Path) -> str:
    """SHA-256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as handle:
        while block := handle.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


# --- MLflow


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


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as dotted keys."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= flatten(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return flat


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
