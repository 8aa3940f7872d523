"""The flow of a GPU node: one stage, in a clone of its own, for a head on another machine.

Code comes and small results go as git commits (`pipeline.node.parcel`), data by the DVC remote: what the
stage needs, and what it makes. Prefect is asked for nothing while the stage runs, so that it outlives the
network.
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

from pipeline.node import parcel
from pipeline.node.network import Network
from pipeline.processes.processes import Processes, TimeLimitError
from pipeline.repository.shared_cache import SharedCache
from pipeline.repository.work_trees import RUNS, environment, git, locked, main_tree
from pipeline.server.alive import ends_with_worker, show_life
from pipeline.work import LAST_LINES, StageError, Work, failure


@dataclass(frozen=True)
class Place:
    """Where a node works: its clone, and a work tree in it for each GPU, which keeps unfinished trainings."""

    main: Path
    tree: Path

    @classmethod
    def here(cls) -> Place:
        """The clone that the current folder is in, the tree of the GPU that the worker has."""
        main = main_tree(Path.cwd())
        gpu = os.environ.get("CUDA_VISIBLE_DEVICES", "0") or "cpu"
        return cls(main, main / RUNS / f"node-{gpu}")


@flow(name="train-on-node", persist_result=False)
def train_on_node(
    stage: str,
    commit: Annotated[str, Field(pattern=r"^[0-9a-f]{40,64}$")],
    force: bool = False,
    stage_timeout_minutes: Annotated[float | None, Field(gt=0)] = None,
) -> State[Any]:
    """Run one stage for a head (`reproduce` with `train_on: gpu` starts this) and send back what it makes.

    Args:
        stage: The stage: `train@clips-fcn-hanet-4321`.
        commit: The work, as the head left it in the git remote.
        force: Run it also where DVC finds it up to date or in the cache.
        stage_timeout_minutes: How long it may take. None: as long as it wants.
    """
    place = Place.here()
    logger = get_run_logger()
    tell = logger.info
    env = environment(place.main)
    began = time.monotonic()

    def waiting(holder: str) -> None:
        logger.warning("waiting for another run in this tree to end: %s", holder)

    show_life(place.main, str(flow_run.id))
    with (
        ends_with_worker(),
        locked(place.tree.with_suffix(".lock"), waiting) as lock,
        Processes(keep_open=[lock]) as processes,
    ):
        network = Network(processes, env, tell)
        try:
            bring(place, network, stage, commit)
            limit = stage_timeout_minutes * 60 if stage_timeout_minutes else None
            cache = SharedCache(place.tree)
            work = Work(place.tree, env=env, processes=processes, force=force, timeout=limit, cache=cache)
            outcome = train(stage, work)
            send(place, network, stage, commit)
        finally:
            if not processes.stopped:
                network.await_answer()  # so that the end of this run, good or bad, can be told
    where = f"{socket.gethostname()}, {time.monotonic() - began:.0f} s in all"
    return Completed(message=f"{outcome} on {where}")


def bring(place: Place, network: Network, stage: str, commit: str) -> None:
    """Have the work's code and the data that its stage reads in the node's tree."""
    began = time.monotonic()
    network.fetch_ref(place.main, parcel.work_ref(commit))
    open_tree(place, commit)
    deps = parcel.files_of(place.tree, stage).cached_deps
    if deps:
        network.dvc(place.tree, "pull", "--force", *deps)
    get_run_logger().info(
        "have %s and %s after %.1f s", commit[:12], ", ".join(deps), time.monotonic() - began
    )


def open_tree(place: Place, commit: str) -> None:
    """Put the node's tree at a commit; what git does not know there stays: data, states of trainings."""
    with locked(place.main / RUNS / "git.lock"):
        if (place.tree / ".git").exists():
            git(place.tree, "checkout", "--quiet", "--force", "--detach", commit)
        else:
            shutil.rmtree(place.tree, ignore_errors=True)
            git(place.main, "worktree", "prune")
            git(place.main, "worktree", "add", "--detach", str(place.tree), commit)
    SharedCache(place.tree).settle(place.main)


def train(stage: str, work: Work) -> str:
    """Run the stage; what came of it in a few words.

    Raises
    ------
    StageError
        With the last lines of the output, where the stage fails or takes too long.
    """
    logger = get_run_logger()
    last: deque[str] = deque(maxlen=LAST_LINES)

    def on_line(line: str) -> None:
        if line:
            last.append(line)
            logger.info(
                "%s", line
            )  # handed to a thread that sends it: a server that is away holds nothing up

    began = time.monotonic()
    try:
        code = work.bring_up_to_date(stage, on_line)
    except TimeLimitError as error:
        raise StageError(failure(stage, str(error), last)) from None
    if code != 0:
        raise StageError(failure(stage, f"dvc ended with code {code}", last))
    return f"ran {time.monotonic() - began:.0f} s"


def send(place: Place, network: Network, stage: str, commit: str) -> None:
    """Put what the stage made where the head finds it: outputs, then the commit that says which."""
    began = time.monotonic()
    network.dvc(place.tree, "push", stage)
    plain = parcel.files_of(place.tree, stage).plain_outs
    result = parcel.pack(place.tree, f"Result of {stage}", plain)
    network.push_ref(place.tree, result, parcel.result_ref(commit))
    get_run_logger().info("sent outputs and %s after %.1f s", result[:12], time.monotonic() - began)
