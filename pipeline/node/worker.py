"""A GPU node: in this clone, one worker of the pool `gpu` for each GPU of this machine: ``make node``.

PREFECT_API_URL is the address of the head's Prefect server and PREFECT_API_AUTH_STRING its auth string. Git's
remote `origin` and DVC's default remote are the same as the head's. MLFLOW_TRACKING_URI is the address of
MLflow. Ctrl-C and SIGTERM end everything, with all trainings; their checkpoints stay. A worker that exits, as
Prefect's does after minutes without its server, is started again.
"""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from pipeline.node.payload import REMOTE
from pipeline.processes.children import start_supervised, stop_event, terminate
from pipeline.repository.command import dvc
from pipeline.repository.environment import environment
from pipeline.repository.git import GitError, git, main_tree
from pipeline.server.access import AUTH, is_refused
from pipeline.server.pools import GPU, worker_command

API = "PREFECT_API_URL"
RESTART_DELAY = 5.0
"""Seconds before a worker that has exited is started again."""


def worker_environment(main: Path) -> dict[str, str]:
    """Return the environment of workers."""
    return {
        "PREFECT_HOME": str(main / ".prefect"),
        # A worker exits after 3 failed requests at each of 1, 2, 4 and 8 times this interval.
        "PREFECT_WORKER_QUERY_SECONDS": "15",
        **environment(main),
        "PYTHONPATH": os.pathsep.join(filter(None, (str(main), os.environ.get("PYTHONPATH")))),
    }


def gpus() -> list[str]:
    """Return the numbers of this machine's GPUs, or those in CUDA_VISIBLE_DEVICES, without starting CUDA."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return [gpu.strip() for gpu in named.split(",") if gpu.strip()]
    return [str(n) for n, _ in enumerate(sorted(Path("/dev").glob("nvidia[0-9]*")))]


def missing(main: Path) -> list[str]:
    """Return what this clone lacks to be a node, one line each."""
    lines = []
    api, auth = os.environ.get(API), os.environ.get(AUTH)
    if not api:
        lines.append(f"{API}: the address of the head's Prefect server, http://HEAD:4200/api")
    if not auth:
        lines.append(f"{AUTH}: the auth string of the head's Prefect server (docs/gpu-node.md)")
    if api and auth and is_refused(api, auth):
        lines.append(f"the auth string of the server at {api}; it refuses the one in {AUTH}")
    try:
        git(main, "remote", "get-url", REMOTE)
    except GitError:
        lines.append(f"git's remote {REMOTE!r}, the same as the head's: git remote add {REMOTE} ADDRESS")
    if not dvc(main, "config", "--list").count("core.remote="):
        lines.append("DVC's default remote, the same as the head's: dvc remote add -d storage ADDRESS")
    return lines


class NodeWorker:
    """A worker for one GPU, restarted when it exits."""

    def __init__(self, main: Path, env: dict[str, str], gpu: str) -> None:
        self.name = f"{socket.gethostname()}-{gpu or 'cpu'}"
        self._main, self._env = main, {**env, "CUDA_VISIBLE_DEVICES": gpu}
        self._process: subprocess.Popen[str] | None = None
        self._next = 0.0

    def ensure_running(self) -> None:
        """Start the worker if it does not run; after an exit, wait `RESTART_DELAY` first."""
        now = time.monotonic()
        if self._process is not None and self._process.poll() is not None:
            print(f"worker {self.name} exited (code {self._process.returncode})", flush=True)
            self._process, self._next = None, now + RESTART_DELAY
        if self._process is None and now >= self._next:
            self._process = start_supervised(worker_command(GPU, self.name), cwd=self._main, env=self._env)

    def stop(self) -> None:
        """Terminate the worker and what it runs."""
        if self._process is not None:
            terminate(self._process)


def run_workers(main: Path, devices: Sequence[str], stop: threading.Event) -> None:
    """Keep one worker per device running until `stop` is set, sweeping runs whose process has died."""
    from pipeline.server.sweep import PeriodicSweep

    env = worker_environment(main)
    workers = [NodeWorker(main, env, gpu) for gpu in devices]
    sweep = PeriodicSweep(main)
    try:
        while not stop.wait(0.5):
            for worker in workers:
                worker.ensure_running()
            sweep.run_if_due()
    finally:
        for worker in workers:
            worker.stop()


def main() -> int:
    """Be a node until a signal comes; return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cpu", action="store_true", help="start one worker without a GPU, to try the node")
    arguments = parser.parse_args()
    tree = main_tree(Path.cwd())
    if lines := missing(tree):
        print(
            "\n".join(
                ["Error: this clone is not ready to be a node. It needs", *(f"  {line}" for line in lines)]
            ),
            file=sys.stderr,
        )
        return 2
    devices = [""] if arguments.cpu else gpus()
    if not devices:
        print(
            "Error: this machine has no NVIDIA GPU (/dev/nvidia0); --cpu starts a worker without one",
            file=sys.stderr,
        )
        return 2
    run_workers(tree, devices, stop_event())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
