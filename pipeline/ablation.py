"""The flow `ablation`: one run of `reproduce` per ablation, on the pool's workers, and a comparison."""

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
from pipeline.repository.environment import RESULTS
from pipeline.repository.git import main_tree
from pipeline.reproduce import Jobs, Name, Seed, TrainOn, final_state
from pipeline.server.liveness import exit_with_worker, hold_lock

POLL = 2.0
"""Seconds between two looks at the runs."""


@flow(name="ablation", persist_result=False)
def ablation(
    ablations: Annotated[list[Name], Field(min_length=1)],
    experiments: list[Name] = [],  # noqa: B006  (the form needs it; Prefect passes a validated copy)
    seeds: list[Seed] = [],  # noqa: B006
    jobs: Jobs = 0,
    train_on: TrainOn = "here",
) -> State[Any]:
    """Run `reproduce` once per ablation, each saved as a DVC experiment, and compare them.

    Runs start when the pool's workers have room. A failed run does not stop the others. Cancelling this run
    cancels all of them.

    Args:
        ablations: Names under `ablations` in params.yaml.
        experiments: Experiments that replace those under `run` in params.yaml.
        seeds: Seeds that replace those under `run` in params.yaml.
        jobs: How many stages of one ablation may run at the same time. 0: the variable `hanet_jobs`.
        train_on: Where to train: here, or on nodes of the pool gpu (docs/gpu-node.md).
    """
    main, run_id = main_tree(Path.cwd()), str(flow_run.id)
    known = overrides.read(main).get("ablations", {})
    unknown = [name for name in ablations if name not in known]
    if unknown:
        raise ValueError(f"no ablation is called {', '.join(unknown)}; there are {', '.join(known)}")
    hold_lock(main, run_id)
    with exit_with_worker(), get_client(sync_client=True) as client:
        runs: dict[str, UUID] = {}
        try:
            for name in dict.fromkeys(ablations):
                started = run_deployment(
                    "reproduce/reproduce",
                    parameters={
                        "targets": [],
                        "experiments": experiments,
                        "overrides": [f"run.ablations=[{name}]"],
                        "seeds": seeds,
                        "jobs": jobs,
                        "train_on": train_on,
                        "name": f"ablation-{name}-{run_id[-4:]}",
                    },
                    flow_run_name=f"{name}-{run_id[-4:]}",
                    timeout=0,  # return at once
                )
                runs[name] = started.id  # pyright: ignore[reportAttributeAccessIssue]
            states = wait_for_ends(client, runs)
        except BaseException:  # however this run ends, its runs end too
            cancel(client, runs)
            raise
        results.publish_ablations({name: main / RESULTS / str(run) for name, run in runs.items()})
    return final_state(states)


def states_of(client: SyncPrefectClient, runs: dict[str, UUID]) -> dict[str, State[Any]]:
    """Return the states of flow runs, without those that have none yet."""
    found = client.read_flow_runs(
        flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=list(runs.values()))), limit=len(runs)
    )
    by_id = {run.id: run.state for run in found}
    return {name: state for name, run in runs.items() if (state := by_id.get(run)) is not None}


def wait_for_ends(client: SyncPrefectClient, runs: dict[str, UUID]) -> dict[str, State[Any]]:
    """Wait for the final states of flow runs; log each when it comes."""
    ended: set[str] = set()
    while True:
        states = states_of(client, runs)
        for name, state in states.items():
            if state.is_final() and name not in ended:
                ended.add(name)
                get_run_logger().info("%s: %s (%s)", name, state.name, state.message)
        if len(ended) == len(runs):
            return states
        time.sleep(POLL)  # the main thread waits here, where a signal reaches it


def cancel(client: SyncPrefectClient, runs: dict[str, UUID]) -> None:
    """Cancel the flow runs that have not ended."""
    for name, state in states_of(client, runs).items():
        if not state.is_final():
            client.set_flow_run_state(runs[name], Cancelling(message="the ablation run ended"))
