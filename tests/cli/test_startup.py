"""What commands import, and how long help takes."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.test_app import RELEASED
from tests.support.paths import ROOT

CALL = "import sys; from hanet.cli.app import app; app(sys.argv[1:])"
LIST = """
import atexit, sys
atexit.register(lambda: print("MODULES", *sys.modules, file=sys.stderr))
"""
HEAVY = {"torch", "scipy", "pandas", "matplotlib", "pyarrow", "numpy", "av", "PIL", "jaxtyping", "pydantic"}
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")},
    "PYTHONPATH": str(ROOT),
}


def run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, env=ENVIRONMENT
    )


@pytest.mark.parametrize(
    ("arguments", "code", "used"),
    [
        (["--help"], 0, set()),
        (["tables", "{empty}"], 2, {"pydantic"}),
        (["estimators"], 0, {"pydantic"}),
        (["data", "list", "--poses", "{empty}"], 0, {"numpy", "jaxtyping", "pyarrow", "pydantic"}),
        (RELEASED, 0, {"numpy", "jaxtyping", "scipy", "pydantic"}),
        (
            ["refine", "{empty}", "--model", "{empty}", "--out", "{empty}/a.parquet"],
            2,
            {"numpy", "jaxtyping", "pyarrow", "torch", "scipy", "pydantic"},
        ),
    ],
)
def test_commands_import_what_they_use(tmp_path: Path, arguments: list[str], code: int, used: set[str]):
    result = run(LIST + CALL, *(a.replace("{empty}", str(tmp_path)) for a in arguments))
    assert result.returncode == code, result.stderr
    modules = set(result.stderr.rsplit("MODULES", 1)[1].split())
    assert modules & HEAVY <= used and "scipy.stats" not in modules


def test_help_costs_little_more_than_the_packages_that_draw_it():
    """By turns, and the fastest of three counts: a busy machine slows some. PyTorch costs 15 times it."""
    pairs = [(_seconds(CALL, "--help"), _seconds("import typer, rich.panel, rich.table")) for _ in range(3)]
    help_, packages = (min(column) for column in zip(*pairs, strict=True))
    assert help_ <= 5 * packages, pairs


def _seconds(program: str, *arguments: str) -> float:
    """Processor time of a run."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert run(program, *arguments).returncode == 0
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
