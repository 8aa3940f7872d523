"""Flows: `reproduce` runs the DVC graph, `ablation` runs it once for each ablation."""

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

from pipeline import overrides as changes
from pipeline.alive import alive, ends_with_worker
from pipeline.artifacts import show_results
from pipeline.graph import Graph, GraphError, out_of_date, read_graph
from pipeline.pool import gpu_pool
from pipeline.processes import Processes
from pipeline.scheduler import run_graph
from pipeline.stage import Work
from pipeline.work_trees import RUNS, SQLITE, WorkTree, environment, git, locked, main_tree

MOST_JOBS = 64
Override = Annotated[str, Field(pattern=r"^\+?[\w@-]+(\.[\w@-]+)*=")]
Seed = Annotated[int, Field(ge=0)]
Jobs = Annotated[int, Field(ge=1, le=MOST_JOBS)]
Minutes = Annotated[float | None, Field(gt=0)]
Name = Annotated[str | None, Field(pattern=r"^[\w.-]+$")]

threads = ThreadPoolTaskRunner(max_workers=MOST_JOBS)  # each waits for a program; `jobs` says how many


@flow(name="reproduce", task_runner=threads, persist_result=False)  # pyright: ignore[reportArgumentType, reportCallIssue]
def reproduce(
    targets: list[str] = [],
    experiments: list[str] = [],
    overrides: list[Override] = [],
    seeds: list[Seed] = [],
    force: bool = False,
    jobs: Jobs = 2,
    revision: str | None = None,
    stage_timeout_minutes: Minutes = None,
    gpu: bool = False,
    train_on: Literal["here", "gpu"] = "here",
    name: Name = None,
) -> State[Any]:
    """Bring the DVC graph up to date: a task a stage, independent stages at once.

    Without changes the run works in the tree as it is, one run at a time. With overrides, other experiments,
    seeds or a revision it works in a git work tree of its own, beside others, and is saved in DVC.

    Args:
        targets: Stages to bring up to date, with all that they need: `train`, `compare@clips-fcn`. None: all.
        experiments: Experiments instead of those under `run` in params.yaml.
        overrides: Changed parameters: `experiments.clips-fcn.models.hanet.model.hidden=64`; `+key=…` adds.
        seeds: Seeds instead of those under `run` in params.yaml.
        force: Run stages also where DVC finds them up to date.
        jobs: How many stages may run at once.
        revision: A git revision to run, in a work tree of its own. None: the tree as it is.
        stage_timeout_minutes: How long a stage may take. None: as long as it wants.
        gpu: Let stages take turns on the GPU, with those of all other runs.
        train_on: Where trainings run: here, or on a node of the pool gpu (docs/gpu-node.md).
        name: What a run with changes is saved as in DVC. None: the run's name.
    """
    main = main_tree(Path.cwd())
    of_run = changes.of_run(changes.read(main, revision), experiments=experiments, seeds=seeds)
    asked = [*of_run, *overrides]
    isolated = WorkTree(main, revision=revision, overrides=asked) if asked or revision else None
    tree = isolated.path if isolated else main
    env = environment(main)
    run_id = str(flow_run.id)
    nodes = gpu_pool() if train_on == "gpu" else nullcontext()
    with alive(main, run_id), ends_with_worker(), nodes as pool, at_work(main, isolated) as processes:
        graph = plan(main, isolated, asked, targets)
        make_database(env, tree, processes)
        limit = stage_timeout_minutes * 60 if stage_timeout_minutes else None
        work = Work(tree, env=env, processes=processes, force=force, timeout=limit, pool=pool)
        result = summary(run_graph(graph, work, jobs=jobs, gpu=gpu))
        if isolated is None:
            show_results(tree, saved_as=None)
        elif result.is_completed():
            saved_as = name or f"{re.sub(r'[^0-9A-Za-z_-]+', '-', flow_run.name)}-{run_id[-4:]}"
            isolated.save(saved_as, graph)
            show_results(tree, saved_as=saved_as)
            isolated.close()
            get_run_logger().info("saved as the DVC experiment %s: dvc exp apply %s", saved_as, saved_as)
        else:
            get_run_logger().info("left as it is, for the next run of these settings: %s", tree)
    return result


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


def make_database(env: dict[str, str], tree: Path, processes: Processes) -> None:
    """Make MLflow's database before stages do so at once, which its migrations do not bear."""
    uri = env["MLFLOW_TRACKING_URI"]
    if uri.startswith(SQLITE) and not Path(uri.removeprefix(SQLITE)).exists():
        command = [sys.executable, "-m", "mlflow", "db", "upgrade", uri]
        processes.run(command, cwd=tree, env=env, on_line=get_run_logger().debug)


def plan(main: Path, isolated: WorkTree | None, asked: list[str], targets: list[str]) -> Graph:
    """The stages to run, overrides applied; logs which of them DVC would run now.

    Settings that do not fit leave no work tree behind: there is nothing in it to go on with.
    """
    tree = isolated.path if isolated else main
    env = environment(main)
    try:
        if asked:
            changes.apply(tree, asked)
        graph = read_graph(tree, targets, env)
        changed = out_of_date(tree, env)
    except (GraphError, changes.OverrideError):
        if isolated:
            isolated.close()
        raise
    text = ", ".join(name for name in graph if name in changed) or "none"
    get_run_logger().info("%d stages in %s; out of date now: %s", len(graph), tree, text)
    return graph


def summary(states: dict[str, State[Any]]) -> State[Any]:
    """A run's final state from those of its parts."""
    counts = Counter(state.name or state.type.value for state in states.values())
    text = ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
    if all(state.is_completed() for state in states.values()):
        return Completed(message=text)
    failed = [name for name, state in states.items() if state.is_failed() or state.is_crashed()]
    return Failed(message=f"{text}. Failed: {', '.join(failed) or 'none'}")


@flow(name="ablation", persist_result=False)
def ablation(
    ablations: Annotated[list[str], Field(min_length=1)],
    experiments: list[str] = [],
    seeds: list[Seed] = [],
    jobs: Jobs = 2,
    gpu: bool = False,
) -> State[Any]:
    """Run `reproduce` once for each ablation, each a flow run and a DVC experiment of its own, one by one.

    One that fails does not keep the others from running.

    Args:
        ablations: Names under `ablations` in params.yaml.
        experiments: Experiments instead of those under `run` in params.yaml.
        seeds: Seeds instead of those under `run` in params.yaml.
        jobs: How many stages may run at once.
        gpu: Let stages take turns on the GPU, with those of all other runs.
    """
    known = changes.read(main_tree(Path.cwd())).get("ablations", {})
    unknown = [name for name in ablations if name not in known]
    if unknown:
        raise ValueError(f"no ablation is called {', '.join(unknown)}; there are {', '.join(known)}")
    run = str(flow_run.id)[-4:]
    states: dict[str, State[Any]] = {}
    for name in ablations:
        states[name] = reproduce.with_options(  # pyright: ignore[reportFunctionMemberAccess]
            flow_run_name=f"{name}-{run}"
        )(
            experiments=experiments,
            overrides=[f"run.ablations=[{name}]"],
            seeds=seeds,
            jobs=jobs,
            gpu=gpu,
            name=f"ablation-{name}-{run}",
            return_state=True,
        )
    return summary(states)


if __name__ == "__main__":
    reproduce()
