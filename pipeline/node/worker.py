"""A GPU node: a worker of the pool `gpu` for each GPU of this machine, in this clone: ``make node``.

PREFECT_API_URL names the head's Prefect server; git's remote `origin` and DVC's default remote are those of
the head. MLFLOW_TRACKING_URI names its MLflow. Ctrl-C or SIGTERM ends all, trainings included; their states
stay. A worker that ends by itself, as Prefect's does after minutes without its server, is started again.
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

from pipeline.node.parcel import REMOTE
from pipeline.node.pool import POOL
from pipeline.processes.processes import end, supervised, told_to_end
from pipeline.repository.graph import dvc
from pipeline.repository.work_trees import GitError, environment, git, main_tree
from pipeline.server.serve import SWEEP, prefect

AGAIN = 5.0
"""Seconds before a worker that ended by itself is started again."""


def settings(main: Path) -> dict[str, str]:
    """The environment of workers."""
    return {
        "PREFECT_HOME": str(main / ".prefect"),
        # A worker gives up after 3 vain questions at each of 1, 2, 4 and 8 times this interval.
        "PREFECT_WORKER_QUERY_SECONDS": "15",
        **environment(main),
        "PYTHONPATH": os.pathsep.join(filter(None, (str(main), os.environ.get("PYTHONPATH")))),
    }


def gpus() -> list[str]:
    """This machine's GPUs by number, or those that CUDA_VISIBLE_DEVICES names; CUDA is not started."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return [gpu.strip() for gpu in named.split(",") if gpu.strip()]
    return [str(n) for n, _ in enumerate(sorted(Path("/dev").glob("nvidia[0-9]*")))]


def missing(main: Path) -> list[str]:
    """What this clone lacks to be a node, a line each."""
    lacks = []
    if not os.environ.get("PREFECT_API_URL"):
        lacks.append("PREFECT_API_URL: the address of the head's Prefect server, http://HEAD:4200/api")
    try:
        git(main, "remote", "get-url", REMOTE)
    except GitError:
        lacks.append(
            f"git's remote {REMOTE!r}, which is that of the head too: git remote add {REMOTE} ADDRESS"
        )
    if not dvc(main, "config", "--list").count("core.remote="):
        lacks.append("DVC's default remote, which is that of the head too: dvc remote add -d storage ADDRESS")
    return lacks


class Worker:
    """A worker for one GPU, started again when it ends by itself."""

    def __init__(self, main: Path, env: dict[str, str], gpu: str) -> None:
        self.name = f"{socket.gethostname()}-{gpu or 'cpu'}"
        self._main, self._env = main, {**env, "CUDA_VISIBLE_DEVICES": gpu}
        self._process: subprocess.Popen[str] | None = None
        self._next = 0.0

    def tend(self) -> None:
        """Start the worker if it does not run."""
        now = time.monotonic()
        if self._process is not None and self._process.poll() is not None:
            print(f"worker {self.name} ended (code {self._process.returncode})", flush=True)
            self._process, self._next = None, now + AGAIN
        if self._process is None and now >= self._next:
            command = prefect(
                "worker", "start", "--pool", POOL, "--type", "process", "--limit", "1", "--name", self.name
            )
            self._process = supervised(command, cwd=self._main, env=self._env)

    def end(self) -> None:
        """End the worker and what it runs."""
        if self._process is not None:
            end(self._process)


def work(main: Path, devices: Sequence[str], stop: threading.Event) -> None:
    """Keep the workers at work until `stop` is set; tell the server of trainings whose process is gone."""
    from pipeline.server.sweep import sweep

    env = settings(main)
    workers = [Worker(main, env, gpu) for gpu in devices]
    swept = 0.0
    try:
        while not stop.wait(0.5):
            for worker in workers:
                worker.tend()
            if time.monotonic() - swept > SWEEP:
                swept = time.monotonic()
                try:
                    for line in sweep(main):
                        print(line, flush=True)
                except Exception as error:  # the next look may fare better
                    print(f"sweep failed: {error}", file=sys.stderr, flush=True)
    finally:
        for worker in workers:
            worker.end()


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cpu", action="store_true", help="one worker without a GPU, to try the node out")
    arguments = parser.parse_args()
    here = main_tree(Path.cwd())
    if lacks := missing(here):
        print(
            "\n".join(["Error: this clone is no node yet. It needs", *(f"  {line}" for line in lacks)]),
            file=sys.stderr,
        )
        return 2
    devices = [""] if arguments.cpu else gpus()
    if not devices:
        print(
            "Error: no NVIDIA GPU is here (/dev/nvidia0); --cpu starts a worker without one", file=sys.stderr
        )
        return 2
    work(here, devices, told_to_end())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
