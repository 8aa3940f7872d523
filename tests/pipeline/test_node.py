"""A GPU node on another machine: two clones in two network namespaces, and the cable between them cut."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from two_machines import DATA, GIT, HEAD, MLFLOW, Pair, lacking, processes_of, serve_shared, until

sys.path.append(str(Path(__file__).parents[1] / "stages"))
import tiny

ROOT = Path(__file__).parents[2]
WHY_NOT = lacking()
pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)]

EPOCHS = int(os.environ.get("NODE_EPOCHS", "300"))
PARAMS = tiny.PARAMS | {
    "run": {
        "datasets": ["uiprmd"],
        "estimates": {"kinect": "uiprmd"},
        "experiments": ["kinect"],
        "models": ["first"],
        "ablations": [],
        "seeds": [1],
    },
}
FINAL = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
STAGE = "train@kinect-first-1"
MODEL = Path("data/models/kinect/first-1/model.safetensors")
CURVE = Path("data/reports/kinect/training/first-1.csv")


def write_project(tree: Path) -> None:
    """This code, and the graph on tiny data whose training takes a while."""
    tree.mkdir(parents=True)
    for name in ("hanet", "stages", "pipeline"):
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("dvc.yaml", "prefect.yaml", ".gitignore", ".dvcignore"):
        shutil.copyfile(ROOT / name, tree / name)
    params = json.loads(json.dumps(PARAMS))
    params["datasets"]["uiprmd"]["download"] = {"folder": "data/external"}
    params["experiments"]["kinect"]["models"]["first"]["training"]["epochs"] = EPOCHS
    (tree / "params.yaml").write_text(json.dumps(params, indent=1))
    tiny.write_pairs(tree / "data" / "external")


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Both machines at work: services, Prefect, clones; the node's worker is the tests' to start."""
    folder = tmp_path_factory.mktemp("two")
    with Pair(folder) as pair:
        serve_shared(pair)
        head, node = pair.head, pair.node
        write_project(head.clone)
        code = f"git://{HEAD}:{GIT}/code.git"
        head.run("git", "init", "--quiet", "-b", "main")
        head.run("git", "remote", "add", "origin", code)
        head.dvc("init", "--quiet")
        head.dvc("remote", "add", "--default", "storage", f"http://{HEAD}:{DATA}")
        head.dvc("remote", "modify", "storage", "method", "PUT")
        head.run("git", "add", "--all")
        head.run("git", "commit", "--quiet", "-m", "tiny")
        head.run("git", "push", "--quiet", "origin", "main")
        node.run("git", "clone", "--quiet", code, "clone")
        head.start("prefect", sys.executable, "-m", "pipeline.serve")
        until(lambda: pair.answers(f"http://{HEAD}:{MLFLOW}/health"), 120, "MLflow")
        until(lambda: "deployments" in head.log("prefect").read_text(), 180, "Prefect")
        yield pair
        if "node" in node.programs:
            node.end("node")
        assert processes_of(node.pids()) == []
        head.end("prefect")
        for program in ("git", "remote", "mlflow"):
            head.end(program)
        until(lambda: not head.pids(), 30, f"the end of {processes_of(head.pids())}")


def start_node(pair: Pair) -> None:
    pair.node.start("node", sys.executable, "-m", "pipeline.node", "--cpu")


def start_run(pair: Pair, **parameters: Any) -> str:
    """A run of the deployment `reproduce`, as its page starts it."""
    deployment = pair.ask("deployments/name/reproduce/reproduce")["id"]
    body = {"parameters": {"targets": ["train"], "train_on": "gpu", **parameters}}
    return pair.ask(f"deployments/{deployment}/create_flow_run", body)["id"]


def state_of(pair: Pair, run: str) -> dict[str, Any]:
    return pair.ask(f"flow_runs/{run}")["state"]


def ended(pair: Pair, run: str, seconds: float = 240) -> str:
    until(lambda: state_of(pair, run)["type"] in FINAL, seconds, run)
    return state_of(pair, run)["name"]


def runs_on_node(pair: Pair) -> list[dict[str, Any]]:
    """Runs of the deployment train-gpu, oldest first."""
    return pair.ask(
        "flow_runs/filter",
        {"flows": {"name": {"any_": ["train-on-node"]}}, "sort": "EXPECTED_START_TIME_ASC"},
    )


def epoch(pair: Pair) -> int:
    """The last epoch that the node's training printed."""
    found = re.findall(r"epoch (\d+):", pair.node.log("node").read_text())
    return int(found[-1]) if found else 0


def at_epoch(pair: Pair, run: str, number: int) -> None:
    """Wait until the node's training is so far."""

    def there() -> bool:
        state = state_of(pair, run)
        assert state["type"] not in FINAL, state
        return epoch(pair) >= number

    until(there, 180, f"epoch {number}")


def test_a_cut_in_the_middle_of_training(pair: Pair) -> None:
    start_node(pair)
    run = start_run(pair)
    at_epoch(pair, run, 2)
    before = epoch(pair)
    pair.cut(joined=False)
    time.sleep(25)
    during = epoch(pair)
    assert during > before + 10
    pair.cut(joined=True)
    assert ended(pair, run) == "Completed", state_of(pair, run)
    assert [r["state"]["name"] for r in runs_on_node(pair)] == ["Completed"]
