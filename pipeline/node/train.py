"""The flow of a GPU node: run one stage for a head on another machine, in a clone of its own.

Code and small results are exchanged as git commits (`pipeline.node.payload`), data through the DVC remote.
The flow does not call Prefect while the stage runs, so the stage survives a network failure.
"""

from __future__ import annotations

import os
import shutil
import socket
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from prefect.states import Completed
from pydantic import Field

from pipeline.node import payload
from pipeline.node.network import Network
from pipeline.processes.children import Children, TimeLimitError
from pipeline.processes.locks import locked
from pipeline.repository.environment import RUNS, environment
from pipeline.repository.git import git, main_tree
from pipeline.repository.names import STAGE
from pipeline.repository.shared_cache import SharedCache
from pipeline.repository.work_trees import GIT_LOCK
from pipeline.server.liveness import exit_with_worker, hold_lock
from pipeline.work import LAST_LINES, StageError, Work, failure_message


@dataclass(frozen=True)
class NodeFolders:
    """A node's clone, and its work tree for one GPU, which keeps checkpoints of unfinished trainings."""

    main: Path
    tree: Path

    @classmethod
    def here(cls) -> NodeFolders:
        """The clone that contains the current folder, with the work tree of the worker's GPU."""
        main = main_tree(Path.cwd())
        gpu = os.environ.get("CUDA_VISIBLE_DEVICES", "0") or "cpu"
        return cls(main, main / RUNS / f"node-{gpu}")


@flow(name="train-on-node", persist_result=False)
def train_on_node(
    stage: Annotated[str, Field(pattern=rf"^{STAGE}$")],
    commit: Annotated[str, Field(pattern=r"^[0-9a-f]{40,64}$")],
    force: bool = False,
    stage_timeout_minutes: Annotated[float | None, Field(gt=0)] = None,
) -> State[Any]:
    """Run one stage for a head and send back its results; `reproduce` with `train_on: gpu` starts this.

    Args:
        stage: The stage: `train@clips-fcn-hanet-4321`.
        commit: The commit that the head has pushed.
        force: Run the stage also if DVC finds it up to date or in the cache.
        stage_timeout_minutes: Time limit of the stage. None: no limit.
    """
    folders = NodeFolders.here()
    logger = get_run_logger()
    env = environment(folders.main)
    began = time.monotonic()

    def on_wait(holder: str) -> None:
        logger.warning("waiting for another run in this tree: %s", holder)

    hold_lock(folders.main, str(flow_run.id))
    with (
        exit_with_worker(),
        locked(folders.tree.with_suffix(".lock"), on_wait) as lock,
        Children(keep_open=[lock]) as children,
    ):
        network = Network(children, env, logger.info)
        try:
            fetch_work(folders, network, stage, commit)
            timeout = stage_timeout_minutes * 60 if stage_timeout_minutes else None
            cache = SharedCache(folders.tree)
            work = Work(folders.tree, env=env, children=children, force=force, timeout=timeout, cache=cache)
            outcome = repro_stage(stage, work)
            push_result(folders, network, stage, commit)
        finally:
            if not children.stopped:
                network.wait_until_reachable()  # so that Prefect can report the end of this run
    return Completed(
        message=f"{outcome} on {socket.gethostname()}, {time.monotonic() - began:.0f} s in total"
    )


def fetch_work(folders: NodeFolders, network: Network, stage: str, commit: str) -> None:
    """Fetch the code of a commit and the data that its stage reads into the node's work tree."""
    began = time.monotonic()
    network.fetch_ref(folders.main, payload.work_ref(commit))
    check_out(folders, commit)
    deps = payload.files_of(folders.tree, stage).cached_deps
    if deps:
        network.dvc(folders.tree, "pull", "--force", *deps)
    get_run_logger().info(
        "fetched %s and %s in %.1f s", commit[:12], ", ".join(deps), time.monotonic() - began
    )


def check_out(folders: NodeFolders, commit: str) -> None:
    """Check a commit out in the node's work tree; untracked files stay: data, checkpoints."""
    with locked(folders.main / GIT_LOCK):
        if (folders.tree / ".git").exists():
            git(folders.tree, "checkout", "--quiet", "--force", "--detach", commit)
        else:
            shutil.rmtree(folders.tree, ignore_errors=True)
            git(folders.main, "worktree", "prune")
            git(folders.main, "worktree", "add", "--detach", str(folders.tree), commit)
    SharedCache(folders.tree).connect(folders.main)


def repro_stage(stage: str, work: Work) -> str:
    """Run the stage and return how long it took, in words.

    Raises:
        StageError: the stage fails or exceeds its time limit; the message has its last lines.
    """
    logger = get_run_logger()
    last: deque[str] = deque(maxlen=LAST_LINES)

    def on_line(line: str) -> None:
        if line:
            last.append(line)
            logger.info("%s", line)  # a thread sends it, so an unreachable server does not block the stage

    began = time.monotonic()
    try:
        code = work.repro(stage, on_line)
    except TimeLimitError as error:
        raise StageError(failure_message(stage, str(error), last)) from None
    if code != 0:
        raise StageError(failure_message(stage, f"dvc exited with code {code}", last))
    return f"ran {time.monotonic() - began:.0f} s"


def push_result(folders: NodeFolders, network: Network, stage: str, commit: str) -> None:
    """Push the stage's outputs, then the commit that lists them."""
    began = time.monotonic()
    network.dvc(folders.tree, "push", stage)
    plain = payload.files_of(folders.tree, stage).plain_outs
    result = payload.pack(folders.tree, f"Result of {stage}", plain)
    network.push_ref(folders.tree, result, payload.result_ref(commit))
    get_run_logger().info("pushed outputs and %s in %.1f s", result[:12], time.monotonic() - began)
