"""Mark runs whose process has died as crashed, free what they held, remove old work trees: ``make sweep``.

A killed process cannot report its end: its run would stay Running forever and keep its turn on the GPU. Run
this in the tree that the runs belong to; `make prefect` and `make node` do so twice a minute.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import StateType
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_API_AUTH_STRING, temporary_settings
from prefect.states import Cancelled, Crashed

from pipeline.repository.git import main_tree
from pipeline.repository.work_trees import remove_old
from pipeline.server.access import read_auth
from pipeline.server.liveness import dead_runs, lock_path

KEEP_DAYS = 7.0
"""How long the work tree of a failed or interrupted run is kept."""
INTERVAL = 30.0
"""Seconds between two sweeps of a server or node."""


class PeriodicSweep:
    """Sweeps a tree at intervals; prints what it does and goes on after errors."""

    def __init__(self, main: Path) -> None:
        self._main = main
        self._next = 0.0

    def run_if_due(self) -> None:
        """Sweep, if the last time is long enough ago."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + INTERVAL
        try:
            for line in sweep(self._main):
                print(line, flush=True)
        except Exception as error:  # the next sweep may succeed
            print(f"sweep failed: {error}", file=sys.stderr, flush=True)


def sweep(main: Path, *, keep_days: float = KEEP_DAYS) -> list[str]:
    """Mark dead runs on the server, remove their lock files and old work trees; return a line per change."""
    done = []
    with get_client(sync_client=True) as client:
        for flow_run, process in dead_runs(main):
            if state := mark_ended(client, UUID(flow_run), process):
                done.append(f"flow run {flow_run}: {state}")
            lock_path(main, flow_run).unlink(missing_ok=True)
    old = remove_old(main, days=keep_days)
    done += [f"{folder} removed, unchanged for {keep_days:g} days" for folder in old]
    return done


def mark_ended(client: SyncPrefectClient, flow_run: UUID, process: str) -> str:
    """Set the final state of a dead run and its tasks; return its name, empty if the run had ended itself."""
    try:
        state = client.read_flow_run(flow_run).state
    except ObjectNotFound:
        return "unknown to this server"
    name = ""
    if state is not None and not state.is_final():
        message = f"{process} exited without ending this run"
        end = Cancelled if state.type is StateType.CANCELLING else Crashed
        client.set_flow_run_state(flow_run, end(message=message), force=True)
        name = "Cancelled" if end is Cancelled else "Crashed"
    of_run = FlowRunFilter(id=FlowRunFilterId(any_=[flow_run]))
    for task_run in client.read_task_runs(flow_run_filter=of_run):
        if task_run.state is not None and not task_run.state.is_final():
            client.set_task_run_state(task_run.id, Crashed(message=f"{process} exited"), force=True)
    return name


def main() -> None:
    """Sweep the tree of the current folder once."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--keep-days",
        type=float,
        default=KEEP_DAYS,
        help="days to keep the work trees of interrupted runs (%(default)s)",
    )
    arguments = parser.parse_args()
    tree = main_tree(Path.cwd())
    with temporary_settings({PREFECT_API_AUTH_STRING: read_auth(tree)}):
        lines = sweep(tree, keep_days=arguments.keep_days)
    print("\n".join(lines) or "nothing to sweep")


if __name__ == "__main__":
    main()
