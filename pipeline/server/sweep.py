"""Mark runs whose process is gone as crashed, free what they held and remove old work trees: ``make sweep``.

A process that is killed cannot tell the server that it ended, so its run would stand as running for ever and
keep its turn on the GPU. Run it in the tree that the runs were of; `pipeline.server.serve` does so twice a
minute.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import StateType
from prefect.exceptions import ObjectNotFound
from prefect.states import Cancelled, Crashed

from pipeline.repository.work_trees import main_tree, remove_old
from pipeline.server.alive import dead, sign

KEEP_DAYS = 7.0
"""How long the work tree of a run that failed or was interrupted is kept."""


def sweep(main: Path, *, keep_days: float = KEEP_DAYS) -> list[str]:
    """Tell the server of every run that died, and forget those that ended; what was done, a line each."""
    done = []
    with get_client(sync_client=True) as client:
        for flow_run, process in dead(main):
            if now := settle(client, UUID(flow_run), process):
                done.append(f"flow run {flow_run}: {now}")
            sign(main, flow_run).unlink(missing_ok=True)
    old = remove_old(main, days=keep_days)
    done += [f"{folder} removed, untouched for {keep_days:g} days" for folder in old]
    return done


def settle(client: SyncPrefectClient, flow_run: UUID, process: str) -> str:
    """End a dead run and its tasks on the server; what it is now, nothing where it had ended itself."""
    try:
        state = client.read_flow_run(flow_run).state
    except ObjectNotFound:
        return "unknown to this server"
    now = ""
    if state is not None and not state.is_final():
        message = f"{process} is gone without having ended this run"
        end = Cancelled if state.type is StateType.CANCELLING else Crashed
        client.set_flow_run_state(flow_run, end(message=message), force=True)
        now = "Cancelled" if end is Cancelled else "Crashed"
    of_run = FlowRunFilter(id=FlowRunFilterId(any_=[flow_run]))
    for task_run in client.read_task_runs(flow_run_filter=of_run):
        if task_run.state is not None and not task_run.state.is_final():
            client.set_task_run_state(task_run.id, Crashed(message=f"{process} is gone"), force=True)
    return now


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--keep-days", type=float, default=KEEP_DAYS, help="how long to keep interrupted runs' work trees"
    )
    arguments = parser.parse_args()
    lines = sweep(main_tree(Path.cwd()), keep_days=arguments.keep_days)
    print("\n".join(lines) or "nothing to sweep: every run's process is there")


if __name__ == "__main__":
    main()
