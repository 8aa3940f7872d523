"""The flow `reproduce`: the DVC graph, a task a stage."""

# Lists as defaults: the form needs them, and Prefect hands the function a validated copy.
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

from pipeline import results
from pipeline.node.pool import gpu_pool
from pipeline.processes.processes import Processes
from pipeline.repository import overrides as changes
from pipeline.repository.graph import Graph, GraphError, read_graph
from pipeline.repository.work_trees import RUNS, SQLITE, WorkTree, environment, git, locked, main_tree
from pipeline.scheduler import run_graph
from pipeline.server.alive import ends_with_worker, show_life
from pipeline.stage import NOT_RUN
from pipeline.work import Work

MOST_JOBS = 64
Override = Annotated[str, Field(pattern=r"^\+?[\w@-]+(\.[\w@-]+)*=")]
Seed = Annotated[int, Field(ge=0)]
Jobs = Annotated[int, Field(ge=1, le=MOST_JOBS)]
Minutes = Annotated[float, Field(ge=0)]
Name = Annotated[str, Field(pattern=r"^[\w.-]*$")]  # empty, not None: a plain field of the form

threads = ThreadPoolTaskRunner(max_workers=MOST_JOBS)  # each waits for a program; `jobs` says how many


@flow(name="reproduce", task_runner=threads, persist_result=False)  # pyright: ignore[reportArgumentType, reportCallIssue]
def reproduce(
    targets: list[str] = [],
    experiments: list[str] = [],
    overrides: list[Override] = [],
    seeds: list[Seed] = [],
    force: bool = False,
    jobs: Jobs = 2,
    revision: str = "",
    stage_timeout_minutes: Minutes = 0,
    gpu: bool = False,
    train_on: Literal["here", "gpu"] = "here",
    name: Name = "",
) -> State[Any]:
    """Bring the DVC graph up to date: a task a stage, independent stages at once.

    Without changes the run works in the tree as it is, one run at a time. With overrides, other experiments,
    seeds or a revision it works in a git work tree of its own, beside others, and is saved in DVC.

    Args:
        targets: Stages to bring up to date, and all that they need: `train`, `compare@clips-fcn`. Empty: all.
        experiments: Experiments instead of those under `run`, with all their models and without ablations.
        overrides: Changed parameters: `models.hanet.model.hidden=64`; `+key=…` adds.
        seeds: Seeds instead of those under `run` in params.yaml.
        force: Run stages also where DVC finds them up to date.
        jobs: How many stages may run at once.
        revision: A git revision to run, in a work tree of its own. Empty: the tree as it is.
        stage_timeout_minutes: How long a stage may take. 0: as long as it wants.
        gpu: Let stages take turns on the GPU, with those of all other runs.
        train_on: Where trainings run: here, or on a node of the pool gpu (docs/gpu-node.md).
        name: What a run with changes is saved as in DVC. Empty: the run's name.
    """
    main = main_tree(Path.cwd())
    of_run = changes.of_run(changes.read(main, revision), experiments=experiments, seeds=seeds)
    asked = [*of_run, *overrides]
    isolated = WorkTree(main, revision=revision, overrides=asked) if asked or revision else None
    tree = isolated.path if isolated else main
    env = environment(main)
    run_id = str(flow_run.id)
    nodes = gpu_pool() if train_on == "gpu" else nullcontext()
    show_life(main, run_id)
    with ends_with_worker(), nodes as pool, at_work(main, isolated) as processes:
        graph = plan(main, isolated, asked, targets)
        make_database(main, env, processes)
        limit = stage_timeout_minutes * 60 or None
        cache = isolated.cache if isolated else None
        work = Work(tree, env=env, processes=processes, force=force, timeout=limit, pool=pool, cache=cache)
        states = run_graph(graph, work, jobs=jobs, gpu=gpu)
        saved_as = None
        if isolated and well(states):
            saved_as = name or f"{re.sub(r'[^0-9A-Za-z_-]+', '-', flow_run.name)}-{run_id[-4:]}"
            isolated.save(saved_as, graph)
        made = [stage for stage, state in states.items() if state.is_completed()]
        results.show(results.keep(main, tree, run_id, made), saved_as=saved_as)
        if isolated and saved_as:
            isolated.close()
            get_run_logger().info("saved as the DVC experiment %s: dvc exp apply %s", saved_as, saved_as)
        elif isolated:
            get_run_logger().info("left as it is, for the next run of these settings: %s", tree)
    return summary(states)


@contextmanager
def at_work(main: Path, isolated: WorkTree | None) -> Iterator[Processes]:
    """Hold the tree that a run works in; every program ends with the block.

    A work tree of the run's own is made if it is not there. A run that fails or is interrupted leaves it, so
    that the next of the same settings goes on in it.
    """

    def waiting(holder: str) -> None:
        get_run_logger().warning("waiting for another run in this tree to end: %s", holder)

    with locked(isolated.lock if isolated else main / RUNS / "main.lock", waiting) as lock:
        if isolated:
            if git(main, "status", "--porcelain", "--untracked-files=no", "--", ".", ":!dvc.lock", ":!data"):
                get_run_logger().warning(
                    "changes of the tree that are not committed take no part in this run: it is of %s",
                    isolated.commit[:12],
                )
            isolated.open()
        with Processes(keep_open=[lock]) as processes:
            yield processes


def make_database(main: Path, env: dict[str, str], processes: Processes) -> None:
    """Make MLflow's database before stages or runs do so at once, which its migrations do not bear."""
    uri = env["MLFLOW_TRACKING_URI"]
    if not uri.startswith(SQLITE):
        return
    with locked(main / RUNS / "mlflow.lock"):
        if not Path(uri.removeprefix(SQLITE)).exists():
            command = [sys.executable, "-m", "mlflow", "db", "upgrade", uri]
            processes.run(command, cwd=main, env=env, on_line=get_run_logger().debug)


def plan(main: Path, isolated: WorkTree | None, asked: list[str], targets: list[str]) -> Graph:
    """The stages to run, overrides applied.

    Settings that do not fit leave no work tree behind: there is nothing in it to go on with.
    """
    tree = isolated.path if isolated else main
    env = environment(main)
    try:
        if asked:
            changes.apply(tree, asked)
        graph = read_graph(tree, targets, env)
    except (GraphError, changes.OverrideError):
        if isolated:
            isolated.close()
        raise
    get_run_logger().info("%d stages in %s", len(graph), tree)
    return graph


def well(states: dict[str, State[Any]]) -> bool:
    """Whether everything ended well."""
    return all(state.is_completed() for state in states.values())


def summary(states: dict[str, State[Any]]) -> State[Any]:
    """A run's final state from those of its parts."""
    counts = Counter(state.name or state.type.value for state in states.values())
    text = ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
    if well(states):
        return Completed(message=text)
    failed = [
        name
        for name, state in states.items()
        if state.is_crashed() or (state.is_failed() and state.name != NOT_RUN)
    ]
    return Failed(message=f"{text}. Failed: {', '.join(failed) or 'none'}")


if __name__ == "__main__":
    reproduce()
