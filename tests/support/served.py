"""`make prefect` on a project, with its processes and a client."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import psutil
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterKey,
    FlowRunFilter,
    FlowRunFilterId,
    LogFilter,
    LogFilterFlowRunId,
)
from prefect.client.schemas.objects import TaskRun
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

from tests.support.graph_of_shell import write_project
from tests.support.paths import ROOT
from tests.support.waiting import command, ended, until

SETTINGS = ("PREFECT_", "RESULTS_PORT", "CPU_WORKERS")
"""How the environment variables begin that change what is served."""


def served_project(tree: Path) -> Path:
    """Write the project of shell commands with what `make prefect` needs."""
    write_project(tree)
    (tree / "mlflow.db").touch()  # nothing here writes to MLflow
    for name in ("pipeline", "hanet", "prefect.yaml"):
        (tree / name).symlink_to(ROOT / name)
    return tree


def free_ports() -> tuple[int, int]:
    """Return two ports that no program listens on."""
    with socket.socket() as one, socket.socket() as two:
        one.bind(("127.0.0.1", 0))
        two.bind(("127.0.0.1", 0))
        return one.getsockname()[1], two.getsockname()[1]


class Served:
    """`make prefect`, its processes and requests to it."""

    def __init__(self, tree: Path, *, workers: int) -> None:
        self.tree, (port, results) = tree, free_ports()
        self.address, self.results = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{results}"
        self.log = tree / ".dvc" / "tmp" / "make.log"
        env = {name: value for name, value in os.environ.items() if not name.startswith(SETTINGS)}
        env |= {
            "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])),
            "PREFECT_PORT": str(port),
            "RESULTS_PORT": str(results),
            "CPU_WORKERS": str(workers),
        }
        with self.log.open("w") as log:
            self.make = subprocess.Popen(
                ["make", "-f", str(ROOT / "Makefile"), "-o", "env", "prefect"],
                cwd=tree,
                env=env,
                start_new_session=True,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def wait_until_up(self, workers: int) -> None:
        """Wait for the link and the workers."""
        until(lambda: self.address in self.log.read_text() or self.make.poll() is not None, 400)
        assert self.make.poll() is None, self.log.read_text()
        until(lambda: self.log.read_text().count("started!") >= workers)

    @property
    def link(self) -> str:
        """The link that it printed."""
        found = re.search(rf"Prefect: ({re.escape(self.address)}\S+)", self.log.read_text())
        assert found, self.log.read_text()
        return found[1]

    @property
    def auth(self) -> str:
        """The auth string in the link."""
        return self.link.rpartition("#")[2]

    def ask(
        self, path: str, body: Any = None, *, auth: str = "", headers: Mapping[str, str] | None = None
    ) -> tuple[int, Mapping[str, str], str]:
        """Send one request with exactly these headers; return status, headers and text."""
        sent = dict(headers or {})
        if auth:
            sent["Authorization"] = f"Basic {b64encode(auth.encode()).decode()}"
        if body is not None:
            sent["Content-Type"] = "application/json"
        connection = HTTPConnection(urlsplit(self.address).netloc, timeout=30)
        try:
            data = None if body is None else json.dumps(body)
            connection.request("GET" if body is None else "POST", path, data, sent)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read().decode()
        finally:
            connection.close()

    def family(self) -> list[psutil.Process]:
        """All descendants of `make`."""
        return psutil.Process(self.make.pid).children(recursive=True)

    def part(self, *words: str) -> psutil.Process:
        """The process, not its supervisor, that runs `python -m` with these words and more."""
        wanted = ["-m", *words]
        return next(p for p in self.family() if command(p)[1 : 1 + len(wanted)] == wanted)

    def interrupt(self) -> None:
        """What Ctrl-C does: the signal goes to everything of the terminal."""
        os.killpg(self.make.pid, signal.SIGINT)

    def run(self, client: SyncPrefectClient, deployment: str, **parameters: Any) -> UUID:
        """What Quick run and the form do."""
        found = client.read_deployment_by_name(deployment)
        return client.create_flow_run_from_deployment(found.id, parameters=parameters).id


@contextmanager
def serving(tree: Path, *, workers: int = 1) -> Iterator[tuple[Served, SyncPrefectClient]]:
    """Serve a project until the block ends; nothing may be left then."""
    served = Served(tree, workers=workers)
    family = served.family()
    try:
        served.wait_until_up(workers)
        with (
            temporary_settings(
                {PREFECT_API_URL: f"{served.address}/api", PREFECT_API_AUTH_STRING: served.auth}
            ),
            get_client(sync_client=True) as client,
        ):
            yield served, client
    finally:
        if served.make.poll() is None:
            family = served.family()
            served.interrupt()
        until(lambda: ended(family), 30)
        served.make.wait(30)


def trains(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that run the training's script."""
    return [process for process in processes if "train.sh" in command(process)]


def at_work(served: Served) -> list[psutil.Process]:
    """Wait until a training runs; all processes of the flow runs."""
    until(lambda: bool(trains(served.family())))
    return [
        process
        for engine in served.family()
        if command(engine)[-1:] == ["prefect.engine"]
        for process in (engine, *engine.children(recursive=True))
    ]


def state(client: SyncPrefectClient, run: UUID) -> str:
    """The name of a run's state."""
    found = client.read_flow_run(run).state
    return (found and found.name) or ""


def tasks(client: SyncPrefectClient, run: UUID) -> list[TaskRun]:
    """The task runs of a run."""
    return client.read_task_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[run])))


def messages(client: SyncPrefectClient, run: UUID) -> list[str]:
    """The log lines of a run."""
    found = client.read_logs(LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run])), limit=200)
    return [log.message for log in found]


def artifact(client: SyncPrefectClient, key: str) -> str:
    """The content of the artifact with a key."""
    [found] = client.read_artifacts(artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=[key])))
    return str(found.data)
