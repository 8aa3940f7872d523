"""`make prefect` on a project of shell commands: runs of its workers, and what is left when a part dies."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.request import urlopen
from uuid import UUID

import psutil
import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterKey,
    FlowRunFilter,
    FlowRunFilterId,
    LogFilter,
    LogFilterFlowRunId,
)
from prefect.client.schemas.objects import StateType
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Cancelling

from tests.support.graph_of_shell import shell, write_project
from tests.support.paths import ROOT
from tests.support.waiting import command, ended, until

FOUR = ("small", "large", "wide", "deep")
"""More than one worker has room for beside the run that starts them."""
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tree = write_project(tmp_path_factory.mktemp("served") / "project")
    (tree / "mlflow.db").touch()  # nothing here writes to MLflow
    (tree / "pipeline").symlink_to(ROOT / "pipeline")
    (tree / "prefect.yaml").symlink_to(ROOT / "prefect.yaml")
    return tree


def free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as two:
        one.bind(("127.0.0.1", 0))
        two.bind(("127.0.0.1", 0))
        return one.getsockname()[1], two.getsockname()[1]


class Served:
    """`make prefect`, its processes and a client."""

    def __init__(self, tree: Path, *, workers: int) -> None:
        port, results = free_ports()
        self.tree, self.address, self.results = (
            tree,
            f"http://127.0.0.1:{port}",
            f"http://127.0.0.1:{results}",
        )
        self.log = tree / ".dvc" / "tmp" / "make.log"
        path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
        self.make = subprocess.Popen(
            ["make", "-f", str(ROOT / "Makefile"), "-o", "env", "prefect"],
            cwd=tree,
            env={
                **os.environ,
                "PATH": path,
                "PREFECT_PORT": str(port),
                "RESULTS_PORT": str(results),
                "CPU_WORKERS": str(workers),
            },
            start_new_session=True,
            stdout=self.log.open("w"),
            stderr=subprocess.STDOUT,
        )

    def wait_until_up(self, workers: int) -> None:
        until(lambda: self.address in self.log.read_text() or self.make.poll() is not None, 400)
        assert self.make.poll() is None, self.log.read_text()
        until(lambda: self.log.read_text().count("started!") >= workers)

    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.make.pid).children(recursive=True)

    def part(self, *words: str) -> psutil.Process:
        """The process, not its supervisor, whose command ends with `prefect` and these words and more."""
        wanted = ["-m", "prefect", *words]
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
    served = Served(tree, workers=workers)
    family = served.family()
    try:
        served.wait_until_up(workers)
        with (
            temporary_settings({PREFECT_API_URL: f"{served.address}/api"}),
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
    found = client.read_flow_run(run).state
    return (found and found.name) or ""


def one_at_a_time(client: SyncPrefectClient, run: UUID) -> None:
    """Each task of a run begins when the one before it ended."""
    tasks = client.read_task_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[run])))
    times = sorted((task.start_time, task.end_time) for task in tasks)
    assert len(times) == 5
    assert all(before[1] <= after[0] for before, after in pairwise(times))


def messages(client: SyncPrefectClient, run: UUID) -> list[str]:
    found = client.read_logs(LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run])), limit=200)
    return [log.message for log in found]


def artifact(client: SyncPrefectClient, key: str) -> str:
    [found] = client.read_artifacts(artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=[key])))
    return str(found.data)


def test_ablations_on_two_workers_and_a_cancelled_run(project: Path) -> None:
    with serving(project, workers=2) as (served, client):
        ablations = served.run(client, "ablation/ablation", ablations=FOUR)
        until(lambda: client.read_flow_run(ablations).state.is_final())
        assert state(client, ablations) == "Completed"
        saved = shell(project, sys.executable, "-m", "dvc", "exp", "list", "--name-only").split()
        assert {name.rpartition("-")[0] for name in saved} == {f"ablation-{name}" for name in FOUR}
        runs = [run for run in client.read_flow_runs() if run.parent_task_run_id]
        assert len(runs) == len(FOUR)
        workers = {re.search(r"Worker '(cpu-\d)", "".join(messages(client, run.id)))[1] for run in runs}
        assert workers == {"cpu-1", "cpu-2"}
        page = artifact(client, "ablations-tiny")
        assert all(f"| {name} | 2.0 |" in page for name in FOUR)
        compared = "%2C".join(f"%22of-{name}%22" for name in FOUR)
        link = f"#/compare-runs?runs=%5B{compared}%5D&experiments=%5B%227%22%5D"
        assert f"[4 runs compared](http://127.0.0.1:5000/{link})" in page
        with urlopen(f"{served.results}/{runs[0].id}/tiny/metrics.json") as answer:
            assert b"mm" in answer.read()

        settings = {"targets": ["train"], "overrides": ["train.sleep=1"]}
        cancelled = served.run(client, "reproduce/reproduce", **settings)
        family = at_work(served)
        until(lambda: any((project / ".dvc/tmp/runs").glob("*/scratch/a")))
        client.set_flow_run_state(cancelled, Cancelling())  # what the page's Cancel does
        assert until(lambda: ended(trains(family))) < 10
        assert until(lambda: ended(family)) < 10
        until(lambda: state(client, cancelled) == "Cancelled")

        settings["targets"] = ["train", "compare"]
        again = served.run(client, "reproduce/reproduce", **settings, gpu=True, jobs=3)
        until(lambda: client.read_flow_run(again).state.is_final())
        assert state(client, again) == "Completed"
        until(lambda: any(re.search("resuming after epoch [1-9]", line) for line in messages(client, again)))
        one_at_a_time(client, again)

        (project / "params.yaml").write_text((project / "params.yaml").read_text().replace("p: 0}", "p: 3}"))
        shell(project, "git", "commit", "--quiet", "--all", "--message", "Slow")
        ablations = served.run(client, "ablation/ablation", ablations=["small", "large"])
        family = at_work(served)
        client.set_flow_run_state(ablations, Cancelling())
        until(lambda: state(client, ablations) == "Cancelled")
        until(lambda: all(run.state.is_final() for run in client.read_flow_runs()))
        cancelled = [run.name for run in client.read_flow_runs() if run.state.is_cancelled()]
        assert {"small", "large"} <= {name.rpartition("-")[0] for name in cancelled}
        assert ended(trains(family))
        everything = served.family()
        served.interrupt()
        assert until(lambda: ended(everything)) < 20
    assert "ended by itself" not in served.log.read_text()


def test_a_killed_worker_then_a_killed_server_end_all(project: Path) -> None:
    with serving(project) as (served, client):
        lost = served.run(client, "reproduce/reproduce", targets=["train"], overrides=["train.sleep=2"])
        family = at_work(served)
        everything = served.family()
        served.part("worker", "start").kill()
        assert until(lambda: ended(family)) < 10
        assert until(lambda: ended(everything)) < 20
        assert "the worker cpu-1 ended by itself (code 137)" in served.log.read_text()
    with serving(project) as (served, client):
        until(lambda: client.read_flow_run(lost).state.type is StateType.CRASHED, 100)
        served.run(client, "reproduce/reproduce", targets=["train"], overrides=["train.sleep=2"])
        family = at_work(served)
        everything = served.family()
        served.part("server", "start").kill()
        assert until(lambda: ended(family)) < 10
        assert until(lambda: ended(everything)) < 15
        assert "the server ended by itself (code 137)" in served.log.read_text()


@pytest.mark.parametrize("killed", ["make", "serve"])
def test_killed_itself_it_leaves_nothing_behind(project: Path, killed: str) -> None:
    with serving(project) as (served, client):
        lost = served.run(client, "reproduce/reproduce", targets=["train"], overrides=["train.sleep=2"])
        family = at_work(served)
        everything = served.family()
        if killed == "make":
            served.make.kill()
        else:
            next(p for p in everything if command(p)[1:] == ["-m", "pipeline.server.serve"]).kill()
        assert until(lambda: ended(family)) < 10
        assert until(lambda: ended(everything)) < 20
    with serving(project) as (served, client):
        until(lambda: client.read_flow_run(lost).state.is_final(), 100)
        assert client.read_flow_run(lost).state.type in (StateType.CRASHED, StateType.CANCELLED)
