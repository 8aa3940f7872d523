"""`make ui` refuses what a web page of another site could send."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from http.client import HTTPConnection
from pathlib import Path

import psutil
import pytest

from tests.support.browser import FOREIGN
from tests.support.paths import ROOT
from tests.support.served import free_ports
from tests.support.waiting import ended, until

SEARCH = "/api/2.0/mlflow/experiments/search"


def status(port: int, path: str, **headers: str) -> int:
    """The status of one request; 0 while nothing answers."""
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        method, body = ("POST", json.dumps({"max_results": 1})) if path == SEARCH else ("GET", None)
        connection.request(method, path, body, headers)
        return connection.getresponse().status
    except OSError:
        return 0
    finally:
        connection.close()


@pytest.mark.slow
def test_only_this_machines_names_and_origins_are_served(tmp_path: Path) -> None:
    port, _ = free_ports()
    env = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    env |= {
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])),
        "MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path}/mlflow.db",
        "MLFLOW_WORKERS": "1",
    }
    with (tmp_path / "log").open("w") as log:
        make = subprocess.Popen(
            ["make", "-f", str(ROOT / "Makefile"), "-o", "env", "ui", f"PORT={port}"],
            cwd=tmp_path,
            env=env,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        until(lambda: status(port, "/health") == 200 or make.poll() is not None, 300)
        json_type = {"Content-Type": "application/json"}
        assert status(port, SEARCH, **json_type) == 200
        assert status(port, SEARCH, Host=f"localhost:{port}", **json_type) == 200
        assert status(port, SEARCH, Host=f"{FOREIGN}:{port}", **json_type) == 403
        assert status(port, SEARCH, Origin=f"http://{FOREIGN}", **json_type) == 403
        assert status(port, SEARCH, Origin=f"http://{FOREIGN}") == 403  # without a preflight
        [listening] = {
            found.laddr.ip for found in psutil.net_connections("tcp")
            if found.status == psutil.CONN_LISTEN and found.laddr.port == port
        }  # fmt: skip
        assert listening == "127.0.0.1"
    finally:
        family = [psutil.Process(make.pid), *psutil.Process(make.pid).children(recursive=True)]
        os.killpg(make.pid, signal.SIGTERM)
        until(lambda: ended(family), 60)
        make.wait()
