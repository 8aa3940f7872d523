"""Prefect on this machine: server, work pools, deployments and workers, which end together: ``make prefect``.

The server listens on PREFECT_PORT (4200) of 127.0.0.1, or of the address in PREFECT_HOST, and requires the
auth string in the printed link. Reports of runs are on RESULTS_PORT (the next port) of 127.0.0.1. CPU_WORKERS
(1) is the number of workers of the pool cpu. The database is in .prefect of this tree, or in PREFECT_HOME.
Ctrl-C, SIGTERM and the exit of any part end everything, with all runs.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from pipeline.processes.children import start_supervised, stop_event, terminate
from pipeline.repository.environment import RESULTS, RESULTS_URL, environment
from pipeline.repository.git import main_tree
from pipeline.server.access import (
    ALLOWED_HOSTS,
    AUTH,
    SERVER_AUTH,
    AccessError,
    allowed_hosts,
    auth_file,
    choose_auth,
    local_address,
    login_link,
    write_auth,
)
from pipeline.server.pools import CPU, GPU, register, worker_command

START_TIMEOUT = 120.0
"""Seconds that the server has to answer its first request."""
NO_GPU = {"CUDA_VISIBLE_DEVICES": ""}
"""Environment of the workers of the pool cpu: the GPU belongs to those of the pool gpu."""


def server_environment(main: Path, port: int, results_port: int) -> dict[str, str]:
    """Return the environment of server and workers.

    Raises:
        AccessError: as `choose_auth` and `allowed_hosts`.
    """
    host = os.environ.get("PREFECT_HOST", "127.0.0.1")
    address = local_address(host, port)
    auth = choose_auth(os.environ)
    return {
        "PREFECT_HOME": str(main / ".prefect"),
        **environment(main),
        "PREFECT_SERVER_API_HOST": host,
        "PREFECT_SERVER_API_PORT": str(port),
        "PREFECT_API_URL": f"{address}/api",
        "PREFECT_SERVER_UI_API_URL": "/api",  # relative to the address that a page was opened at
        AUTH: auth,
        SERVER_AUTH: auth,
        ALLOWED_HOSTS: ",".join(allowed_hosts(host, os.environ)),
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": address,
        RESULTS_URL: f"http://127.0.0.1:{results_port}",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_TASKS_TAG_CONCURRENCY_SLOT_WAIT_SECONDS": "5",
        "PREFECT_WORKER_QUERY_SECONDS": "3",
        # First in the path, so that workers import the modules of this tree.
        "PYTHONPATH": os.pathsep.join(filter(None, (str(main), os.environ.get("PYTHONPATH")))),
    }


def is_free(port: int) -> bool:
    """Return whether no program listens on a port of this machine."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def wait_until_up(server: subprocess.Popen[str], api: str, stop: threading.Event) -> bool:
    """Wait for the server's first answer; return whether it came."""
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline and server.poll() is None and not stop.is_set():
        try:
            with urlopen(f"{api}/health", timeout=2):
                return True
        except (URLError, OSError):
            stop.wait(0.3)
    return False


def serve(main: Path, env: Mapping[str, str], results_port: int, workers: int, stop: threading.Event) -> int:
    """Run everything until `stop` is set or a part exits; return the exit code."""
    os.environ.update(env)  # before Prefect is imported and reads its settings
    secret = auth_file(main)
    parts: dict[str, subprocess.Popen[str]] = {}
    try:
        write_auth(secret, env[AUTH])
        parts["server"] = start_supervised(
            [sys.executable, "-m", "pipeline.server.app"], cwd=main, env=env, stdout=subprocess.DEVNULL
        )
        if not wait_until_up(parts["server"], env["PREFECT_API_URL"], stop):
            print("Error: the Prefect server did not start; its messages are above", file=sys.stderr)
            return 1
        register(main, env)
        parts["server of reports"] = start_supervised(
            reports_command(main, results_port), cwd=main, env=env, stdout=subprocess.DEVNULL
        )
        for number in range(1, workers + 1):
            name = f"cpu-{number}"
            command = worker_command(CPU, f"{name}-{os.getpid()}")
            parts[f"worker {name}"] = start_supervised(command, cwd=main, env={**env, **NO_GPU})
        if has_gpu():
            command = worker_command(GPU, f"gpu-1-{os.getpid()}")
            parts["worker gpu-1"] = start_supervised(command, cwd=main, env=env)
        link = login_link(env["PREFECT_API_URL"].removesuffix("/api"), env[AUTH])
        print(f"Prefect: {link}   (Ctrl-C ends it and all runs)", flush=True)
        return watch(main, parts, stop)
    finally:
        for part in reversed(parts.values()):  # workers before the server, so that runs can report their end
            terminate(part)
        secret.unlink(missing_ok=True)


def reports_command(main: Path, port: int) -> list[str]:
    """Return the command that serves the results of runs."""
    folder = main / RESULTS
    folder.mkdir(parents=True, exist_ok=True)
    return [sys.executable, "-m", "pipeline.server.reports", str(folder), str(port)]


def watch(main: Path, parts: Mapping[str, subprocess.Popen[str]], stop: threading.Event) -> int:
    """Wait until `stop` is set or a part exits, sweeping dead runs; return the exit code."""
    from pipeline.server.sweep import PeriodicSweep

    sweep = PeriodicSweep(main)
    while not stop.wait(0.5):
        for name, part in parts.items():
            if part.poll() is not None:
                print(
                    f"Error: the {name} exited unexpectedly (code {part.returncode}); ending everything",
                    file=sys.stderr,
                )
                return 1
        sweep.run_if_due()
    return 0


def has_gpu() -> bool:
    """Return whether this machine has an NVIDIA GPU, without starting CUDA."""
    return Path("/dev/nvidiactl").exists()


def main() -> int:
    """Serve the tree of the current folder; return the exit code."""
    port = int(os.environ.get("PREFECT_PORT", "4200"))
    results_port = int(os.environ.get("RESULTS_PORT", str(port + 1)))
    for number, variable in ((port, "PREFECT_PORT"), (results_port, "RESULTS_PORT")):
        if not is_free(number):
            print(f"Error: port {number} is in use; set {variable} to a free port", file=sys.stderr)
            return 2
    tree = main_tree(Path.cwd())
    try:
        env = server_environment(tree, port, results_port)
    except AccessError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2
    return serve(tree, env, results_port, int(os.environ.get("CPU_WORKERS", "1")), stop_event())


if __name__ == "__main__":
    raise SystemExit(main())
