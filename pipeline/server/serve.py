"""Prefect on this machine: server, work pools, deployments and workers, ending together: ``make prefect``.

Prefect's server listens at PREFECT_PORT (4200) on 127.0.0.1, or the address in PREFECT_HOST; the runs'
reports are at RESULTS_PORT (the one after), here alone. CPU_WORKERS (1) says how many workers the pool cpu
has. The database is in .prefect of this tree, unless PREFECT_HOME names another folder. Ctrl-C or SIGTERM
ends everything, runs included; so does the end of a part.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from pipeline.processes.processes import end, supervised, told_to_end
from pipeline.repository.work_trees import RESULTS, RESULTS_URL, environment, main_tree

SLOTS = {"cpu": 2, "gpu": 1}
"""Flow runs that a worker of each pool has at work at most; further ones wait, or go to another worker."""
START = 120.0
"""Seconds a server may take to answer."""
SWEEP = 30.0
"""Seconds between two looks for runs whose process is gone."""


def settings(main: Path, port: int, results_port: int) -> dict[str, str]:
    """The environment of server and workers."""
    host = os.environ.get("PREFECT_HOST", "127.0.0.1")
    return {
        "PREFECT_HOME": str(main / ".prefect"),
        **environment(main),
        "PREFECT_SERVER_API_HOST": host,
        "PREFECT_SERVER_API_PORT": str(port),  # the pages ask there too; `--port` would not tell them
        "PREFECT_API_URL": f"http://{host}:{port}/api",
        RESULTS_URL: f"http://127.0.0.1:{results_port}",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_TASKS_TAG_CONCURRENCY_SLOT_WAIT_SECONDS": "5",
        "PREFECT_WORKER_QUERY_SECONDS": "3",
        # Before stages' own modules, so that a worker finds this tree's.
        "PYTHONPATH": os.pathsep.join(filter(None, (str(main), os.environ.get("PYTHONPATH")))),
    }


def free(port: int) -> bool:
    """Whether nobody listens on a port of this machine."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def prefect(*arguments: str) -> list[str]:
    """Prefect's command line in this environment."""
    return [sys.executable, "-m", "prefect", *arguments]


def report_server(main: Path, port: int) -> list[str]:
    """The command that serves what runs left to look at."""
    folder = main / RESULTS
    folder.mkdir(parents=True, exist_ok=True)
    return [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1", "--directory", str(folder)]


def worker(name: str) -> list[str]:
    """The command of a worker that is called `<pool>-<number>`."""
    pool = name.partition("-")[0]
    return prefect(
        "worker", "start", "--pool", pool, "--type", "process",
        "--limit", str(SLOTS[pool]), "--name", f"{name}-{os.getpid()}",
    )  # fmt: skip


def until_up(server: subprocess.Popen[str], address: str, stop: threading.Event) -> bool:
    """Wait until a server answers; whether it does."""
    deadline = time.monotonic() + START
    while time.monotonic() < deadline and server.poll() is None and not stop.is_set():
        try:
            with urlopen(f"{address}/health", timeout=2):
                return True
        except (URLError, OSError):
            stop.wait(0.3)
    return False


def register(main: Path, env: dict[str, str]) -> None:
    """Work pools, the limit of one task on the GPU, and the deployments of prefect.yaml."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
    from prefect.exceptions import ObjectAlreadyExists
    from prefect.workers.process import ProcessWorker

    from pipeline.scheduler import GPU

    template = ProcessWorker.get_default_base_job_template()
    with get_client(sync_client=True) as client:
        for name in SLOTS:
            try:
                client.create_work_pool(WorkPoolCreate(name=name, type="process", base_job_template=template))
            except ObjectAlreadyExists:
                client.update_work_pool(name, WorkPoolUpdate(concurrency_limit=None))
        client.create_concurrency_limit(tag=GPU, concurrency_limit=1)
    subprocess.run(
        prefect("--no-prompt", "deploy", "--all"), cwd=main, env=env, check=True, stdout=subprocess.DEVNULL
    )


def serve(main: Path, port: int, results_port: int, workers: int, stop: threading.Event) -> int:
    """Run everything until `stop` is set or a part ends; return the exit code."""
    env = settings(main, port, results_port)
    os.environ.update(env)  # before Prefect reads its settings
    address = env["PREFECT_API_URL"]
    parts: dict[str, subprocess.Popen[str]] = {}
    try:
        parts["server"] = supervised(prefect("server", "start"), cwd=main, env=env, stdout=subprocess.DEVNULL)
        if not until_up(parts["server"], address, stop):
            print(
                "Error: the Prefect server did not come up; `prefect server start` says why", file=sys.stderr
            )
            return 1
        register(main, env)
        parts["server of reports"] = supervised(
            report_server(main, results_port),
            cwd=main,
            env=env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        names = [f"cpu-{number}" for number in range(1, workers + 1)] + ["gpu-1"] * gpu_here()
        for name in names:
            parts[f"worker {name}"] = supervised(worker(name), cwd=main, env=env)
        print(
            f"Prefect: {address.removesuffix('/api')}/deployments   (Ctrl-C ends it and all runs)", flush=True
        )
        return watch(main, parts, stop)
    finally:
        for part in reversed(parts.values()):  # workers first, so that runs can still report their end
            end(part)


def watch(main: Path, parts: dict[str, subprocess.Popen[str]], stop: threading.Event) -> int:
    """Wait for the end, looking for runs whose process is gone."""
    from pipeline.server.sweep import sweep

    swept = 0.0
    while not stop.wait(0.5):
        for name, part in parts.items():
            if part.poll() is not None:
                print(
                    f"Error: the {name} ended by itself (code {part.returncode}); ending all", file=sys.stderr
                )
                return 1
        if time.monotonic() - swept > SWEEP:
            swept = time.monotonic()
            try:
                for line in sweep(main):
                    print(line, flush=True)
            except Exception as error:  # the next look may fare better
                print(f"sweep failed: {error}", file=sys.stderr)
    return 0


def gpu_here() -> bool:
    """Whether this machine has an NVIDIA GPU, without starting CUDA."""
    return Path("/dev/nvidiactl").exists()


def main() -> int:
    port = int(os.environ.get("PREFECT_PORT", "4200"))
    results_port = int(os.environ.get("RESULTS_PORT", str(port + 1)))
    for number, variable in ((port, "PREFECT_PORT"), (results_port, "RESULTS_PORT")):
        if not free(number):
            print(f"Error: port {number} is taken; name a free one in {variable}", file=sys.stderr)
            return 2
    workers = int(os.environ.get("CPU_WORKERS", "1"))
    return serve(main_tree(Path.cwd()), port, results_port, workers, told_to_end())


if __name__ == "__main__":
    raise SystemExit(main())
