"""Work pools, their workers, and the deployments of prefect.yaml."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

CPU = "cpu"
GPU = "gpu"
"""Work pool of GPU nodes; also the tag of tasks that take turns on this machine's GPU."""
SLOTS = {CPU: 2, GPU: 1}
"""How many flow runs a worker of each pool runs at the same time."""
TEMPLATE: dict[str, Any] = {
    # No `command`, `env` or `working_dir`: a worker runs Prefect's engine in the deployment's folder with its
    # own environment. Not even `"env": {}`: Prefect merges a run's variables into it.
    "job_configuration": {"stream_output": True},
    "variables": {"type": "object", "properties": {}, "additionalProperties": False},
}
"""Base job template of the pools: a run that brings job variables is refused."""


def prefect_command(*arguments: str) -> list[str]:
    """Return a command of Prefect in this Python environment."""
    return [sys.executable, "-m", "prefect", *arguments]


def worker_command(pool: str, name: str) -> list[str]:
    """Return the command that starts a worker."""
    return prefect_command(
        "worker", "start", "--pool", pool, "--type", "process", "--limit", str(SLOTS[pool]), "--name", name
    )


def register(main: Path, env: Mapping[str, str]) -> None:
    """Create or update the work pools, the limit of one GPU task, the variables and the deployments."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
    from prefect.exceptions import ObjectAlreadyExists

    from pipeline.variables import create_variables

    with get_client(sync_client=True) as client:
        for name in SLOTS:
            try:
                client.create_work_pool(WorkPoolCreate(name=name, type="process", base_job_template=TEMPLATE))
            except ObjectAlreadyExists:
                update = WorkPoolUpdate(concurrency_limit=None, base_job_template=TEMPLATE)
                client.update_work_pool(name, update)
        client.create_concurrency_limit(tag=GPU, concurrency_limit=1)
    create_variables()
    subprocess.run(
        prefect_command("--no-prompt", "deploy", "--all"),
        cwd=main,
        env=env,
        check=True,
        stdout=subprocess.DEVNULL,
    )
