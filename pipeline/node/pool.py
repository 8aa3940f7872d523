"""Stages that a head has run by a worker of the pool `gpu`, on another machine (`pipeline.node.train`)."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun, State, WorkPoolStatus
from prefect.deployments import run_deployment
from prefect.exceptions import PrefectException
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from prefect.states import Cancelled, Cancelling, Completed

from pipeline.node import parcel
from pipeline.node.network import Network
from pipeline.processes.processes import StoppedError
from pipeline.repository.graph import DVC, dvc
from pipeline.repository.work_trees import git
from pipeline.work import StageError, Work, failure

DEPLOYMENT = "train-on-node/train-gpu"
POOL = "gpu"
GROUPS = ("train", "ablate")
"""Stages that go to the pool."""
ATTEMPTS = 5
"""How often a stage is sent whose node is killed; each goes on from the last one's checkpoint."""
LOOK = 2.0
"""Seconds between two looks at a run on a node."""


class GpuPool:
    """Sends stages to the pool, waits for their results and takes them."""

    def __init__(self) -> None:
        self._under_way: set[UUID] = set()
        self._lock = threading.Lock()

    def cancel_all(self) -> None:
        """Have the nodes end what they run for this head."""
        with self._lock:
            runs = list(self._under_way)
        with get_client(sync_client=True) as client:
            for run in runs:
                client.set_flow_run_state(
                    run, Cancelling(message="the run that asked for it ended"), force=False
                )

    def run(self, name: str, work: Work) -> State[Any] | None:
        """Have a stage run by a node; None where it is not one for the pool, or DVC would not run it at all.

        Raises
        ------
        StageError
            Where it fails there.
        """
        if name.partition("@")[0] not in GROUPS or not would_run(name, work):
            return None
        logger = get_run_logger()
        network = Network(work.processes, work.env, logger.info)
        try:
            began = time.monotonic()
            commit = send(name, work, network)
            logger.info("sent %s after %.1f s", commit[:12], time.monotonic() - began)
            done = self._have_run(name, work, network, commit)
            began = time.monotonic()
            take(name, work, network, commit)
            logger.info("took the results after %.1f s", time.monotonic() - began)
        except StoppedError:
            return Cancelled(name="Stopped", message="ended with its run")
        return Completed(message=done.message)

    def _have_run(self, name: str, work: Work, network: Network, commit: str) -> State[Any]:
        """The state Completed that a node's run of the stage ends in."""
        message = ""
        for attempt in range(1, ATTEMPTS + 1):
            with self._started(name, work, commit, attempt) as run:
                state = wait(run, network)
            if state.is_completed():
                return state
            message = f"on its node: {state.name}, {state.message or 'no more is known'}"
            if not state.is_crashed():
                raise StageError(f"stage {name} failed {message}")
            get_run_logger().warning("%s is gone %s; attempt %d of %d", name, message, attempt, ATTEMPTS)
        raise StageError(f"stage {name} failed {ATTEMPTS} times {message}")

    @contextmanager
    def _started(self, name: str, work: Work, commit: str, attempt: int) -> Iterator[FlowRun]:
        """A node's run of the stage, which is cancelled when this run ends meanwhile."""
        with self._lock:
            if work.processes.stopped:
                raise StoppedError("the run is ending")
            run: Any = run_deployment(
                DEPLOYMENT,
                parameters={
                    "stage": name,
                    "commit": commit,
                    "force": work.force,
                    "stage_timeout_minutes": work.timeout and work.timeout / 60,
                },
                flow_run_name=f"{name} of {flow_run.name}" + (f", {attempt}" if attempt > 1 else ""),
                timeout=0,
            )
            self._under_way.add(run.id)
        yield run
        with self._lock:
            self._under_way.discard(run.id)


@contextmanager
def gpu_pool() -> Iterator[GpuPool]:
    """The pool; what nodes run for this run ends with the block."""
    pool = GpuPool()
    try:
        yield pool
    finally:
        pool.cancel_all()


def would_run(name: str, work: Work) -> bool:
    """Whether DVC would run a stage, which it tells without doing so."""
    force = ["--force"] if work.force else []
    lines: list[str] = []
    command = [*DVC, "--wait-for-lock", "repro", "--single-item", "--dry", *force, name]
    code = work.processes.run(command, cwd=work.tree, env=work.env, on_line=lines.append)
    if code != 0:
        raise StageError(failure(name, f"dvc repro --dry ended with code {code}", lines[-20:]))
    return any(line.startswith("Running stage") for line in lines)


def send(name: str, work: Work, network: Network) -> str:
    """Put the tree as it is into the git remote, and the data that the stage reads into DVC's.

    Returns the work's commit.
    """
    files = parcel.files_of(work.tree, name)
    if files.cached_deps:
        network.dvc(work.tree, "push", *files.cached_deps)
    commit = parcel.pack(work.tree, f"Work for a node: {name}", files.plain_deps)
    network.push_ref(work.tree, commit, parcel.work_ref(commit))
    return commit


def wait(run: FlowRun, network: Network) -> State[Any]:
    """The final state of a node's run; says what it waits for."""
    logger = get_run_logger()
    told: object = None
    with get_client(sync_client=True) as client:
        while True:
            state = client.read_flow_run(run.id).state
            if state is not None and state.is_final():
                return state
            now = (state and state.name, ready(client))
            if now != told:
                silent = "" if now[1] else f"; no worker of the pool {POOL} is heard of"
                logger.info("%s: %s%s", run.name, now[0], silent)
                told = now
            network.sleep(LOOK)


def ready(client: SyncPrefectClient) -> bool:
    """Whether a worker of the pool was heard of lately."""
    with suppress(PrefectException):
        return client.read_work_pool(POOL).status is WorkPoolStatus.READY
    return False


def take(name: str, work: Work, network: Network, commit: str) -> None:
    """Have a node's results in the tree, as if the stage had run there.

    Raises
    ------
    StageError
        Where they do not fit the tree, because it was changed meanwhile.
    """
    result = parcel.result_ref(commit)
    network.fetch_ref(work.tree, result)
    parcel.take(work.tree, git(work.tree, "rev-parse", result), name)
    network.dvc(work.tree, "pull", "--force", name)
    changed = json.loads(dvc(work.tree, "--wait-for-lock", "status", "--json", name, env=work.env))
    if changed:
        raise StageError(f"what the node made of {name} does not fit this tree, was it changed? {changed}")
    refs = [parcel.work_ref(commit), result]
    network.git(work.tree, "push", "--quiet", parcel.REMOTE, *(f":{ref}" for ref in refs))
    git(work.tree, "update-ref", "-d", result)
