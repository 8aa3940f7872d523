"""Send stages from a head to nodes, through the work pool `gpu` (`pipeline.node.train`)."""

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

from pipeline.node import payload
from pipeline.node.network import Network
from pipeline.processes.children import StoppedError
from pipeline.repository.command import DVC, dvc
from pipeline.repository.git import git
from pipeline.repository.rwlock import mend
from pipeline.server.pools import GPU
from pipeline.work import StageError, Work, failure_message

DEPLOYMENT = "train-on-node/train-gpu"
GROUPS = ("train", "ablate")
"""Groups of stages that run on nodes."""
MAX_ATTEMPTS = 5
"""How often a stage is sent if its node is killed; each attempt resumes from the last checkpoint."""
POLL = 2.0
"""Seconds between two looks at a run on a node."""


class GpuPool:
    """Sends stages to nodes and fetches their results."""

    def __init__(self) -> None:
        self._running: set[UUID] = set()
        self._lock = threading.Lock()

    def cancel_all(self) -> None:
        """Cancel this head's runs on nodes."""
        with self._lock:
            runs = list(self._running)
        with get_client(sync_client=True) as client:
            for run in runs:
                client.set_flow_run_state(run, Cancelling(message="the run at the head ended"), force=False)

    def run(self, name: str, work: Work) -> State[Any] | None:
        """Run a stage on a node; return None if it does not belong there or DVC would skip it.

        Raises:
            StageError: the stage fails on the node.
            NetworkError: git or DVC fails although the network is up.
        """
        if name.partition("@")[0] not in GROUPS or not would_run(name, work):
            return None
        logger = get_run_logger()
        network = Network(work.children, work.env, logger.info)
        try:
            began = time.monotonic()
            commit = push_work(name, work, network)
            logger.info("pushed %s in %.1f s", commit[:12], time.monotonic() - began)
            done = self._run_on_node(name, work, network, commit)
            began = time.monotonic()
            fetch_result(name, work, network, commit)
            logger.info("fetched the results in %.1f s", time.monotonic() - began)
        except StoppedError:
            return Cancelled(name="Stopped", message="stopped with its run")
        return Completed(message=done.message)

    def _run_on_node(self, name: str, work: Work, network: Network, commit: str) -> State[Any]:
        """Run the stage on a node until it completes; return the state Completed."""
        message = ""
        for attempt in range(1, MAX_ATTEMPTS + 1):
            with self._flow_run(name, work, commit, attempt) as run:
                state = wait_for_end(run, network)
            if state.is_completed():
                return state
            message = f"on its node: {state.name}, {state.message or 'no message'}"
            if not state.is_crashed():
                raise StageError(f"stage {name} failed {message}")
            get_run_logger().warning("%s crashed %s; attempt %d of %d", name, message, attempt, MAX_ATTEMPTS)
        raise StageError(f"stage {name} failed {MAX_ATTEMPTS} times {message}")

    @contextmanager
    def _flow_run(self, name: str, work: Work, commit: str, attempt: int) -> Iterator[FlowRun]:
        """Start a node's run of the stage; it is cancelled if this run stops within the block."""
        with self._lock:
            if work.children.stopped:
                raise StoppedError("the run is stopping")
            run: Any = run_deployment(
                DEPLOYMENT,
                parameters={
                    "stage": name,
                    "commit": commit,
                    "force": work.force,
                    "stage_timeout_minutes": work.timeout and work.timeout / 60,
                },
                flow_run_name=f"{name} of {flow_run.name}" + (f", {attempt}" if attempt > 1 else ""),
                timeout=0,  # return at once
            )
            self._running.add(run.id)
        yield run
        with self._lock:
            self._running.discard(run.id)


@contextmanager
def gpu_pool() -> Iterator[GpuPool]:
    """Yield the pool; cancel this head's unfinished runs on nodes at the end of the block."""
    pool = GpuPool()
    try:
        yield pool
    finally:
        pool.cancel_all()


def would_run(name: str, work: Work) -> bool:
    """Return whether DVC would run a stage, by a dry run.

    Raises:
        StageError: DVC fails.
    """
    force = ["--force"] if work.force else []
    lines: list[str] = []
    command = [*DVC, "--wait-for-lock", "repro", "--single-item", "--dry", *force, name]
    mend(work.tree)
    code = work.children.run(command, cwd=work.tree, env=work.env, on_line=lines.append)
    if code != 0:
        raise StageError(failure_message(name, f"dvc repro --dry exited with code {code}", lines[-20:]))
    return any(line.startswith("Running stage") for line in lines)


def push_work(name: str, work: Work, network: Network) -> str:
    """Push the tree to the git remote and the stage's data to the DVC remote; return the commit."""
    files = payload.files_of(work.tree, name)
    if files.cached_deps:
        network.dvc(work.tree, "push", *files.cached_deps)
    commit = payload.pack(work.tree, f"Work for a node: {name}", files.plain_deps)
    network.push_ref(work.tree, commit, payload.work_ref(commit))
    return commit


def wait_for_end(run: FlowRun, network: Network) -> State[Any]:
    """Wait for the final state of a node's run; log each change, and whether the pool has a worker."""
    logger = get_run_logger()
    logged: object = None
    with get_client(sync_client=True) as client:
        while True:
            state = client.read_flow_run(run.id).state
            if state is not None and state.is_final():
                return state
            current = (state and state.name, has_worker(client))
            if current != logged:
                missing = "" if current[1] else f"; the pool {GPU} has no worker"
                logger.info("%s: %s%s", run.name, current[0], missing)
                logged = current
            network.sleep(POLL)


def has_worker(client: SyncPrefectClient) -> bool:
    """Return whether a worker of the pool has reported lately."""
    with suppress(PrefectException):
        return client.read_work_pool(GPU).status is WorkPoolStatus.READY
    return False


def fetch_result(name: str, work: Work, network: Network, commit: str) -> None:
    """Fetch a node's results into the tree, as if the stage had run there.

    Raises:
        StageError: they do not fit the tree, because it has changed meanwhile.
    """
    result = payload.result_ref(commit)
    network.fetch_ref(work.tree, result)
    payload.unpack(work.tree, git(work.tree, "rev-parse", result), name)
    network.dvc(work.tree, "pull", "--force", name)
    changed = json.loads(dvc(work.tree, "--wait-for-lock", "status", "--json", name, env=work.env))
    if changed:
        raise StageError(
            f"the node's results of {name} do not fit this tree; run again if the tree has changed: {changed}"
        )
    refs = [payload.work_ref(commit), result]
    network.git(work.tree, "push", "--quiet", payload.REMOTE, *(f":{ref}" for ref in refs))
    git(work.tree, "update-ref", "-d", result)
