"""The flow `reproduce`: the DVC graph, one task per stage."""

# Lists are defaults because the form needs them; Prefect passes a validated copy to the function.
# ruff: noqa: B006

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Annotated, Any, Literal

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from prefect.states import Completed, Failed
from prefect.task_runners import ThreadPoolTaskRunner
from pydantic import Field

from hanet.options import NAME
from pipeline import results
from pipeline.node.pool import gpu_pool
from pipeline.processes.children import Children
from pipeline.processes.locks import locked
from pipeline.repository import overrides as changes
from pipeline.repository.command import DVCError
from pipeline.repository.environment import RUNS, SQLITE, environment
from pipeline.repository.git import git, main_tree
from pipeline.repository.graph import Graph, GraphError, read_graph
from pipeline.repository.names import REVISION, STAGE
from pipeline.repository.work_trees import WorkTree
from pipeline.scheduler import run_graph
from pipeline.server.access import private_server
from pipeline.server.liveness import exit_with_worker, hold_lock
from pipeline.stage import NOT_RUN
from pipeline.variables import setting
from pipeline.work import Work
from stages.params.names import LONGEST

MAX_JOBS = 64
Name = Annotated[str, Field(pattern=rf"^{NAME}$", max_length=LONGEST)]
Target = Annotated[str, Field(pattern=rf"^{STAGE}$")]
Override = Annotated[str, Field(pattern=changes.OVERRIDE)]
Seed = Annotated[int, Field(ge=0)]
Jobs = Annotated[int, Field(ge=0, le=MAX_JOBS)]
TrainOn = Literal["here", "gpu"]
Minutes = Annotated[float, Field(ge=0)]
# Empty, not None: the form shows these as plain text fields.
Revision = Annotated[str, Field(pattern=rf"^({REVISION})?$")]
SavedAs = Annotated[str, Field(pattern=rf"^({NAME})?$", max_length=LONGEST)]

threads = ThreadPoolTaskRunner(max_workers=MAX_JOBS)  # each waits for a program; `jobs` limits how many run


@flow(name="reproduce", task_runner=threads, persist_result=False)  # pyright: ignore[reportArgumentType, reportCallIssue]
def reproduce(
    targets: list[Target] = [],
    experiments: list[Name] = [],
    overrides: list[Override] = [],
    seeds: list[Seed] = [],
    force: bool = False,
    jobs: Jobs = 0,
    revision: Revision = "",
    stage_timeout_minutes: Minutes = 0,
    gpu: bool = False,
    train_on: TrainOn = "here",
    name: SavedAs = "",
) -> State[Any]:
    """Bring the DVC graph up to date: one task per stage, independent stages at the same time.

    A run without changes works in the current tree; only one such run works at a time. A run with overrides,
    other experiments, other seeds or a revision works in a git work tree of its own and is saved in DVC.

    Args:
        targets: Stages to run with everything they depend on: `train`, `compare@clips-fcn`. Empty: all.
        experiments: Experiments that replace those under `run` in params.yaml.
        overrides: Changed parameters: `models.hanet.model.hidden=64`; `+key=…` adds a key.
        seeds: Seeds that replace those under `run` in params.yaml.
        force: Run stages also if DVC finds them up to date.
        jobs: How many stages may run at the same time. 0: Prefect's variable `hanet_jobs`.
        revision: A git revision to run. Empty: the current tree.
        stage_timeout_minutes: Time limit of each stage. 0: the variable `hanet_stage_timeout_minutes`.
        gpu: Whether stages take turns on the GPU with those of all other runs.
        train_on: Where to train: here, or on a node of the pool gpu (docs/gpu-node.md).
        name: Name of the DVC experiment that a run with changes is saved as. Empty: the run's name.
    """
    main = main_tree(Path.cwd())
    of_run = changes.of_run(changes.read(main, revision), experiments=experiments, seeds=seeds)
    asked = [*of_run, *overrides]
    if asked:
        changes.change(changes.read(main, revision or "HEAD"), asked)  # refuse invalid ones before writing
    isolated = WorkTree(main, revision=revision, overrides=asked) if asked or revision else None
    tree = isolated.path if isolated else main
    env = environment(main)
    run_id = str(flow_run.id)
    nodes = gpu_pool() if train_on == "gpu" else nullcontext()
    hold_lock(main, run_id)
    with exit_with_worker(), nodes as pool, locked_tree(main, isolated) as children:
        graph = plan(main, isolated, asked, targets)
        create_database(main, env, children)
        timeout = setting("hanet_stage_timeout_minutes", stage_timeout_minutes) * 60 or None
        cache = isolated.cache if isolated else None
        work = Work(tree, env=env, children=children, force=force, timeout=timeout, pool=pool, cache=cache)
        states = run_graph(graph, work, jobs=int(setting("hanet_jobs", jobs)), gpu=gpu)
        save_results(main, isolated, states, run_id, name or default_name(flow_run.name, run_id))
    return final_state(states)


@contextmanager
def locked_tree(main: Path, isolated: WorkTree | None) -> Iterator[Children]:
    """Lock the tree that a run works in, and make it if it is a work tree; yield the run's child processes.

    The children are terminated at the end of the block. A failed or interrupted run leaves its work tree, so
    the next run with the same settings resumes in it.
    """

    def on_wait(holder: str) -> None:
        get_run_logger().warning("waiting for another run in this tree: %s", holder)

    with locked(isolated.lock if isolated else main / RUNS / "main.lock", on_wait) as lock:
        if isolated:
            if git(main, "status", "--porcelain", "--untracked-files=no", "--", ".", ":!dvc.lock", ":!data"):
                get_run_logger().warning(
                    "uncommitted changes are not part of this run; it runs commit %s", isolated.commit[:12]
                )
            isolated.open()
        with Children(keep_open=[lock]) as children:
            yield children


def create_database(main: Path, env: dict[str, str], children: Children) -> None:
    """Create MLflow's SQLite database if there is none: its migrations are not safe to run concurrently."""
    uri = env["MLFLOW_TRACKING_URI"]
    if not uri.startswith(SQLITE):
        return
    with locked(main / RUNS / "mlflow.lock"):
        if not Path(uri.removeprefix(SQLITE)).exists():
            command = [sys.executable, "-m", "mlflow", "db", "upgrade", uri]
            children.run(command, cwd=main, env=env, on_line=get_run_logger().debug)


def plan(main: Path, isolated: WorkTree | None, asked: list[str], targets: list[str]) -> Graph:
    """Apply overrides and return the graph to run; invalid settings remove the work tree.

    Raises:
        OverrideError: an override does not fit params.yaml.
        DVCError: dvc.yaml or params.yaml is invalid.
        GraphError: a target matches no stage.
    """
    tree = isolated.path if isolated else main
    env = environment(main)
    try:
        if asked:
            changes.apply(tree, asked)
        graph = read_graph(tree, targets, env)
    except (DVCError, GraphError, changes.OverrideError):
        if isolated:
            isolated.remove()
        raise
    get_run_logger().info("%d stages in %s", len(graph), tree)
    return graph


def save_results(
    main: Path, isolated: WorkTree | None, states: dict[str, State[Any]], run_id: str, name: str
) -> None:
    """Publish a run's results; if it completed in a work tree, save it in DVC and remove the tree."""
    saved_as = name if isolated and all_completed(states) else None
    if isolated and saved_as:
        isolated.save(saved_as, states)
    completed = [stage for stage, state in states.items() if state.is_completed()]
    folder = results.collect(main, isolated.path if isolated else main, run_id, completed)
    results.publish_results(folder, saved_as=saved_as)
    if isolated and saved_as:
        isolated.remove()
        get_run_logger().info("saved as the DVC experiment %s: dvc exp apply %s", saved_as, saved_as)
    elif isolated:
        get_run_logger().info("the next run with these settings resumes in %s", isolated.path)


def default_name(run_name: str, run_id: str) -> str:
    """Return a valid, unique name for a saved run."""
    return f"{re.sub(r'[^0-9A-Za-z_-]+', '-', run_name).strip('-_') or 'run'}-{run_id[-4:]}"


def all_completed(states: dict[str, State[Any]]) -> bool:
    """Return whether every state is Completed."""
    return all(state.is_completed() for state in states.values())


def final_state(states: dict[str, State[Any]]) -> State[Any]:
    """Return a run's final state, with a message that counts the states of its parts."""
    counts = Counter(state.name or state.type.value for state in states.values())
    text = ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
    if all_completed(states):
        return Completed(message=text)
    failed = [
        name
        for name, state in states.items()
        if state.is_crashed() or (state.is_failed() and state.name != NOT_RUN)
    ]
    return Failed(message=f"{text}. Failed: {', '.join(failed) or 'none'}")


if __name__ == "__main__":
    with private_server():
        reproduce()
