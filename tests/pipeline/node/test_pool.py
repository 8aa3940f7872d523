"""A head and a node in two clones of a project of shell commands, Prefect's server played."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
from prefect.client.schemas.objects import State, WorkPoolStatus
from prefect.states import Cancelled, Completed, Crashed, Failed, Running

from pipeline.node import network, payload, pool
from pipeline.node import train as training
from pipeline.node.network import Network, NetworkError
from pipeline.node.pool import GpuPool, gpu_pool
from pipeline.processes.children import Children
from pipeline.repository.command import dvc
from pipeline.work import StageError, Work
from tests.support.graph_of_shell import shell, write_begun_project

pytestmark = pytest.mark.slow

STAGE = "train@a-1"


class Server:
    """What the head asks of Prefect; a run on a node is done by the time it is started."""

    def __init__(self, node: Callable[..., State[Any]]) -> None:
        self.node = node
        self.asked: list[dict[str, Any]] = []
        self.states: dict[UUID, State[Any]] = {}

    def run_deployment(
        self, name: str, *, parameters: dict[str, Any], flow_run_name: str, timeout: int
    ) -> Any:
        assert (name, timeout) == ("train-on-node/train-gpu", 0)
        self.asked.append(parameters)
        run = SimpleNamespace(id=uuid4(), name=flow_run_name)
        self.states[run.id] = self.node(**parameters)
        return run

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def read_flow_run(self, run: UUID) -> Any:
        return SimpleNamespace(state=self.states[run])

    def read_work_pool(self, name: str) -> Any:
        assert name == "gpu"
        return SimpleNamespace(status=WorkPoolStatus.NOT_READY)

    def set_flow_run_state(self, run: UUID, state: State[Any], *, force: bool) -> None:
        assert not force
        self.states[run] = state


class Machines:
    """Both clones; `server.node` may be replaced."""

    def __init__(self, folder: Path, children: Children) -> None:
        self.data = folder / "data"
        self.head = write_begun_project(folder / "head", self.data)
        code = str(folder / "code.git")
        shell(folder, "git", "init", "--quiet", "--bare", "--initial-branch", "main", code)
        shell(self.head, "git", "remote", "add", "origin", code)
        shell(self.head, "git", "push", "--quiet", "origin", "main")
        shell(folder, "git", "clone", "--quiet", code, "node")
        (self.head / "params.yaml").write_text(
            (self.head / "params.yaml").read_text().replace("epochs: 4", "epochs: 2")
        )
        self.children = children
        self.place = training.NodeFolders(folder / "node", folder / "node/.dvc/tmp/runs/node-cpu")
        self.server = Server(self.train)
        self.told: list[str] = []

    def work(self, tree: Path, **options: Any) -> Work:
        return Work(tree, env=dict(os.environ), children=self.children, **options)

    def train(self, stage: str, commit: str, force: bool, stage_timeout_minutes: float | None) -> State[Any]:
        """What the node's flow does."""
        limit = stage_timeout_minutes and stage_timeout_minutes * 60
        crossing = Network(self.children, os.environ, self.told.append, reachable=lambda: True)
        training.fetch_work(self.place, crossing, stage, commit)
        outcome = training.repro_stage(stage, self.work(self.place.tree, force=force, timeout=limit))
        training.push_result(self.place, crossing, stage, commit)
        return Completed(message=outcome)

    def run(self, name: str = STAGE, **options: Any) -> State[Any] | None:
        with gpu_pool() as nodes:
            return nodes.run(name, self.work(self.head, **options))


@pytest.fixture
def machines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machines]:
    with Children() as children:
        both = Machines(tmp_path, children)
        for module in (pool, training):
            monkeypatch.setattr(module, "get_run_logger", lambda: logging.getLogger("run"))
        monkeypatch.setattr(pool, "run_deployment", lambda *a, **k: both.server.run_deployment(*a, **k))
        monkeypatch.setattr(pool, "get_client", lambda **_: both.server)
        monkeypatch.setattr(pool, "flow_run", SimpleNamespace(name="run"))
        monkeypatch.setattr(pool, "POLL", 0.01)
        monkeypatch.setattr(network, "RETRY_DELAY", 0.01)
        yield both


def test_a_stage_runs_on_the_node(machines: Machines) -> None:
    state = machines.run()
    assert state is not None
    assert state.is_completed()
    assert (machines.head / "model-a/weights").read_text() == "whole\n"
    assert dvc(machines.head, "status", STAGE).strip() == "Data and pipelines are up to date."
    assert shell(machines.head, "git", "ls-remote", "origin", "refs/node/*") == ""
    assert machines.server.asked[0]["stage"] == STAGE
    assert "epochs: 2" in (machines.place.tree / "params.yaml").read_text()  # though not committed
    # Now there is nothing to do, and what is no training stays here.
    assert machines.run() is None
    assert machines.run("left") is None
    assert len(machines.server.asked) == 1
    # By force it runs again, in the tree that the node has.
    assert machines.run(force=True, timeout=90.0) is not None
    assert machines.server.asked[1]["force"] is True
    assert machines.server.asked[1]["stage_timeout_minutes"] == 1.5


def test_a_node_that_is_killed_is_replaced(machines: Machines) -> None:
    replies = iter([Crashed(message="gone"), Crashed(message="gone")])
    machines.server.node = lambda **asked: next(replies, None) or machines.train(**asked)
    state = machines.run()
    assert state is not None
    assert state.is_completed()
    assert len(machines.server.asked) == 3
    assert len({asked["commit"] for asked in machines.server.asked}) == 1


@pytest.mark.parametrize(
    ("reply", "times", "message"),
    [
        (Crashed(message="gone"), pool.MAX_ATTEMPTS, r"failed 5 times on its node: Crashed, gone"),
        (Failed(message="diverged"), 1, r"train@a-1 failed on its node: Failed, diverged"),
        (Cancelled(), 1, r"train@a-1 failed on its node: Cancelled, no message"),
    ],
)
def test_a_run_that_does_not_end_well(
    machines: Machines, reply: State[Any], times: int, message: str
) -> None:
    machines.server.node = lambda **_: reply
    with pytest.raises(StageError, match=message):
        machines.run()
    assert len(machines.server.asked) == times


def test_a_tree_that_was_changed_meanwhile(machines: Machines) -> None:
    def change(**asked: Any) -> State[Any]:
        (machines.head / "train.sh").write_text("echo other\n")
        return machines.train(**asked)

    machines.server.node = change
    with pytest.raises(StageError, match=r"do not fit this tree"):
        machines.run()


def test_the_end_of_the_run_cancels_the_nodes(machines: Machines) -> None:
    def stop(**_: Any) -> State[Any]:
        machines.children.stop()
        return Running()

    machines.server.node = stop
    state = machines.run()
    assert state is not None
    assert state.name == "Stopped"
    assert [state.type.value for state in machines.server.states.values()] == ["CANCELLING"]
    after = GpuPool()
    with (
        pytest.raises(Exception, match="the run is stopping"),
        after._flow_run(STAGE, machines.work(machines.head), "0" * 40, 1),
    ):
        pass


def test_a_stage_that_fails_there(machines: Machines) -> None:
    (machines.head / "train.sh").write_text("echo no luck; exit 3\n")
    with pytest.raises(StageError, match="no luck"):
        machines.run()
    with pytest.raises(StageError, match=r"dvc repro --dry exited with code"):
        machines.run("train@unknown")


def test_a_stage_that_takes_too_long(machines: Machines) -> None:
    (machines.head / "train.sh").write_text("sleep 65\n")
    with pytest.raises(StageError, match=r"time limit of 4 s"):
        machines.run(timeout=4.0)


def test_data_that_are_missing_in_the_remote(machines: Machines) -> None:
    def lose(**asked: Any) -> State[Any]:
        for path in machines.data.rglob("*"):
            if path.is_file():
                path.unlink()
        return machines.train(**asked)

    machines.server.node = lose
    with pytest.raises(NetworkError, match=r"pull --force first.txt failed 4 times[\s\S]*(missing|failed)"):
        machines.run()


def test_the_heads_credentials_reach_the_nodes_tree(machines: Machines) -> None:
    local = machines.place.main / ".dvc/config.local"
    local.write_text("['remote \"storage\"']\n    jobs = 3\n")
    machines.run()
    assert "jobs = 3" in (machines.place.tree / ".dvc/config.local").read_text()
    assert payload.files_of(machines.place.tree, STAGE).cached_deps == ["first.txt"]
