"""A GPU node on another machine: two clones in two network namespaces, and the cable between them cut."""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.support import tiny
from tests.support.paths import ROOT
from tests.support.two_machines import DATA, GIT, HEAD, MLFLOW, Pair, lacking, processes_of, serve_shared
from tests.support.waiting import until

WHY_NOT = lacking()
pytestmark = [pytest.mark.slow(minutes=4), pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)]

EPOCHS = int(os.environ.get("NODE_EPOCHS", "120"))
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
CUT = 10.0
"""Seconds without a network, at least."""
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
    params["datasets"]["uiprmd"]["download"] = {"folder": "data/external", "sha256": {}}
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
        head.start("prefect", sys.executable, "-m", "pipeline.server.serve")
        until(lambda: pair.answers(f"http://{HEAD}:{MLFLOW}/health"), 300, "MLflow")
        until(lambda: "Prefect: http" in head.log("prefect").read_text(), 300, "Prefect")
        yield pair
        if "node" in node.programs:
            node.end("node")
        assert processes_of(node.pids()) == []
        head.end("prefect")
        for program in ("git", "remote", "mlflow"):
            head.end(program)
        until(lambda: not head.pids(), 30, f"the end of {processes_of(head.pids())}")


def start_node(pair: Pair) -> None:
    pair.node.start("node", sys.executable, "-m", "pipeline.node.worker", "--cpu")


def start_run(pair: Pair, **parameters: Any) -> str:
    """A run of the deployment `reproduce`, as its page starts it."""
    deployment = pair.ask("deployments/name/reproduce/reproduce")["id"]
    body = {"parameters": {"targets": ["train"], "train_on": "gpu", **parameters}}
    return pair.ask(f"deployments/{deployment}/create_flow_run", body)["id"]


def state_of(pair: Pair, run: str) -> dict[str, Any]:
    return pair.ask(f"flow_runs/{run}")["state"]


def ended(pair: Pair, run: str, seconds: float = 600) -> str:
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
    found = re.findall(r"(?<!best )epoch (\d+):", pair.node.log("node").read_text())
    return int(found[-1]) if found else 0


def at_epoch(pair: Pair, run: str, number: int) -> None:
    """Wait until the node's training is so far; the log is read often, the server asked rarely."""
    asked = itertools.count()

    def there() -> bool:
        if epoch(pair) >= number:
            return True
        if next(asked) % 20 == 0:
            state = state_of(pair, run)
            assert state["type"] not in FINAL, state
        return False

    until(there, 600, f"epoch {number}", pause=0.1)


def results(pair: Pair) -> tuple[bytes, bytes, str]:
    """What a training leaves at the head: weights, history, entry in dvc.lock."""
    lock = YAML(typ="safe").load(pair.head.clone / "dvc.lock")["stages"][STAGE]
    return (pair.head.clone / MODEL).read_bytes(), (pair.head.clone / CURVE).read_bytes(), json.dumps(lock)


def forget_output(pair: Pair) -> None:
    """So that the next epochs seen are the next training's."""
    pair.node.log("node").write_text("")


def mlflow_run(pair: Pair) -> Any:
    """The training's run on the MLflow server."""
    address = f"http://{HEAD}:{MLFLOW}/api/2.0/mlflow"
    experiment = pair.ask("experiments/get-by-name?experiment_name=kinect", at=address)["experiment"]
    [run] = pair.ask("runs/search", {"experiment_ids": [experiment["experiment_id"]]}, at=address)["runs"]
    return run


def test_a_node_without_the_heads_auth_string_does_not_start(pair: Pair) -> None:
    other = {"PREFECT_API_AUTH_STRING": "hanet:not-that-of-the-head"}
    refused = pair.node.start("refused", sys.executable, "-m", "pipeline.node.worker", "--cpu", **other)
    assert refused.wait(120) == 2
    assert "it refuses the one in PREFECT_API_AUTH_STRING" in pair.node.log("refused").read_text()
    del pair.node.programs["refused"]


def test_a_cut_in_the_middle_of_training(pair: Pair) -> None:
    head, node = pair.head, pair.node
    start_node(pair)
    run = start_run(pair)
    at_epoch(pair, run, 2)
    before = epoch(pair)
    pair.cut(joined=False)
    time.sleep(CUT)
    until(lambda: epoch(pair) > before + 5, 120, "epochs without a network")  # training goes on
    pair.cut(joined=True)
    assert ended(pair, run) == "Completed", state_of(pair, run)
    assert [r["state"]["name"] for r in runs_on_node(pair)] == ["Completed"]

    assert json.loads(head.dvc("status", "--json", STAGE)) == {}
    assert head.run("git", "ls-remote", "origin", "refs/node/*") == ""
    assert head.run("git", "for-each-ref", "refs/node") == ""
    # The node got what the stage reads, and no more; the remote holds that and what the stage made: the files
    # of both folders, a list of each, and the history, which DVC caches as it does every report.
    data = node.clone / ".dvc/tmp/runs/node-cpu/data"
    assert {path.name for path in data.iterdir()} == {"models", "pairs", "reports", "resolved", "scratch"}
    of_pairs = {path.name for path in (head.clone / "data/pairs/kinect").iterdir()}
    kept = [path for path in (pair.shared / "data").rglob("*") if path.is_file()]
    of_model = {path.name for path in (head.clone / MODEL).parent.iterdir()}
    assert len(kept) == len(of_pairs) + 1 + len(of_model) + 1 + len([CURVE])
    assert not (node.clone / "mlflow.db").exists()
    metrics = mlflow_run(pair)["data"]["metrics"]
    assert {metric["key"] for metric in metrics} >= {"epoch", "loss", "validation_error"}

    # An undisturbed training at the head makes the same, bit by bit.
    there = results(pair)
    head.dvc("repro", "--force", "--single-item", STAGE)
    assert results(pair) == there
    assert head.run("git", "status", "--porcelain", "--", ":!dvc.lock", ":!data") == ""


def test_what_is_up_to_date_is_not_sent(pair: Pair) -> None:
    known = len(runs_on_node(pair))
    assert ended(pair, start_run(pair)) == "Completed"
    assert len(runs_on_node(pair)) == known


def test_a_node_that_is_killed_goes_on_from_its_checkpoint(pair: Pair) -> None:
    before = results(pair)
    forget_output(pair)
    run = start_run(pair, force=True)
    at_epoch(pair, run, 3)
    pair.node.kill()
    assert state_of(pair, run)["type"] == "RUNNING"
    start_node(pair)
    assert ended(pair, run) == "Completed", state_of(pair, run)
    first, second = runs_on_node(pair)[-2:]
    assert (first["state"]["name"], second["state"]["name"]) == ("Crashed", "Completed")
    resumed = re.search(r"resuming after epoch (\d+)", pair.node.log("node").read_text())
    assert resumed is not None
    assert int(resumed[1]) >= 2
    assert results(pair) == before


def test_a_cut_that_outlasts_the_training(pair: Pair) -> None:
    """And whose run has settings of its own: it is saved as an experiment of DVC."""
    forget_output(pair)
    shorter = "experiments.kinect.models.first.training.epochs=40"
    run = start_run(pair, overrides=[shorter], name="shorter")
    at_epoch(pair, run, 2)
    pair.cut(joined=False)
    until(lambda: "waiting for the network" in pair.node.log("node").read_text(), 120, "the end of training")
    time.sleep(3)
    assert state_of(pair, run)["type"] == "RUNNING"
    pair.cut(joined=True)
    assert ended(pair, run) == "Completed", state_of(pair, run)
    assert "shorter" in pair.head.dvc("exp", "list", "--name-only")
    assert epoch(pair) == 40


def test_cancelling_at_the_head_ends_the_training(pair: Pair) -> None:
    forget_output(pair)
    run = start_run(pair, force=True)
    at_epoch(pair, run, 1)
    pair.ask(f"flow_runs/{run}/set_state", {"state": {"type": "CANCELLING"}})
    assert ended(pair, run) == "Cancelled"
    until(lambda: runs_on_node(pair)[-1]["state"]["type"] == "CANCELLED", 60, "the node's run")
    until(lambda: not any("stages.train" in line for line in processes_of(pair.node.pids())), 30, "its end")


def test_work_that_is_not_in_the_git_remote(pair: Pair) -> None:
    deployment = pair.ask("deployments/name/train-on-node/train-gpu")["id"]
    body = {"parameters": {"stage": STAGE, "commit": "0" * 40}}
    run = pair.ask(f"deployments/{deployment}/create_flow_run", body)["id"]
    assert ended(pair, run) == "Failed"
    assert "couldn't find remote ref refs/node/0000" in state_of(pair, run)["message"]
