"""Run the stages of the graph in order, independent ones at the same time."""

from __future__ import annotations

from collections import deque
from graphlib import TopologicalSorter
from queue import SimpleQueue
from typing import Any

from prefect import allow_failure
from prefect.client.schemas.objects import State
from prefect.futures import PrefectFuture

from pipeline.repository.graph import Graph
from pipeline.server.pools import GPU
from pipeline.stage import RETRIED, run_stage
from pipeline.work import Work


def run_graph(graph: Graph, work: Work, *, jobs: int, gpu: bool = False) -> dict[str, State[Any]]:
    """Run every stage after its dependencies, at most `jobs` at a time; return each stage's final state.

    A failed stage stops only the stages that depend on it: they end as NotRun.

    Args:
        graph: Stages and their dependencies.
        work: Where and how they run.
        jobs: How many stages may run at the same time.
        gpu: Whether stages take turns on the GPU with those of other runs.
    """
    sorter = TopologicalSorter(graph)
    sorter.prepare()
    ready: deque[str] = deque()
    done: SimpleQueue[str] = SimpleQueue()
    futures: dict[str, PrefectFuture[Any]] = {}
    states: dict[str, State[Any]] = {}
    running = 0
    while sorter.is_active():
        ready.extend(sorter.get_ready())
        while ready and running < jobs:
            name = ready.popleft()
            futures[name] = submit(
                name, work, {above: futures[above] for above in sorted(graph[name])}, gpu=gpu
            )
            futures[name].add_done_callback(lambda _, name=name: done.put(name))
            running += 1
        name = done.get()  # the main thread waits here, where a signal reaches it
        running -= 1
        futures[name].wait()  # the callback runs shortly before the final state is set
        states[name] = futures[name].state
        sorter.done(name)
    return {name: states[name] for name in graph}


def submit(name: str, work: Work, above: dict[str, PrefectFuture[Any]], *, gpu: bool) -> PrefectFuture[Any]:
    """Submit a stage's task, with its dependencies `above` it in Prefect's graph."""
    unmet = [other for other, future in above.items() if not future.state.is_completed()]
    stage = run_stage.with_options(tags=[GPU] if gpu and not unmet else [])
    if name.partition("@")[0] in RETRIED:
        stage = stage.with_options(retries=2, retry_delay_seconds=30)
    # Prefect's type stubs do not allow tasks that return states.
    return stage.submit(  # pyright: ignore[reportCallIssue]
        name, work, unmet=unmet, wait_for=[allow_failure(future) for future in above.values()]
    )
