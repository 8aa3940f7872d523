"""Two machines on one: network namespaces joined by a cable that can be cut, each with a clone of its own.

The head has git (`git daemon`), a DVC remote (HTTP), MLflow and Prefect; the node has a worker. They share
nothing else: each has its clone, DVC cache and Prefect home, and sees no folder of the other.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

HEAD, NODE = "10.213.7.1", "10.213.7.2"
"""Addresses of the two, of a range for private use; nothing outside the namespaces has a way there."""
GIT, DATA, MLFLOW, PREFECT = 9418, 8800, 5000, 4200
API = f"http://{HEAD}:{PREFECT}/api"
AUTH = "hanet:shared-by-head-and-node"


def lacking() -> str:
    """Why namespaces cannot be made here; empty where they can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "network namespaces take Linux and root"
    if shutil.which("ip") is None:
        return "network namespaces take `ip` (Debian: iproute2)"
    name = f"probe-{os.getpid()}"
    if subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False).returncode != 0:
        return "this machine does not let root make network namespaces"
    ip("netns", "del", name)
    return ""


def ip(*arguments: str) -> str:
    """What a command of iproute2 prints."""
    return subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True).stdout


class Machine:
    """A network namespace with a folder and the programs that run there."""

    def __init__(self, name: str, folder: Path, env: dict[str, str]) -> None:
        self.name, self.folder, self.env = name, folder, env
        self.clone = folder / "clone"
        self.hidden: list[Path] = []  # folders of the other machine
        self.programs: dict[str, subprocess.Popen[bytes]] = {}
        folder.mkdir(parents=True)

    def _command(self, *command: str) -> list[str]:
        """A command in this machine's network that sees nothing of the other's folders."""
        hide = "".join(f"mount -t tmpfs none {path}; " for path in self.hidden)
        return ["ip", "netns", "exec", self.name, "sh", "-ec", f'{hide}exec "$@"', "sh", *command]

    def start(self, program: str, *command: str, **env: str) -> subprocess.Popen[bytes]:
        """Start a program in the clone; what it prints goes to a file beside that."""
        with self.log(program).open("ab") as log:
            self.programs[program] = subprocess.Popen(
                self._command(*command),
                cwd=self.clone if self.clone.exists() else self.folder,
                env={**self.env, **env},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return self.programs[program]

    def log(self, program: str) -> Path:
        """Where a program's output is."""
        return self.folder / f"{program}.log"

    def run(self, *command: str) -> str:
        """What a command prints that ends well in the clone, or where that will be."""
        done = subprocess.run(
            self._command(*command),
            cwd=self.clone if self.clone.exists() else self.folder,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, f"{command}:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def dvc(self, *arguments: str) -> str:
        """What a DVC command prints."""
        return self.run(sys.executable, "-m", "dvc", *arguments)

    def pids(self) -> list[int]:
        """Every process in the namespace, whoever started it."""
        return [int(pid) for pid in ip("netns", "pids", self.name).split()]

    def end(self, program: str) -> None:
        """Have a program end. Not by SIGINT: a shell starts what is in its background deaf to that."""
        running = self.programs.pop(program)
        running.send_signal(signal.SIGTERM)
        running.wait(60)

    def kill(self) -> None:
        """End the machine: every process at once."""
        while pids := self.pids():
            for pid in pids:
                with suppress(ProcessLookupError):  # it ended meanwhile
                    os.kill(pid, signal.SIGKILL)
            for program in self.programs.values():
                program.poll()
            time.sleep(0.1)
        self.programs.clear()


class Pair:
    """Head and node, and the cable between them."""

    def __init__(self, folder: Path) -> None:
        tag = f"{os.getpid() % 100000}"
        self.cable = f"veth-n{tag}"
        base = clean_environment(folder)
        address = f"http://{HEAD}:{MLFLOW}"
        self.head = Machine(
            f"head-{tag}", folder / "head",
            base | {"PREFECT_HOST": HEAD, "PREFECT_PORT": str(PREFECT), "MLFLOW_TRACKING_URI": address,
                    "PREFECT_API_AUTH_STRING": AUTH,
                    "DVC_SITE_CACHE_DIR": str(folder / "head" / "site")},
        )  # fmt: skip
        self.node = Machine(
            f"node-{tag}", folder / "node",
            base | {"PREFECT_API_URL": API, "PREFECT_API_AUTH_STRING": AUTH, "MLFLOW_TRACKING_URI": address,
                    "DVC_SITE_CACHE_DIR": str(folder / "node" / "site")},
        )  # fmt: skip
        self.shared = folder / "shared"
        self.shared.mkdir()
        self.head.hidden, self.node.hidden = [self.node.folder], [self.head.folder, self.shared]

    def __enter__(self) -> Pair:
        for machine in (self.head, self.node):
            ip("netns", "add", machine.name)
            ip("-n", machine.name, "link", "set", "lo", "up")
        other = self.cable.replace("-n", "-h")
        ip("link", "add", self.cable, "netns", self.node.name, "type", "veth",
           "peer", "name", other, "netns", self.head.name)  # fmt: skip
        for machine, end, address in ((self.head, other, HEAD), (self.node, self.cable, NODE)):
            ip("-n", machine.name, "address", "add", f"{address}/24", "dev", end)
            ip("-n", machine.name, "link", "set", end, "up")
        return self

    def __exit__(self, *_: object) -> None:
        for machine in (self.node, self.head):
            machine.kill()
            ip("netns", "del", machine.name)

    def cut(self, *, joined: bool) -> None:
        """Take the cable out of the node, or put it back."""
        ip("-n", self.node.name, "link", "set", self.cable, "up" if joined else "down")

    def ask(self, path: str, body: Any = None, *, at: str = API) -> Any:
        """A server's answer to a request from the head; Prefect's, unless another is named."""
        data = None if body is None else json.dumps(body).encode()
        login = {"Authorization": f"Basic {b64encode(AUTH.encode()).decode()}"} if at == API else {}
        request = Request(f"{at}/{path}", data=data, headers={"Content-Type": "application/json", **login})
        deadline = time.monotonic() + 30
        while True:
            try:
                with within(self.head.name), urlopen(request, timeout=30) as answer:
                    return json.load(answer)
            except HTTPError as error:  # 503: Prefect's SQLite is busy; Prefect's own client asks again too
                if error.code != HTTPStatus.SERVICE_UNAVAILABLE or time.monotonic() > deadline:
                    raise
            time.sleep(1)

    def answers(self, url: str) -> bool:
        """Whether a server of the head answers."""
        try:
            with within(self.head.name), urlopen(url, timeout=2):
                return True
        except (URLError, OSError):
            return False


@contextmanager
def within(namespace: str) -> Iterator[None]:
    """Have this thread's connections begin in a network namespace."""
    new_net = 0x40000000
    with Path("/proc/thread-self/ns/net").open() as own, Path(f"/run/netns/{namespace}").open() as other:
        libc = ctypes.CDLL(None, use_errno=True)
        assert libc.setns(other.fileno(), new_net) == 0, os.strerror(ctypes.get_errno())
        try:
            yield
        finally:
            assert libc.setns(own.fileno(), new_net) == 0, os.strerror(ctypes.get_errno())


def clean_environment(folder: Path) -> dict[str, str]:
    """This process's environment without what would let the machines see more than each other."""
    alien = ("MLFLOW_", "DVC_", "PREFECT", "GIT_", "PYTHONPATH", "HANET_", "http_proxy", "HTTP_PROXY")
    return {k: v for k, v in os.environ.items() if not k.startswith(alien)} | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(folder),
        "OMP_NUM_THREADS": "1",
        "DVC_NO_ANALYTICS": "1",
        "DO_NOT_TRACK": "1",
        "NO_PROXY": "*",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        **{
            f"GIT_{who}_{what}": "tester@invalid"
            for who in ("AUTHOR", "COMMITTER")
            for what in ("NAME", "EMAIL")
        },
    }


def serve_shared(pair: Pair) -> None:
    """What both machines can reach: a bare git repository, a DVC remote and MLflow, at the head."""
    folder = pair.shared
    subprocess.run(["git", "init", "--quiet", "--bare", "-b", "main", folder / "code.git"], check=True)
    (folder / "data").mkdir()
    pair.head.start("git", "git", "daemon", "--reuseaddr", f"--listen={HEAD}", f"--port={GIT}",
                    "--export-all", "--enable=receive-pack", f"--base-path={folder}")  # fmt: skip
    pair.head.start("remote", sys.executable, str(Path(__file__).with_name("http_remote.py")),
                    str(folder / "data"), HEAD, str(DATA))  # fmt: skip
    pair.head.start("mlflow", sys.executable, "-m", "mlflow", "server", "--host", HEAD, "--port", str(MLFLOW),
                    "--workers", "1", "--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}",
                    "--artifacts-destination", str(folder / "artifacts"))  # fmt: skip


def processes_of(namespace_pids: Sequence[int]) -> list[str]:
    """Command lines, for a message."""
    lines = []
    for pid in namespace_pids:
        path = Path(f"/proc/{pid}/cmdline")
        if path.exists():
            lines.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return lines
