"""Reading params.yaml is fast: every stage, the form of Prefect and `make run` begin with it."""

from __future__ import annotations

import os
import subprocess
import sys

from hanet.models.options import CONFIGS
from hanet.models.registry import NETWORKS
from tests.support.paths import ROOT

HEAVY = ["torch", "scipy", "pandas", "pyarrow", "matplotlib", "av", "PIL", "dask", "mlflow", "dvc", "prefect"]
PROGRAM = f"""
import sys
import stages.params.run
from stages.params.load import load
load()
print(*[name for name in {HEAVY} if name in sys.modules])
"""


def test_the_parameters_are_read_without_heavy_imports() -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []


def test_options_are_those_of_the_networks() -> None:
    assert {name: network.config for name, network in NETWORKS.items()} == CONFIGS
    assert list(CONFIGS) == list(NETWORKS)
