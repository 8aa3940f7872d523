"""The flow `ablation`: a run of `reproduce` for each ablation, on the pool's workers, and one comparison."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

from prefect import flow
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import State
from prefect.deployments import run_deployment
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from prefect.states import Cancelling
from pydantic import Field

from pipeline import results
from pipeline.repository import overrides
from pipeline.repository.work_trees import main_tree
from pipeline.reproduce import Jobs, Seed, summary
from pipeline.server.alive import ends_with_worker, show_life

POLL = 2.0
"""Seconds between two looks at the runs."""


@flow(name="ablation", persist_result=False)
def ablation(
    ablations: Annotated[list[str], Field(min_length=1)],
    experiments: list[str] = [],  # noqa: B006  (the form needs it; Prefect hands over a validated copy)
    seeds: list[Seed] = [],  # noqa: B006
    jobs: Jobs = 2,
    gpu: bool = False,
) -> State[Any]:
    """Run `reproduce` once for each ablation, each a flow run and a DVC experiment of its own; compare them.

    The pool's workers take as many at once as they have room for. One that fails does not keep the others
    from running. Cancelling this run cancels them all.

    Args:
        ablations: Names under `ablations` in params.yaml.
        experiments: Experiments instead of those under `run` in params.yaml.
        seeds: Seeds instead of those under `run` in params.yaml.
        jobs: How many stages of one ablation may run at once.
        gpu: Run on the workers of the pool gpu, where stages take turns on the GPU.
    """
    main, run_id = main_tree(Path.cwd()), str(flow_run.id)
    known = overrides.read(main).get("ablations", {})
    unknown = [name for name in ablations if name not in known]
    if unknown:
        raise ValueError(f"no ablation is called {', '.join(unknown)}; there are {', '.join(known)}")
    show_life(main, run_id)
    with ends_with_worker(), get_client(sync_client=True) as client:
        runs: dict[str, UUID] = {}
        try:
            for name in dict.fromkeys(ablations):
                started = run_deployment(
                    "reproduce/train-gpu" if gpu else "reproduce/reproduce",
                    parameters={
                        "targets": [],
                        "experiments": experiments,
                        "overrides": [f"run.ablations=[{name}]"],
                        "seeds": seeds,
                        "jobs": jobs,
                        "name": f"ablation-{name}-{run_id[-4:]}",
                    },
                    flow_run_name=f"{name}-{run_id[-4:]}",
                    timeout=0,  # do not wait
                )
                runs[name] = started.id  # pyright: ignore[reportAttributeAccessIssue]
            states = ends(client, runs)
        except BaseException:  # by whatever this run ends, so do its own
            cancel(client, runs)
            raise
        folders = {name: main / results.RESULTS / str(run) for name, run in runs.items()}
        results.show_ablations(folders)
    return summary(states)


def states_of(client: SyncPrefectClient, runs: dict[str, UUID]) -> dict[str, State[Any]]:
    """What became of flow runs so far."""
    found = client.read_flow_runs(
        flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=list(runs.values()))), limit=len(runs)
    )
    by_id = {run.id: run.state for run in found}
    return {name: state for name, run in runs.items() if (state := by_id.get(run)) is not None}


def ends(client: SyncPrefectClient, runs: dict[str, UUID]) -> dict[str, State[Any]]:
    """Wait until flow runs ended; log each end as it comes."""
    told: set[str] = set()
    while True:
        states = states_of(client, runs)
        for name, state in states.items():
            if state.is_final() and name not in told:
                told.add(name)
                get_run_logger().info("%s: %s (%s)", name, state.name, state.message)
        if len(told) == len(runs):
            return states
        time.sleep(POLL)  # the main thread waits here, where a signal reaches it


def cancel(client: SyncPrefectClient, runs: dict[str, UUID]) -> None:
    """Have the server cancel flow runs that did not end yet."""
    for name, state in states_of(client, runs).items():
        if not state.is_final():
            client.set_flow_run_state(runs[name], Cancelling(message="the ablation run ended"))
